"""Engines by URL: `sqlite:///PATH` is the embedded queue. The one file that knows which engines there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gatepost_queue.errors import NoEngine
from gatepost_queue.queue import Desk, Engine, Queue


def _sqlite(url: str) -> Engine:
    from gatepost_queue.sqlite.engine import SqliteEngine  # noqa: PLC0415 - of all engines one is needed

    return SqliteEngine(url)


_ENGINES: Mapping[str, Callable[[str], Engine]] = {"sqlite": _sqlite}


def engine_of(url: str) -> Engine:
    """The engine for a queue's URL. Raises NoEngine for what none serves."""
    scheme = url.partition(":")[0]
    if scheme not in _ENGINES:
        # The scheme is all that is told of a URL: a password may be in the rest.
        raise NoEngine(f"no engine for a queue in {scheme}:…", "use sqlite:///PATH")
    return _ENGINES[scheme](url)


def open_queue(url: str) -> Queue:
    """The queue of a URL, for services. Raises NoEngine."""
    return engine_of(url).open()


def open_desk(url: str) -> Desk:
    """The same, for people and gauges. Raises NoEngine."""
    return engine_of(url).open_desk()


def create(url: str) -> bool:
    """Make the queue of a URL, or upgrade it; True if it was not there before. Raises QueueTrouble, NoEngine."""
    return engine_of(url).create()
