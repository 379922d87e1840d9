"""What the DNS says, asked for with a time limit, and kept.

- Answers are kept for as long as they say, within bounds; that there is none, too; that none can be had, for a minute.
- One question takes SECONDS at most, however many names it needs: `deadline` begins it.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import dns.message
import dns.name
import dns.rdata
import dns.resolver
from dns.exception import DNSException
from dns.rdtypes.ANY.TXT import TXT

from gatepost_service.endpoints import nameserver

SECONDS = 10.0
# Seconds that one name server is waited for before the next one, or the same, is asked.
_PATIENCE = 2.0
# Seconds for which an answer is kept.
_SHORTEST, _LONGEST, _LONGEST_WITHOUT, _AFTER_TROUBLE = 60.0, 86_400.0, 3600.0, 60.0
_MAX_KEPT = 10_000


class NoAnswer(Exception):
    """The DNS does not answer; the text tells of which name, and why."""


class _Kept(NamedTuple):
    """The texts of an answer (of records that are no text, too), () where there is none; or why there is no answer."""

    texts: tuple[str, ...]
    until: float
    trouble: str = ""


class Lookups:
    """Asks the DNS. May be used by many threads."""

    def __init__(
        self,
        nameservers: Sequence[str] = (),
        *,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """nameservers: as ADDRESS, ADDRESS:PORT or [IPV6]:PORT; () for the system's. seconds: a question's limit."""
        self._nameservers = nameservers
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._resolver: dns.resolver.Resolver | None = None

    def deadline(self) -> float:
        """Until when a question that begins now may take, by the clock that `texts` looks at."""
        return self._clock() + self._seconds

    def texts(self, name: str, kind: str, until: float) -> tuple[str, ...]:
        """The records of a name (without its last dot) of one kind, such as TXT; () where there is none.

        Raises NoAnswer.
        """
        key = (name, kind)
        with self._lock:
            kept = self._kept.get(key)
        if kept is None or kept.until <= self._clock():
            kept = self._ask(name, kind, until)
            self._keep(key, kept)
        if kept.trouble:
            raise NoAnswer(kept.trouble)
        return kept.texts

    def _keep(self, key: tuple[str, str], kept: _Kept) -> None:
        with self._lock:
            self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > _MAX_KEPT:
                self._kept.popitem(last=False)

    def _ask(self, name: str, kind: str, until: float) -> _Kept:
        try:
            question = dns.name.from_text(f"{name}.")
        except (DNSException, UnicodeError):
            return _Kept((), self._clock() + _LONGEST)  # no name that a record could be at
        try:
            return self._answer(question, kind, until - self._clock())
        except (DNSException, OSError, ValueError) as error:
            return _Kept((), self._clock() + _AFTER_TROUBLE, f"{name}: {type(error).__name__}: {error}")

    def _answer(self, name: dns.name.Name, kind: str, seconds: float) -> _Kept:
        if seconds <= 0:
            raise TimeoutError(f"no answer within {self._seconds:g} seconds")
        try:
            answer = self._ready_resolver().resolve(
                name, kind, lifetime=seconds, search=False, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN as absent:
            return self._absent(absent.kwargs["responses"][name])
        if answer.rrset is None:
            return self._absent(answer.response)
        return _Kept(tuple(map(_text, answer.rrset)), self._clock() + _within(answer.rrset.ttl, _LONGEST))

    def _absent(self, response: dns.message.Message) -> _Kept:
        seconds = _SHORTEST
        with suppress(DNSException):
            assert isinstance(response, dns.message.QueryMessage)  # noqa: S101 - an answer to a query of ours
            seconds = _within(response.resolve_chaining().minimum_ttl, _LONGEST_WITHOUT)
        return _Kept((), self._clock() + seconds)

    def _ready_resolver(self) -> dns.resolver.Resolver:
        """Made at the first use. Raises DNSException where the system has no name servers."""
        if self._resolver is None:
            resolver = dns.resolver.Resolver(configure=not self._nameservers)
            if self._nameservers:
                resolver.nameservers = [nameserver(text) for text in self._nameservers]
            resolver.timeout = _PATIENCE
            self._resolver = resolver
        return self._resolver


def _text(record: dns.rdata.Rdata) -> str:
    """A TXT record's strings as one (RFC 9989 section 4.6); of another record only that it is there matters."""
    return b"".join(record.strings).decode("utf-8", "replace") if isinstance(record, TXT) else str(record)


def _within(ttl: int, longest: float) -> float:
    return min(max(float(ttl), _SHORTEST), longest)
