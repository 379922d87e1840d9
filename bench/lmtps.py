"""The LMTP receiver's part of a run: who takes part beside Mailman and Dovecot, and what is promised of it.

A server has a turn for each of its tasks: RCPT alone, messages of 2 KB, and messages of 1 MB. All servers have their
queues or mailboxes on one disk.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bench import checks, dovecot, mailman
from bench.checks import Check
from bench.contestants import Contestant, Setting, ceiling, rate_ratio, with_replies
from bench.groups import Site
from bench.processes import family, peak_megabytes
from bench.programs import BenchError, Measurement, say
from bench.stores import Shape

# Lists and memberships of the store with fewer lists.
_MAIN, _QUICK_MAIN = (1_000, 100_000), (100, 10_000)
# Octets of a message's body.
_SMALL, _LARGE, _HUGE = 2_000, 1_000_000, 30_000_000
# So long, in seconds, huge messages come in before RCPT is timed.
_FLOOD_LEAD = 0.5
_TAKEN = "250 "


@dataclass(frozen=True)
class Turns:
    """One server, once for each task."""

    rcpt: Contestant
    small: Contestant
    large: Contestant


@dataclass(frozen=True)
class Mailmen:
    """Mailman with as many lists as the others have, and with ten times as many."""

    main: Turns
    many: Contestant


@dataclass(frozen=True)
class Flood:
    """What RCPT was told while huge messages came in, and the most memory, in MB, that the receiver had resident."""

    messages: Measurement
    rcpt: Measurement
    megabytes: float


@dataclass
class Lmtps:
    """All that take part, each running; None stands for a peer that is not there, and `absent` may say why."""

    sink: Turns
    one: Turns
    two: Contestant
    many: Contestant
    mailman: Mailmen | None
    dovecot: Turns | None
    absent: Sequence[str]
    flood: Flood = field(init=False)
    title = "The LMTP receiver"

    def everyone(self) -> Sequence[Contestant]:
        mailman_main, mailman_many = (self.mailman.main, self.mailman.many) if self.mailman else (None, None)
        # gatepost stands between those that it is compared with.
        present = [turns for turns in (self.sink, mailman_main, self.one, self.dovecot) if turns is not None]
        rcpt = [*(turns.rcpt for turns in present), self.two, self.many, *([mailman_many] if mailman_many else [])]
        return *rcpt, *(turns.small for turns in present), *(turns.large for turns in present)

    def finish(self, seconds: float, numbers: int) -> Sequence[Contestant]:
        say("asking for RCPT while messages of 30 MB come in")
        name = self.one.rcpt.name
        sending = replace(_sending(self.one.rcpt, _HUGE), name=f"{name}, while eight of 30 MB come in: those")
        asking = replace(self.one.rcpt, name=f"{name}, while eight of 30 MB come in: RCPT", connections=1, measured=[])
        self.flood = _flood(sending, asking, seconds, numbers)
        sending.measured.append(self.flood.messages)
        asking.measured.append(self.flood.rcpt)
        return sending, asking

    def promises(self) -> list[Check]:
        return [
            *self._beside_mailman(),
            *self._beside_dovecot(),
            checks.slowdown(
                f"RCPT: {self.many.lists} lists against {self.one.rcpt.lists}",
                rate_ratio(self.one.rcpt, self.many),
                1.3,
            ),
            checks.amount("the slowest RCPT while 30 MB messages come in", self.flood.rcpt.slowest / 1000, 100, "ms"),
            checks.amount("peak resident memory, all of its processes", self.flood.megabytes, 250, "MB"),
        ]

    def notes(self) -> Sequence[str]:
        return self.absent

    def _beside_mailman(self) -> list[Check]:
        if self.mailman is None:
            return []
        ours, theirs = self.one, self.mailman.main
        return [
            checks.times(f"RCPT beside Mailman's, {ours.rcpt.lists} lists", rate_ratio(ours.rcpt, theirs.rcpt), 12),
            checks.times(
                f"RCPT beside Mailman's, {self.many.lists} lists", rate_ratio(self.many, self.mailman.many), 100
            ),
            checks.times("messages of 2 KB beside Mailman's", rate_ratio(ours.small, theirs.small), 10),
            checks.times("messages of 1 MB beside Mailman's", rate_ratio(ours.large, theirs.large), 4),
        ]

    def _beside_dovecot(self) -> list[Check]:
        if self.dovecot is None:
            return []
        ours, theirs = self.one, self.dovecot
        return [
            checks.part("messages of 2 KB beside Dovecot's", rate_ratio(ours.small, theirs.small), 1.0),
            checks.part("messages of 1 MB beside Dovecot's", rate_ratio(ours.large, theirs.large), 0.8),
            checks.part("RCPT beside Dovecot's, two workers", rate_ratio(self.two, theirs.rcpt), 0.8),
        ]


def start(site: Site) -> Lmtps:
    """Make the stores and start everyone."""
    lists, memberships = _QUICK_MAIN if site.quick else _MAIN
    main, many = Shape(lists, memberships), Shape(10 * lists, memberships)
    say("making the receiver's stores")
    absent: list[str] = []
    sink = site.stack.enter_context(ceiling(site.folder / "lmtp-sink", main, 8, "lmtp"))
    return Lmtps(
        sink=_turns("ceiling, which keeps nothing", sink),
        one=_turns("gatepost, 1 process", site.gatepost("lmtp-one", Setting(main, door="lmtp"))),
        two=_named("RCPT: gatepost, 2 workers", site.gatepost("lmtp-two", Setting(main, workers=2, door="lmtp"))),
        many=_named(f"RCPT: gatepost, {many.lists:,} lists", site.gatepost("lmtp-many", Setting(many, door="lmtp"))),
        mailman=_mailmen(site, main, many, absent) if site.with_peers else None,
        dovecot=_dovecot(site, main, absent) if site.with_peers else None,
        absent=absent,
    )


def _mailmen(site: Site, main: Shape, many: Shape, absent: list[str]) -> Mailmen | None:
    try:
        mailman.install()
        say("making Mailman's databases")
        few_lists, many_lists = (
            site.stack.enter_context(mailman.lmtp_runner(site.folder / f"mailman-{shape.lists}", shape))
            for shape in (main, many)
        )
    except BenchError as error:
        absent.append(f"Mailman is left out: {error}")
        return None
    return Mailmen(
        _turns("Mailman", _peer(few_lists, main)),
        _named(f"RCPT: Mailman, {many.lists:,} lists", _peer(many_lists, many)),
    )


def _dovecot(site: Site, shape: Shape, absent: list[str]) -> Turns | None:
    try:
        dovecot.fetch()
        address = site.stack.enter_context(dovecot.lmtp_server(site.folder / "dovecot"))
    except BenchError as error:
        absent.append(f"Dovecot is left out: {error}")
        return None
    return _turns("Dovecot", _peer(address, shape))


def _peer(address: str, shape: Shape) -> Contestant:
    """One that takes mail from everybody, which is what it is asked for."""
    return Contestant("", address, with_replies(shape.workload(), _TAKEN, _TAKEN), mode="lmtp-rcpt")


def _turns(name: str, contestant: Contestant) -> Turns:
    return Turns(
        rcpt=_named(f"RCPT: {name}", contestant),
        small=_named(f"2 KB: {name}", _sending(contestant, _SMALL)),
        large=_named(f"1 MB: {name}", _sending(contestant, _LARGE)),
    )


def _named(name: str, contestant: Contestant) -> Contestant:
    return replace(contestant, name=name, measured=[])


def _sending(contestant: Contestant, octets: int) -> Contestant:
    """The same server, to which members bring messages with a body of so many octets."""
    members = replace(contestant.workload.senders[0], expected=_TAKEN)
    workload = replace(contestant.workload, senders=(members,), octets=octets)
    return replace(contestant, mode="lmtp-message", workload=workload, measured=[])


def _flood(sending: Contestant, asking: Contestant, seconds: float, numbers: int) -> Flood:
    """Ask while the others send: they begin before, and end after it."""
    messages = sending.begin(seconds + 2 * _FLOOD_LEAD, numbers)
    time.sleep(_FLOOD_LEAD)
    rcpt = asking.ask(seconds, numbers)
    assert asking.server is not None
    processes = family(asking.server.process.pid)
    return Flood(messages.result(), rcpt, sum(peak_megabytes(pid) for pid in processes))
