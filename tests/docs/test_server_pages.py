"""The pages for operators of Exim, Sendmail, qmail and systemd show what `gatepost conf` prints, and all of it.

What follows the backquotes of such a block is the server, the piece's name and, where the page has several, the case.
"""

from __future__ import annotations

import pwd
import re
from pathlib import Path
from typing import NoReturn

import pytest

from labs.conf.pages import SITES, made

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
PAGES = {"exim": "exim.md", "sendmail": "sendmail.md", "qmail": "qmail.md", "systemd": "service.md"}
# The whole file for Exim is made of the other blocks.
NOT_SHOWN = {("exim", "exim.conf"), ("sendmail", "lists.mc unix"), ("systemd", "gatepost.socket")}


def shown(server: str) -> dict[str, str]:
    """The blocks of a server's page, by what stands behind its name."""
    fence = re.compile(rf"^```{server} ([^\n]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return dict(fence.findall((DOCS / PAGES[server]).read_text(encoding="utf-8")))


def no_such_user(name: str) -> NoReturn:
    raise KeyError(name)


@pytest.mark.parametrize("server", PAGES)
def test_a_page_shows_what_is_printed(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwd, "getpwnam", no_such_user)
    printed = {
        f"{name} {case}".strip(): text
        for name_of_server, case in SITES
        if name_of_server == server
        for name, text in made(server, case).items()
    }
    assert shown(server) == {name: text for name, text in printed.items() if (server, name) not in NOT_SHOWN}
