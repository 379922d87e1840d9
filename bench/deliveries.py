"""Delivery's part of a run: one post on its way to many members, beside Mailman's outgoing runner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from bench import checks, mailman, smtp_sink
from bench.checks import Check
from bench.couriers import Courier, delivery, mailmen
from bench.groups import Site
from bench.programs import BenchError, say
from bench.stores import Shape

_DOMAINS = 2_000
_MEMBERS, _QUICK_MEMBERS = 10_000, 1_000
# Mailman's way to all members with VERP would take it minutes; its rate does not depend on how many they are.
_VERP_RECIPIENTS, _QUICK_VERP_RECIPIENTS = 500, 100
# Members of the list with which memory is weighed.
_MANY, _QUICK_MANY = 1_000_000, 10_000


@dataclass(frozen=True)
class Pair:
    """One post in bulk, and one with VERP."""

    bulk: Courier
    verp: Courier


@dataclass
class Deliveries:
    """All that take part, each running; None where Mailman is not there, and `absent` may say why."""

    site: Site
    ours: Pair
    mailman: Pair | None
    absent: Sequence[str]
    megabytes: float = field(init=False)
    many: Shape = field(init=False)
    title = "Delivery into smtp-sink, in recipients"

    def everyone(self) -> Sequence[Courier]:
        pairs = [pair for pair in (self.ours, self.mailman) if pair is not None]
        return *(pair.bulk for pair in pairs), *(pair.verp for pair in pairs)

    def finish(self, seconds: float, numbers: int) -> Sequence[Courier]:
        site = self.site
        self.many = Shape(1, _QUICK_MANY if site.quick else _MANY, _DOMAINS)
        say(f"making a list with {self.many.memberships:,} members, and delivering to it")
        name = f"bulk: gatepost, {self.many.memberships:,} members"
        store = site.stores.store(self.many)
        courier = site.stack.enter_context(delivery(site.folder / "many", store, name, self.many, verp=False))
        courier.take_turn(seconds, numbers)
        self.megabytes = courier.memory()
        return (courier,)

    def promises(self) -> list[Check]:
        limit = checks.amount(
            f"delivery: peak resident memory, {self.many.memberships:,} members", self.megabytes, 200, "MB"
        )
        return [*self._beside_mailman(), limit]

    def notes(self) -> Sequence[str]:
        return self.absent

    def _beside_mailman(self) -> list[Check]:
        if self.mailman is None:
            return []
        found = []
        for kind, ours, theirs, least in (
            ("VERP", self.ours.verp, self.mailman.verp, 10),
            ("bulk", self.ours.bulk, self.mailman.bulk, 2),
        ):
            beside = f"{kind} beside Mailman's outgoing runner"
            whole = median(a / b.rate for a, b in zip(ours.whole, theirs.measured, strict=True))
            found += [
                checks.times(beside, checks.ratio(ours.measured, theirs.measured), least),
                checks.times(f"{beside}, ours from the queue in on", whole, None),
            ]
        return found


def start(site: Site) -> Deliveries:
    """Make the list, and start everyone."""
    smtp_sink.fetch()
    shape = Shape(1, _QUICK_MEMBERS if site.quick else _MEMBERS, _DOMAINS)
    absent: list[str] = []
    bulk, verp = (_delivery(site, shape, verp=each) for each in (False, True))
    return Deliveries(site, Pair(bulk, verp), _mailmen(site, shape, absent) if site.with_peers else None, absent)


def _delivery(site: Site, shape: Shape, *, verp: bool) -> Courier:
    kind = "VERP" if verp else "bulk"
    started = delivery(
        site.folder / f"delivery-{kind}", site.stores.store(shape), f"{kind}: gatepost", shape, verp=verp
    )
    return site.stack.enter_context(started)


def _mailmen(site: Site, shape: Shape, absent: list[str]) -> Pair | None:
    recipients = _QUICK_VERP_RECIPIENTS if site.quick else _VERP_RECIPIENTS
    try:
        mailman.install()
        return Pair(*site.stack.enter_context(mailmen(site.folder / "mailman-out", shape, recipients)))
    except BenchError as error:
        absent.append(f"Mailman is left out: {error}")
        return None
