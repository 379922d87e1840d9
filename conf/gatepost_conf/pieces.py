"""Pieces of configuration: what a generator makes, and how pieces are printed.

A generator is a function `pieces(site, …) -> list[Piece]`; who writes pieces to files is gatepost_conf.writing. No I/O
here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing to put somewhere.

    name: its file name where it is written to a folder, such as "postfix_lmtp" or "gatepost.service". comment: what it
    is for and where it goes, a line or several. text: what the file holds, with a line end behind its last line.
    mode: the file's permissions. owner: "USER", "USER:GROUP" or ":GROUP", names or numbers; "" leaves the file to
    whoever writes it.
    """

    name: str
    comment: str
    text: str
    mode: int = 0o644
    owner: str = ""


def printed(pieces: Iterable[Piece]) -> str:
    """All pieces, one below the other, each under a line `# == NAME: COMMENT`."""
    return "\n".join(f"{heading(piece)}{piece.text}" for piece in pieces)


def heading(piece: Piece) -> str:
    """The comment lines over a printed piece."""
    first, *others = f"{piece.name}: {piece.comment}".splitlines()
    return "".join([f"# == {first}\n", *(f"#    {line}\n" for line in others)])
