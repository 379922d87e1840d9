"""The handler of `bounces`: mail that came back, and what our own sender could not deliver.

- What comes from outside counts if it is a bounce (reports.py) from a sender that reports have. To a VERP address it
  counts against the member in that address, whatever it says; else against the members whom it names. Anything else
  is dropped with a log line: what comes to this address and is no bounce is spam, or an answer of a machine.
- All of that can be forged. So a bounce alone does nothing: one a day counts, and one is logged; when the list's
  threshold is reached, a probe goes to the member, from an address with a token that nobody else knows. Only when that
  comes back, or is refused, is delivery disabled; the member and the owners are told. No text of a bounce goes to the
  member, and to the owners only that of the probe's.
- A reply that refused a recipient counts like a bounce. Recipients who could not be reached for as long as mail is
  tried, and messages that were refused for what they are, count against nobody: the owners are told, once a message.
- A mail server that refuses us, whoever a message is for, is no fault of any member: the site's owner is told, once a
  day for each kind of refusal. That holds for a probe that comes back with such a reason from further on, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gatepost_delivery import kinds, notices
from gatepost_delivery.fields import split
from gatepost_delivery.letters import address_of, one_line
from gatepost_delivery.outbox import Outbox, Terms
from gatepost_delivery.outgoing.trouble import code_and_status, is_about_client
from gatepost_delivery.reports import MAX_WHY, is_reporter, read_report, verp_address
from gatepost_delivery.requests import deliverable, original_of
from gatepost_delivery.tokens import Tokens
from gatepost_delivery.values import Done, GoOn
from gatepost_lists import AddressError, parse_address
from gatepost_lists.errors import NotFoundError
from gatepost_lists.store.admin import Store
from gatepost_lists.store.changes import BounceSource, BounceVerdict, DeliveryStatus
from gatepost_lists.store.profiles import Profile
from gatepost_lists.subaddresses import readings
from gatepost_queue import Claimed
from gatepost_queue.metadata import BouncesMetadata
from gatepost_service.log import get_logger

PROBE = "probe"
# Seconds for which a probe may come back; no other is sent meanwhile. Mail servers try for five days.
PROBE_LIFE = 7 * 86400.0
# Seconds for which it is remembered that the owners were told of a message: longer than any is tried.
TOLD_LIFE = 60 * 86400.0
# Seconds for which the site's owner is not told again that we are refused.
ALARM_PAUSE = 86400.0

# Whether a list asks for this key, at this time, for the first time; it is kept for so many seconds.
FirstTime = Callable[[str, str, float, float], bool]

_log = get_logger("delivery")


@dataclass(frozen=True, kw_only=True)
class Bounces:
    """Deals with entries of the queue `bounces`, in one thread.

    site_owner: the address that is told of what concerns all lists, and of what concerns one that has no owners.
    """

    store: Store
    site_owner: str
    clock: Callable[[], float] = time.time

    def __call__(self, claimed: Claimed, go_on: GoOn) -> Done:
        """Count, probe, disable, tell. Raises StoreTroubleError, QueueTrouble: nothing is lost by that."""
        profile = self.store.profile(claimed.listid)
        if profile is None:
            _log.warning("no such list any more", id=claimed.trace, list=claimed.listid, queue=claimed.queue)
            return Done()
        now = self.clock()
        outbox = Outbox(self.store, profile, claimed, now, Terms(site_owner=self.site_owner))
        _Work(self, claimed, go_on, profile, outbox, now).do()
        return Done(puts=outbox.puts)


class _Work:
    """One entry: what it tells about whom, and what follows."""

    def __init__(
        self, site: Bounces, claimed: Claimed, go_on: GoOn, profile: Profile, outbox: Outbox, now: float
    ) -> None:
        self._store = site.store
        self._site_owner = site.site_owner
        self._claimed = claimed
        self._go_on = go_on
        self._profile = profile
        self._outbox = outbox
        self._now = now

    def do(self) -> None:
        metadata = self._metadata
        if not metadata.is_ours:
            self._from_outside()
        if metadata.refused:
            self._refused(metadata.refused)
        if metadata.client_refused:
            self._raise_alarm(metadata.client_refused)
        if metadata.expired is not None or metadata.message_refused is not None:
            self._tell_owners(metadata)

    @property
    def _metadata(self) -> BouncesMetadata:
        return BouncesMetadata.from_json(self._claimed.metadata)

    def _from_outside(self) -> None:
        """A message that came to -bounces, perhaps with an extension: a VERP address, or a probe's token."""
        if not self._profile.process_bounces:
            return self._say("nothing counts on this list")
        if not is_reporter(self._claimed.envsender):
            return self._say("no bounce: a person or a machine has sent it")
        extension = self._metadata.extension
        report = read_report(self._claimed.content)
        if not report.failed and not (extension and report.may_be_bounce):
            return self._say("no bounce")
        if "=" in extension:
            return self._strike(BounceSource.REPORTED, {verp_address(extension): report.why})
        if extension:
            return self._probe_failed(extension, report.why)
        return self._strike(BounceSource.REPORTED, dict.fromkeys(report.failed, report.why))

    def _refused(self, refused: Mapping[str, str]) -> None:
        """Recipients whom a mail server refused while we were connected to it."""
        token = self._token_of_envelope()
        if not self._profile.process_bounces:
            self._say("nothing counts on this list")
        elif token:
            self._probe_failed(token, next(iter(refused.values())))
        else:
            self._strike(BounceSource.REFUSED, refused)

    def _token_of_envelope(self) -> str:
        """The token that this message of ours was sent with; '' if it is no probe."""
        try:
            address = parse_address(self._metadata.envsender)
        except AddressError:
            return ""
        for reading in readings(address):
            if reading.subaddress == "bounces" and address_of(self._profile) == f"{reading.list_name}@{address.domain}":
                return "" if "=" in reading.extension else reading.extension
        return ""

    def _strike(self, source: BounceSource, whys: Mapping[str, str]) -> None:
        """Count a bounce against each address, and send probes where that was one too many."""
        reached = self._metadata.reached
        if reached is None:
            reached = self._count(source, whys)
        for email in reached:
            self._send_probe(email)

    def _count(self, source: BounceSource, whys: Mapping[str, str]) -> list[str]:
        """Those who have reached the threshold. Should the process die now, they are found in the metadata."""
        with self._store.transaction():
            named = ((deliverable(address), one_line(why, MAX_WHY)) for address, why in whys.items())
            reached = [email for email, why in named if email and self._is_to_be_probed(source, email, why)]
            if reached:
                self._go_on(replace(self._metadata, reached=reached).to_json(), ())
        return reached

    def _is_to_be_probed(self, source: BounceSource, email: str, why: str) -> bool:
        listid, now = self._profile.list_id, self._now
        verdict = self._store.register_bounce(listid, email, source, why, now)
        self._say(f"bounce: {verdict.value}", recipient=email, why=why)
        return verdict is BounceVerdict.REACHED and self._store.first_time(
            listid, f"{PROBE} {email.lower()}", now, PROBE_LIFE
        )

    def _send_probe(self, email: str) -> None:
        token = self._store.add_pending(PROBE, self._profile.list_id, email, PROBE_LIFE, self._now)
        content = notices.probe(self._profile, email, self._now)
        envsender = address_of(self._profile, "bounces", token)
        self._outbox.tell(kinds.BOUNCING, email, lambda _: content, envsender)
        self._say("probe sent", recipient=email)

    def _probe_failed(self, token: str, why: str) -> None:
        tokens = Tokens(self._store, self._claimed, self._go_on, self._now)
        taken = tokens.take(token.lower())
        self._claimed = tokens.claimed
        if taken is None or taken.kind != PROBE:
            return self._say("no bounce: nothing was sent with this token, or long ago")
        listid, email, why = self._profile.list_id, taken.email, one_line(why, MAX_WHY)
        if is_about_client(why):
            self._raise_alarm({email: why})
            return self._say("not disabled: it is us that are refused", recipient=email, why=why)
        try:
            self._store.set_delivery(listid, email, DeliveryStatus.BY_BOUNCES, why, self._now)
        except NotFoundError:
            return self._say("no member any more", recipient=email)
        self._outbox.to_owners(notices.disabled_to_owner(self._profile, email, why, self._now))
        content = notices.disabled_to_member(self._profile, email, self._now)
        self._outbox.tell(kinds.BOUNCING, email, lambda _: content)
        return self._say("delivery disabled", recipient=email, why=why)

    def _tell_owners(self, metadata: BouncesMetadata) -> None:
        """Of a message that could not be delivered: once, though the parts of it come one by one."""
        if not self._is_first(f"undeliverable {self._claimed.trace}", TOLD_LIFE, self._store.first_time):
            return
        original = original_of(split(self._claimed.content).fields)
        if reply := metadata.message_refused:
            recipients = self._claimed.recipients
            content = notices.refused_to_owner(self._profile, original, reply, recipients, self._now)
        else:
            content = notices.undeliverable_to_owner(self._profile, original, metadata.expired or {}, self._now)
        self._outbox.to_owners(content)
        self._say("the owners are told")

    def _raise_alarm(self, states: Mapping[str, str]) -> None:
        """Tell the site's owner that we are refused, if that has not been told today."""
        key = f"client refused {code_and_status(next(iter(states.values())))}"
        if self._is_first(key, ALARM_PAUSE, self._store.first_time_anywhere):
            self._outbox.to_site_owner(notices.client_refused(self._profile, self._site_owner, states, self._now))
            self._say("the site's owner is told")

    def _is_first(self, key: str, keep: float, first_time: FirstTime) -> bool:
        """Whether something is to be told now. Should the process die before it is, the metadata say so again."""
        if self._metadata.first:
            return True
        with self._store.transaction():
            first = first_time(self._profile.list_id, key, self._now, keep)
            if first:
                self._go_on(replace(self._metadata, first=True).to_json(), ())
        return first

    def _say(self, outcome: str, **more: str) -> None:
        _log.info("bounces", id=self._claimed.trace, list=self._claimed.listid, outcome=outcome, **more)
