"""Moderation: what becomes of a post that has been let in. Mailman's checks, in Mailman's order.

The judge says at the door who may come in; here, with the whole message at hand, is decided whether a post goes out, is
held for the moderators, is refused with a notice, or is thrown away. The first check that has something against the
post decides; `accept` of a member or nonmember skips the rest, `defer` goes on with it.

Where a message is from one sender only, the judge and moderation agree: whom the judge refuses with 5.7.2 is rejected
here, and whom it lets in is not (but for members whose moderation action is reject, whom the judge lets in as a rule).
With several senders, the first of whom something is known decides, while the judge lets a message in for any of them.

No I/O here: the directory does its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from gatepost_lists.backtracking import PatternTimeout
from gatepost_lists.counted import ban_of, counted
from gatepost_lists.directory import Directory, RecordTrouble
from gatepost_lists.headers import Headers
from gatepost_lists.model import Action, MailingList, Standing
from gatepost_lists.rules import DEFAULT_RULES, Rules

_KIB = 1024
# What a list must take all mail for (RFC 5321 section 4.5.1).
_POSTMASTER = "postmaster"


@dataclass(frozen=True, slots=True)
class Posting:
    """A post. senders: the addresses that it may be from, as compared, the first one first; size in octets.

    suspects: addresses that count for bans alone.
    """

    senders: tuple[str, ...]
    size: int
    headers: Headers
    suspects: tuple[str, ...] = ()

    @classmethod
    def received(
        cls, envelope_sender: str, headers: Headers, size: int, directory: Directory, rules: Rules = DEFAULT_RULES
    ) -> Posting:
        """The post that came with this envelope; its senders are those whom the judge sees at the header stage.

        Ask inside a snapshot. Raises DirectoryTrouble.
        """
        senders, suspects = counted(envelope_sender, headers, directory, rules)
        return cls(senders, size, headers, suspects)


class Decision(NamedTuple):
    """What becomes of a post: action is accept, hold, reject or discard.

    reason: why, in words fit for the poster, '' where it is accepted. test: the check that decided, by the judge's name
    for it where the judge has it; '' where none had anything against it. why: what was found, for owners and logs.
    """

    action: Action
    reason: str = ""
    test: str = ""
    why: str = ""


ACCEPTED = Decision(Action.ACCEPT, why="no check has anything against it")


class _Case:
    """One post before the checks, with what they have found out so far."""

    def __init__(self, posting: Posting, mailing_list: MailingList, directory: Directory, rules: Rules) -> None:
        self.posting = posting
        self.mailing_list = mailing_list
        self.directory = directory
        self.rules = rules
        self._standing: Standing | None = None

    @property
    def standing(self) -> Standing:
        """The standing of all senders together, asked at the first use; there must be one."""
        if self._standing is None:
            self._standing = self.directory.standing(self.mailing_list, self.posting.senders)
        return self._standing


Check = Callable[[_Case], Decision | None]


def _no_senders(case: _Case) -> Decision | None:
    """Discard what is from nobody, unless the site lets the null sender post."""
    if case.posting.senders or case.rules.null_sender_posts:
        return None
    reason = "The null sender may not post to a mailing list."
    return Decision(Action.DISCARD, reason, "no-senders", "the message has no sender")


def _loop(case: _Case) -> Decision | None:
    """Discard what the list itself has sent."""
    if not case.posting.headers.went_through(case.mailing_list):
        return None
    reason = "The message has been through the mailing list already."
    return Decision(Action.DISCARD, reason, "loop", "its List-Id or X-BeenThere names the list")


def _banned(case: _Case) -> Decision | None:
    """Discard it, if any of its senders is banned here or everywhere."""
    if not case.posting.senders:
        return None
    ban = ban_of(case.standing, case.posting.suspects, case.mailing_list, case.directory)
    if not ban:
        return None
    return Decision(Action.DISCARD, "You are banned from this mailing list.", "banned", f"a sender is banned by {ban}")


def _emergency(case: _Case) -> Decision | None:
    """Hold everything while the list is in emergency."""
    if not case.mailing_list.emergency:
        return None
    reason = "All messages to this mailing list are looked at by a moderator for the time being."
    return Decision(Action.HOLD, reason, "emergency", "the list is in emergency")


def _senders(case: _Case) -> Decision | None:
    """What is said of the first sender who is a member; where none is one, of the first of whom anything is said."""
    if not case.posting.senders:
        return None
    decision = _member(case) if case.standing.member else _nonmember(case)
    return None if decision.action is Action.DEFER else decision


def _member(case: _Case) -> Decision:
    own = case.standing.member_action
    action = own or case.mailing_list.default_member_action
    whose = "of the member" if own else "that the list has for members"
    return Decision(action, _of_members(action), "member", f"the moderation action {whose} is {action}")


def _of_members(action: Action) -> str:
    if action is Action.HOLD:
        return "Your messages to this mailing list are looked at by a moderator."
    return "" if action in (Action.ACCEPT, Action.DEFER) else "You may not post to this mailing list."


def _nonmember(case: _Case) -> Decision:
    for sender in case.posting.senders:
        if decision := _nonmember_record(case, sender) or _listed(case, sender):
            return decision
    action = case.mailing_list.default_nonmember_action
    return _of_nonmember(action, "nonmember-action", f"default_nonmember_action is {action}")


def _nonmember_record(case: _Case, sender: str) -> Decision | None:
    action = case.directory.standing(case.mailing_list, (sender,)).nonmember_action
    if action is None:
        return None
    return _of_nonmember(action, "nonmember-record", f"the nonmember record of {sender} says {action}")


def _listed(case: _Case, sender: str) -> Decision | None:
    mailing_list = case.mailing_list
    for action, patterns in (
        (Action.ACCEPT, mailing_list.accept_these_nonmembers),
        (Action.HOLD, mailing_list.hold_these_nonmembers),
        (Action.REJECT, mailing_list.reject_these_nonmembers),
        (Action.DISCARD, mailing_list.discard_these_nonmembers),
    ):
        test = f"{action}-these-nonmembers"
        if entry := patterns.find(sender):
            return _of_nonmember(action, test, f"{sender} matches {entry}")
        if action is Action.ACCEPT:
            for fqdn_listname in patterns.lists:
                if case.directory.is_member(fqdn_listname, (sender,)):
                    return _of_nonmember(action, test, f"{sender} is a member of {fqdn_listname}")
    return None


def _of_nonmember(action: Action, test: str, why: str) -> Decision:
    reason = "You are not a member of this mailing list."
    if action is Action.HOLD:
        reason = "Messages from senders who are not members are looked at by a moderator."
    return Decision(action, "" if action in (Action.ACCEPT, Action.DEFER) else reason, test, why)


def _size(case: _Case) -> Decision | None:
    """Hold what is over max_message_size."""
    limit, size = case.mailing_list.max_message_size, case.posting.size
    if not limit or size <= limit * _KIB:
        return None
    reason = f"The message is over this mailing list's limit of {limit} KiB."
    return Decision(Action.HOLD, reason, "size", f"{size} octets are over the limit of {limit} KiB")


_CHECKS: tuple[Check, ...] = (_no_senders, _loop, _banned, _emergency, _senders, _size)


def moderate(
    posting: Posting, mailing_list: MailingList, directory: Directory, rules: Rules = DEFAULT_RULES
) -> Decision:
    """What becomes of a post to a list, from one snapshot of the directory.

    What is for a list named postmaster is held where it would be refused or thrown away, unless it is a loop. Raises
    DirectoryTrouble where it cannot be told now, RecordTrouble among others for a pattern that takes too long.
    """
    with directory.snapshot():
        return moderate_one(posting, mailing_list, directory, rules)


def moderate_one(posting: Posting, mailing_list: MailingList, directory: Directory, rules: Rules) -> Decision:
    """As moderate(), on one of several things that are asked inside one snapshot."""
    case = _Case(posting, mailing_list, directory, rules)
    try:
        found = next((decision for check in _CHECKS if (decision := check(case))), ACCEPTED)
    except PatternTimeout as error:
        raise RecordTrouble(str(error)) from error
    refused = found.action in (Action.REJECT, Action.DISCARD) and found.test != "loop"
    if refused and mailing_list.list_name == _POSTMASTER:
        return found._replace(action=Action.HOLD)
    return found
