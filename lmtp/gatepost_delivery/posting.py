"""The handler of `in` for posts: moderated, and then sent on, held, refused or thrown away.

- What is sent on is one new message and one entry, whatever the number of members: the sender finds them.
- Who is told of a refusal, or that a message waits, is the envelope's sender, and only by the rules of kinds.py: as a
  rule the mail server has refused before, and what is left over is mostly forged.
- A post for a list that is gone is held: it cannot be sent on, and nobody but the site's owner can tell what for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from gatepost_delivery import kinds, notices
from gatepost_delivery.cooked import cleansed, cooked, may_be_left_out, without_lists
from gatepost_delivery.dmarc import Found
from gatepost_delivery.dmarc_record import Policy
from gatepost_delivery.fields import Section, split
from gatepost_delivery.holding import nobody_decided
from gatepost_delivery.letters import address_of, one_line
from gatepost_delivery.lookups import NoAnswer
from gatepost_delivery.munge import author_domains, authors, munged, wrapped
from gatepost_delivery.outbox import Outbox, Terms
from gatepost_delivery.requests import original_of
from gatepost_delivery.signatures import Signature, signatures_of
from gatepost_delivery.values import Done, GoOn
from gatepost_lists import Action, Directory, Headers, Rules, parse_address
from gatepost_lists.moderation import Decision, Posting, moderate
from gatepost_lists.store.admin import Store
from gatepost_lists.store.profiles import Profile
from gatepost_queue import HELD, Claimed, Entry, Message, Put
from gatepost_queue.metadata import HeldMetadata, InMetadata, OutMetadata
from gatepost_service.log import get_logger

_APPROVED = Decision(Action.ACCEPT, test="approved", why="a moderator let it through")
_GONE = Decision(Action.HOLD, "The mailing list does not exist any more.", "list-known", "no list has this name")

_log = get_logger("delivery")


class Policies(Protocol):
    """Who knows the DMARC policies of domains."""

    def strictest(self, domains: Iterable[str]) -> Found: ...


class Verifier(Protocol):
    """Who knows whether signatures hold."""

    def holding(self, section: Section, signatures: Collection[Signature]) -> list[Signature]: ...


@dataclass(frozen=True, kw_only=True)
class PostMail:
    """Deals with posts, in one thread.

    terms: what notices keep to. verp_interval: 0 never, 1 always, n every n-th post. dmarc: what is done to mail whose
    author's domain would have it refused; policies: who knows that, asked unless it is "off". verifier: who knows
    whether a signature holds, asked where one would have fields of the list left out.
    """

    store: Store
    directory: Directory
    rules: Rules
    terms: Terms
    verp_interval: int
    dmarc: Literal["munge", "wrap", "off"]
    policies: Policies
    verifier: Verifier
    clock: Callable[[], float] = time.time

    def __call__(self, claimed: Claimed, go_on: GoOn) -> Done:
        """Decide about a post, and do it. Raises StoreTroubleError, DirectoryTrouble: it is tried again."""
        profile = self.store.profile(claimed.listid)
        if profile is None:
            return self._without_list(claimed)
        outbox = Outbox(self.store, profile, claimed, self.clock(), self.terms)
        post = _Post(self, claimed, profile, split(claimed.content), outbox)
        decision = post.decided()
        done = post.do(decision)
        _tell(claimed, decision)
        return done

    def _without_list(self, claimed: Claimed) -> Done:
        decision = InMetadata.from_json(claimed.metadata)
        if decision.rejected is not None or decision.waited_days is not None:
            _tell(claimed, _GONE._replace(action=Action.DISCARD))
            return Done()
        _tell(claimed, _GONE)
        subject = original_of(split(claimed.content).fields).subject
        return Done(entries=(_held(claimed, _GONE.why, subject, self.clock()),))


def _expired(days: int) -> Decision:
    return Decision(Action.DISCARD, nobody_decided(days), "expired", f"no moderator has decided in {days} days")


def _tell(claimed: Claimed, decision: Decision) -> None:
    _log.info(
        "post",
        id=claimed.trace,
        list=claimed.listid,
        sender=claimed.envsender,
        outcome=str(decision.action),
        test=decision.test,
        why=decision.why,
    )


def _held(claimed: Claimed, reason: str, subject: str, now: float) -> Entry:
    """The entry that waits for a moderator; its metadata are those that the post came with, and why it waits."""
    metadata = replace(
        HeldMetadata.from_json(claimed.metadata),
        approved=False,
        request="post",
        reason=reason,
        held_since=now,
        subject=one_line(subject),
    )
    return Entry(
        queue=HELD,
        listid=claimed.listid,
        subaddress=claimed.subaddress,
        recipients=claimed.recipients,
        metadata=metadata.to_json(),
    )


@dataclass(frozen=True, slots=True)
class _Post:
    """One post: what it is, and what is done about it."""

    site: PostMail
    claimed: Claimed
    profile: Profile
    section: Section
    outbox: Outbox

    def decided(self) -> Decision:
        """What is to be done: as a moderator said, else by the list's rules."""
        metadata = InMetadata.from_json(self.claimed.metadata)
        if metadata.approved:
            return _APPROVED
        if metadata.rejected is not None:
            return Decision(Action.REJECT, metadata.rejected, "rejected", "a moderator refused it")
        if metadata.waited_days is not None:
            return _expired(metadata.waited_days)
        headers = Headers()
        for one in self.section.fields:
            headers.add(one.name.decode("ascii"), one.text)
        size = len(self.claimed.content) if metadata.original_size is None else metadata.original_size
        site = self.site
        with site.directory.snapshot():
            mailing_list = site.directory.find(parse_address(self.profile.fqdn_listname)).mailing_list
            posting = Posting.received(self.claimed.envsender, headers, size, site.directory, site.rules)
        if mailing_list is None:
            return _GONE
        return moderate(posting, mailing_list, site.directory, site.rules)

    def do(self, decision: Decision) -> Done:
        """Carry it out."""
        match decision.action:
            case Action.ACCEPT:
                return Done(puts=(self._sent_on(),))
            case Action.HOLD:
                return self._hold(decision)
            case Action.REJECT:
                self._reject(decision)
                return Done(puts=self.outbox.puts)
            case _ if decision.test == "expired":
                self._expire(decision)
                return Done(puts=self.outbox.puts)
            case _:
                return Done()

    def _sent_on(self) -> Put:
        claimed, site = self.claimed, self.site
        message = Message(
            content=self._content(), envsender=claimed.envsender, received=claimed.received, trace=claimed.trace
        )
        number = site.store.next_post(claimed.listid)
        metadata = OutMetadata(
            envsender=address_of(self.profile, "bounces"),
            verp=site.verp_interval > 0 and number % site.verp_interval == 0,
            to_members=True,
        )
        return Put(message, (Entry(queue="out", listid=claimed.listid, metadata=metadata.to_json()),))

    def _content(self) -> bytes:
        """The message as the members get it."""
        section, profile = cleansed(self.section), self.profile
        if not self._would_be_refused():
            section = without_lists(section)
            return cooked(section, profile, self._left_out(section))
        # From is signed in every signature (RFC 6376 section 5.4): none holds for what is above a changed one.
        changed = munged(section, profile) if self.site.dmarc == "munge" else wrapped(section, profile)
        return cooked(without_lists(changed), profile)

    def _left_out(self, section: Section) -> set[bytes]:
        """The list's fields that would break a good signature of an author's."""
        domains = author_domains(section.fields)
        wishes = {
            signature: names
            for signature in signatures_of(section.fields)
            if signature.is_aligned(domains) and (names := may_be_left_out(signature.allows_no_more_of(section.fields)))
        }
        return {name for signature in self._holding(section, wishes) for name in wishes[signature]}

    def _holding(self, section: Section, signatures: Collection[Signature]) -> list[Signature]:
        try:
            return self.site.verifier.holding(section, signatures) if signatures else []
        except NoAnswer as trouble:
            _log.warning("a signature cannot be checked", id=self.claimed.trace, why=str(trouble))
            return []

    def _would_be_refused(self) -> bool:
        """Whether an author's domain asks for that, or may do so."""
        domains = author_domains(self.section.fields) if self.site.dmarc != "off" else []
        if not domains:
            return False
        found = self.site.policies.strictest(domains)
        if found.trouble:
            _log.warning("a DMARC policy is not known", id=self.claimed.trace, why=found.trouble)
        return found.policy is not Policy.NONE

    def _hold(self, decision: Decision) -> Done:
        sender, profile, now = self.claimed.envsender, self.profile, self.site.clock()
        original, came = original_of(self.section.fields), self.claimed.received
        self.outbox.tell(kinds.HELD, sender, lambda _: notices.held(profile, sender, came, decision.reason, now))
        author = next((one.address for one in authors(self.section.fields)), sender)
        self.outbox.to_owners(notices.held_for_owner(profile, author, original, decision.why, now))
        return Done(entries=(_held(self.claimed, decision.why, original.subject, now),), puts=self.outbox.puts)

    def _expire(self, decision: Decision) -> None:
        sender, came, now = self.claimed.envsender, self.claimed.received, self.site.clock()
        reason = decision.reason
        self.outbox.tell(kinds.EXPIRED, sender, lambda _: notices.expired(self.profile, sender, came, reason, now))
        self.outbox.to_owners(notices.expired_for_owner(self.profile, reason, now), once_a_day="expired")

    def _reject(self, decision: Decision) -> None:
        sender, came, now = self.claimed.envsender, self.claimed.received, self.site.clock()
        kind = kinds.REJECTED if decision.test == "rejected" else kinds.REFUSED
        self.outbox.tell(kind, sender, lambda _: notices.rejection(self.profile, sender, came, decision.reason, now))
