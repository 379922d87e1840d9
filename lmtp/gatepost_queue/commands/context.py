"""What the commands for the queue get from the command line that mounts them.

The command line puts a QueueContext into click's context (`meta`), where `pass_queue` finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Protocol

from click.decorators import pass_meta_key

from gatepost_queue.open import open_desk
from gatepost_queue.queue import Desk

META_KEY = "gatepost_queue.commands"
pass_queue = pass_meta_key(META_KEY, doc_description="the QueueContext")


class Output(Protocol):
    """How every command of gatepost prints what it has found."""

    def print_rows(self, rows: Iterable[Mapping[str, object]], columns: Sequence[str], as_json: bool) -> None:
        """Print a listing: of each row the named columns, or all that it has as a JSON object."""

    def print_json(self, value: object) -> None:
        """Print one JSON value."""

    def print_attributes(self, attributes: Mapping[str, object]) -> None:
        """Print what one thing is, an attribute a line; of a list, an entry a line."""


@dataclass(frozen=True)
class QueueContext:
    """Where the queue is, found out when it is first needed, and how to print."""

    url: Callable[[], str]
    output: Output

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        """The queue's desk. Raises NoEngine."""
        with closing(open_desk(self.url())) as desk:
            yield desk
