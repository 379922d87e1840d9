"""The judge: an ordered row of small tests; the first that answers decides.

Each test looks at a Hearing and returns a Verdict, or a few words that say why it passed the question on. The order
is the contract: for the same sender nothing may be refused that a Mailman with the same settings would accept or
hold. A test asks the directory only for what it needs, so the usual refusal costs two look-ups: one for the list and
one for the sender's standing.

No I/O here: the directory does its own, and trouble there becomes a temporary answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gatepost_lists.addresses import AddressError
from gatepost_lists.backtracking import PatternTimeout
from gatepost_lists.counted import ban_of, counted
from gatepost_lists.directory import Directory, DirectoryTrouble, RecordTrouble
from gatepost_lists.foresight import foresee
from gatepost_lists.headers import Headers
from gatepost_lists.model import NO_LIST, Action, Answer, MailingList, Question, Stage, Standing, Verdict
from gatepost_lists.patterns import PatternList
from gatepost_lists.places import locate
from gatepost_lists.rules import DEFAULT_RULES, Rules
from gatepost_lists.senders import read_sender

_KIB = 1024


class Hearing:
    """One question before the judge, with what the tests have found out so far.

    senders: who may let the message in. suspects: addresses that count for bans alone.
    """

    __slots__ = (
        "_standing",
        "directory",
        "mailing_list",
        "place",
        "question",
        "recipient",
        "rules",
        "senders",
        "suspects",
    )

    def __init__(self, question: Question, directory: Directory, rules: Rules) -> None:
        self.question = question
        self.directory = directory
        self.rules = rules
        self.recipient, self.place = locate(question.recipient, directory, rules.origin)
        sender = read_sender(question.sender, rules.origin, rules.forwarders)
        self.senders = sender.known_as if question.headers_follow else sender.every
        self.suspects = sender.claims if question.headers_follow else ()
        self.mailing_list: MailingList = self.place.mailing_list or NO_LIST
        self._standing: Standing | None = None

    def hear(self, headers: Headers, *, by_headers: bool) -> Verdict | None:
        """Let the headers count too (counted.py); a verdict if the list has sent this itself."""
        if self.place.mailing_list and not self.place.subaddress and headers.went_through(self.mailing_list):
            text = "this message has been through the mailing list already"
            return self.reject("loop", "5.4.6", text, "its List-Id or X-BeenThere names the list", code=554)
        self.senders, self.suspects = counted(
            self.question.sender, headers, self.directory, self.rules, by_headers=by_headers
        )
        return None

    @property
    def standing(self) -> Standing:
        """The sender's standing on the list, asked of the directory at the first use."""
        if self._standing is None:
            self._standing = self.directory.standing(self.mailing_list, self.senders)
        return self._standing

    def accept(self, test: str, why: str) -> Verdict:
        return self._verdict(Answer.ACCEPT, 250, "2.1.5", "recipient ok", test, why)

    def reject(self, test: str, status: str, text: str, why: str, code: int = 550) -> Verdict:
        return self._verdict(Answer.REJECT, code, status, text, test, why)

    def _verdict(self, answer: Answer, code: int, status: str, text: str, test: str, why: str) -> Verdict:
        domain, _, subaddress, extension = self.place
        name = self.mailing_list.fqdn_listname if self.place.mailing_list else ""
        mail_host = domain.mail_host if domain else ""
        return Verdict(answer, code, status, text, test, name, subaddress, extension, mail_host, why)


def _matching(patterns: PatternList, senders: tuple[str, ...]) -> str:
    """The entry that one of the senders matches, '' for none."""
    if patterns.entries:
        for sender in senders:
            if entry := patterns.find(sender):
                return entry
    return ""


Finding = Verdict | str
Test = Callable[[Hearing], Finding]


def not_ours(hearing: Hearing) -> Finding:
    """Not ours, if the directory does not have the domain; or, in a shared domain, not the address."""
    place = hearing.place
    if place.domain is None:
        return _not_ours("", "no list has this domain")
    if place.mailing_list is not None:
        return "the domain has lists"
    if place.domain.shared or place.domain.mail_host in hearing.rules.shared_domains:
        return _not_ours(place.domain.mail_host, "no list of this name, in a domain that has mailboxes too")
    if hearing.recipient.local == "postmaster":
        return _not_ours(place.domain.mail_host, "the postmaster is never refused (RFC 5321 section 4.5.1)")
    return "the domain is one of lists alone"


def _not_ours(domain: str, why: str) -> Verdict:
    return Verdict(Answer.NOT_OURS, 550, "5.1.2", "not an address of a list here", "not-ours", domain=domain, why=why)


def list_known(hearing: Hearing) -> Finding:
    """Reject 5.1.1, if neither list nor sub-address is known."""
    if hearing.place.mailing_list is not None:
        return "the list is known"
    return hearing.reject("list-known", "5.1.1", "no such mailing list", "no list has this name")


def probe(hearing: Hearing) -> Finding:
    """Accept a probe at RCPT: it asks only whether the address exists. With data coming, a null sender may not post."""
    if hearing.question.stage is Stage.RCPT:
        if not hearing.senders or hearing.rules.is_probe(hearing.senders[0]):
            return hearing.accept("probe", "a probe asks only whether the address exists")
    elif not hearing.senders:
        return _null_sender_with_data(hearing)
    return "the sender is not a probe's"


def _null_sender_with_data(hearing: Hearing) -> Finding:
    if hearing.place.subaddress:
        return "a null sender may write to a sub-address"
    if hearing.mailing_list.list_name == "postmaster":
        return "a null sender may write to the postmaster"
    if hearing.rules.null_sender_posts:
        return hearing.accept("probe", "null_sender_posts lets a null sender post")
    why = "a message with a null sender for a posting address"
    return hearing.reject("probe", "5.7.2", "the null sender may not post to a mailing list", why)


def subaddress(hearing: Hearing) -> Finding:
    """Accept mail for a sub-address; and for the postmaster, which must take all mail even where it is a list."""
    if hearing.place.subaddress:
        return hearing.accept("subaddress", "mail for a sub-address is open to everybody")
    if hearing.mailing_list.list_name == "postmaster":
        return hearing.accept("subaddress", "the postmaster is never refused (RFC 5321 section 4.5.1)")
    return "mail for the list itself"


def banned(hearing: Hearing) -> Finding:
    """Reject 5.7.1, if the sender is banned here or everywhere."""
    if ban := ban_of(hearing.standing, hearing.suspects, hearing.mailing_list, hearing.directory):
        why = f"the sender is banned by {ban}"
        return hearing.reject("banned", "5.7.1", "you are banned from this mailing list", why)
    return "the sender is not banned"


def emergency(hearing: Hearing) -> Finding:
    """Accept, if the list is in emergency: everything is held later."""
    if hearing.mailing_list.emergency:
        return hearing.accept("emergency", "the list is in emergency and will hold it")
    return "the list is not in emergency"


def size(hearing: Hearing) -> Finding:
    """Reject 5.2.3, if the size is over max_message_size, where oversize is refused."""
    limit = hearing.mailing_list.max_message_size
    if not limit or hearing.question.size <= limit * _KIB:
        return "the announced size is within the list's limit" if limit else "the list has no limit on size"
    refuse = hearing.rules.refuse_oversize
    if not (hearing.directory.refuse_oversize if refuse is None else refuse):
        return "over the list's limit on size, which is left to the list"
    why = f"{hearing.question.size} octets are over the limit of {limit} KiB"
    return hearing.reject("size", "5.2.3", f"the message is over this list's limit of {limit} KiB", why, code=552)


def nonmember_record(hearing: Hearing) -> Finding:
    """A non-member with an action of its own: reject 5.7.2 for reject, else accept; unless a member.

    Of several senders, one who is let in by name goes before the record of a later one, as in Mailman.
    """
    standing = hearing.standing
    if standing.nonmember_action is None:
        return "the sender has no nonmember record"
    if standing.member:
        return "the sender has a nonmember record, but is a member"
    if standing.nonmember_action is Action.REJECT:
        if len(hearing.senders) > 1 and _let_in_first(hearing):
            return "a sender has a nonmember record that says reject, but one before it is let in by name"
        return _may_not_post(hearing, "nonmember-record", "the sender's nonmember record says reject")
    return hearing.accept("nonmember-record", f"the sender's nonmember record says {standing.nonmember_action}")


def _let_in_first(hearing: Hearing) -> bool:
    """Whether, of several senders, one that matches accept_ or hold_these_nonmembers stands before any record."""
    for sender in ((email,) for email in hearing.senders):
        if hearing.directory.standing(hearing.mailing_list, sender).nonmember_action is not None:
            return False
        accepted = _matching(hearing.mailing_list.accept_these_nonmembers, sender) or _list_of(hearing, sender)
        if accepted or _matching(hearing.mailing_list.hold_these_nonmembers, sender):
            return True
    return False


def _list_of(hearing: Hearing, senders: tuple[str, ...]) -> str:
    """The list in accept_these_nonmembers that one of the senders is a member of, '' for none."""
    lists = hearing.mailing_list.accept_these_nonmembers.lists
    return next((name for name in lists if hearing.directory.is_member(name, senders)), "")


def accept_these_nonmembers(hearing: Hearing) -> Finding:
    """Accept on a match, by address, pattern or membership of an `@list`."""
    if entry := _matching(hearing.mailing_list.accept_these_nonmembers, hearing.senders):
        return hearing.accept("accept-these-nonmembers", f"the sender matches {entry}")
    if fqdn_listname := _list_of(hearing, hearing.senders):
        return hearing.accept("accept-these-nonmembers", f"the sender is a member of {fqdn_listname}")
    return "no match"


def hold_these_nonmembers(hearing: Hearing) -> Finding:
    """Accept on a match: it is held later."""
    if entry := _matching(hearing.mailing_list.hold_these_nonmembers, hearing.senders):
        return hearing.accept("hold-these-nonmembers", f"the sender matches {entry} and is held for the moderators")
    return "no match"


def reject_these_nonmembers(hearing: Hearing) -> Finding:
    """Reject 5.7.2 on a match, unless a member."""
    entry = _matching(hearing.mailing_list.reject_these_nonmembers, hearing.senders)
    if entry and not hearing.standing.member:
        return _may_not_post(hearing, "reject-these-nonmembers", f"the sender matches {entry}")
    return "a match, but the sender is a member" if entry else "no match"


def discard_these_nonmembers(hearing: Hearing) -> Finding:
    """Accept on a match, unless a member: it is thrown away later."""
    entry = _matching(hearing.mailing_list.discard_these_nonmembers, hearing.senders)
    if entry and not hearing.standing.member:
        return hearing.accept("discard-these-nonmembers", f"the sender matches {entry} and is discarded by the list")
    return "a match, but the sender is a member" if entry else "no match"


def nonmember_action(hearing: Hearing) -> Finding:
    """Accept, if default_nonmember_action is not reject (Mailman 2: generic_nonmember_action)."""
    action = hearing.mailing_list.default_nonmember_action
    if action is not Action.REJECT:
        return hearing.accept("nonmember-action", f"default_nonmember_action is {action}")
    return "default_nonmember_action is reject"


def member(hearing: Hearing) -> Finding:
    """Accept, if the sender is a member, by a linked address of the same user too."""
    standing = hearing.standing
    if not standing.member:
        return "the sender is not a member"
    action = standing.member_action or hearing.mailing_list.default_member_action
    if hearing.rules.reject_moderated_members and action is Action.REJECT:
        return _may_not_post(hearing, "member", "the sender is a member whose moderation action is reject")
    how = "by a linked address" if standing.linked else "by this address"
    return hearing.accept("member", f"the sender is a member {how}")


def closed_list(hearing: Hearing) -> Finding:
    """Reject 5.7.2: a non-member of a closed list."""
    return _may_not_post(hearing, "closed-list", "a non-member of a closed list")


def _may_not_post(hearing: Hearing, test: str, why: str) -> Verdict:
    return hearing.reject(test, "5.7.2", "you may not post to this mailing list", why)


TESTS: tuple[tuple[str, Test], ...] = (
    ("not-ours", not_ours),
    ("list-known", list_known),
    ("probe", probe),
    ("subaddress", subaddress),
    ("banned", banned),
    ("emergency", emergency),
    ("size", size),
    ("nonmember-record", nonmember_record),
    ("accept-these-nonmembers", accept_these_nonmembers),
    ("hold-these-nonmembers", hold_these_nonmembers),
    ("reject-these-nonmembers", reject_these_nonmembers),
    ("discard-these-nonmembers", discard_these_nonmembers),
    ("nonmember-action", nonmember_action),
    ("member", member),
    ("closed-list", closed_list),
)
_IN_ORDER = tuple(test for _, test in TESTS)


def judge(
    question: Question,
    directory: Directory,
    rules: Rules = DEFAULT_RULES,
    headers: Headers | None = None,
    *,
    by_headers: bool = True,
) -> Verdict:
    """The verdict on one question; trouble of the directory gives `defer`, an unreadable recipient 553 5.1.3.

    headers: once they are there, any sender in them who may post is enough, any banned one too much. by_headers: False
    where only the envelope's sender may let the message in; then they tell who is banned, and which forwarded mail to
    believe (counted.py). With them it may also be the one verdict that no test of the envelope can come to: 554 5.4.6
    by `loop`, for what the list has sent itself.
    """
    try:
        with directory.snapshot():
            if directory.blocking:
                foresee(((question, headers),), directory, rules)
            return judge_one(question, directory, rules, headers, by_headers=by_headers)
    except DirectoryTrouble as trouble:
        return cannot_tell(str(trouble))


def judge_one(
    question: Question, directory: Directory, rules: Rules, headers: Headers | None = None, *, by_headers: bool = True
) -> Verdict:
    """The verdict on one of several things that are asked inside one snapshot; raises DirectoryTrouble."""
    try:
        hearing = Hearing(question, directory, rules)
        if headers is not None and (loop := hearing.hear(headers, by_headers=by_headers)):
            return loop
        for test in _IN_ORDER:
            finding = test(hearing)
            if type(finding) is Verdict:
                return finding
    except AddressError as error:
        return unreadable(str(error))
    except (PatternTimeout, RecordTrouble) as trouble:
        return cannot_tell(str(trouble))
    raise AssertionError("closed-list answers always")


class Step(NamedTuple):
    """One test on the way to a verdict: answer is None where it passed the question on."""

    test: str
    answer: Answer | None
    why: str


def explain(question: Question, directory: Directory, rules: Rules = DEFAULT_RULES) -> tuple[Verdict, list[Step]]:
    """The verdict that judge() gives, and every test on the way to it; of trouble, those that were asked before it."""
    steps: list[Step] = []
    try:
        with directory.snapshot():
            hearing = Hearing(question, directory, rules)
            for name, test in TESTS:
                finding = test(hearing)
                if isinstance(finding, Verdict):
                    steps.append(Step(name, finding.answer, finding.why))
                    return finding, steps
                steps.append(Step(name, None, finding))
    except AddressError as error:
        return unreadable(str(error)), steps
    except (DirectoryTrouble, PatternTimeout) as trouble:
        return cannot_tell(str(trouble)), steps
    raise AssertionError("closed-list answers always")


def cannot_tell(why: str) -> Verdict:
    """The verdict for every trouble of ours: temporary, whatever it was."""
    return Verdict(Answer.DEFER, 451, "4.3.0", "cannot tell now, try again later", why=why)


def unreadable(why: str) -> Verdict:
    """The verdict on a recipient that cannot be read as an address."""
    return Verdict(Answer.REJECT, 553, "5.1.3", "the recipient address cannot be read", why=why)
