"""Postfix's settings that ask gatepost: the policy service in its place, the milter in its form."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gatepost_conf.doctor.addresses import leads_to, postfix_address, sendmail_address
from gatepost_conf.doctor.case import Case
from gatepost_conf.doctor.findings import Absent, Result, note, ok, wrong
from gatepost_conf.doctor.postfix_config import DATA_LISTS, RCPT_LISTS, Smtpd
from gatepost_conf.doctor.restrictions import ENDING, POLICY, Step, steps
from gatepost_conf.postfix.restrictions import with_checks, words

_USUAL_LISTS = ("smtpd_recipient_restrictions", "smtpd_relay_restrictions")
_UNAUTH = frozenset({"reject_unauth_destination", "defer_unauth_destination"})
# A milter that is away: what makes mail wait, what lets it pass, and what refuses it for good.
_WAITING = frozenset({"tempfail", "shutdown"})


def policy(case: Case) -> Iterator[Result]:
    """Every server that strangers reach asks gatepost, as a policy service or as a milter."""
    for smtpd in case.postfix.smtpds:
        place = _place(case, smtpd)
        if place and not place.warns:
            yield ok(f"{smtpd.service}: the policy service is asked in {place.parameter}")
        elif place:
            yield wrong(
                f"{smtpd.service}: behind warn_if_reject the policy service refuses nothing", _mend(case, smtpd)
            )
        elif _asks_milter(case, smtpd):
            yield ok(f"{smtpd.service}: the milter is asked")
        elif smtpd.verifies:
            yield note(f"{smtpd.service}: addresses are verified, and senders not tested", _mend(case, smtpd))
        else:
            yield wrong(f"{smtpd.service}: it asks neither the policy service nor the milter", _mend(case, smtpd))


def order(case: Case) -> Iterator[Result]:
    """The check stands behind reject_unauth_destination, so that no relay attempt is asked about."""
    for smtpd, place in _places(case):
        before = [step.name for parameter, at in place.before for step in smtpd.steps(parameter)[:at]]
        if _UNAUTH & set(before):
            yield ok(f"{smtpd.service}: the check stands behind reject_unauth_destination")
        else:
            yield wrong(
                f"{smtpd.service}: in {place.parameter} the check comes before reject_unauth_destination",
                _mend(case, smtpd),
            )


def skipping(case: Case) -> Iterator[Result]:
    """Nothing before the check ends its list for strangers."""
    for smtpd, place in _places(case):
        before = smtpd.steps(place.parameter)[: place.index]
        ending = next((step.name for step in before if step.name in ENDING and not step.conditional), "")
        if ending:
            yield wrong(
                f"{smtpd.service}: {ending} ends {place.parameter} before the check, which is never asked",
                _mend(case, smtpd),
            )
        else:
            yield ok(f"{smtpd.service}: the check is reached")


def data(case: Case) -> Iterator[Result]:
    """The policy service is asked at DATA too, where a null sender shows what it is."""
    if case.settings.lists.null_sender_posts == "pass":
        raise Absent("the null sender may post: null_sender_posts")
    for smtpd, _ in _places(case):
        asked = [name for name in DATA_LISTS for step in smtpd.steps(name) if case.postfix.is_policy(step, case.doors)]
        if asked or _asks_milter(case, smtpd):
            yield ok(f"{smtpd.service}: null senders are judged at DATA")
        else:
            value = with_checks(case.postfix.written(DATA_LISTS[0], smtpd), _check(case))
            yield wrong(
                f"{smtpd.service}: smtpd_data_restrictions do not ask, so bounces get through to lists",
                case.postfix.set(DATA_LISTS[0], value, smtpd),
            )


def milter(case: Case) -> Iterator[Result]:
    """The milter's address is in Postfix's form, and for SMTP alone."""
    postfix = case.postfix
    for smtpd in postfix.smtpds:
        for text, _ in postfix.milters(smtpd):
            if reason := _misdialled(case, text):
                good = postfix.written("smtpd_milters", smtpd).replace(text, _milter(case))
                yield wrong(
                    f"{smtpd.service}: smtpd_milters has {text}, {reason}", postfix.set("smtpd_milters", good, smtpd)
                )
            elif leads_to(postfix_address(text, postfix.queue_directory), case.doors["milter"]):
                yield ok(f"{smtpd.service}: smtpd_milters has {text}")
    others = words(postfix.settings["non_smtpd_milters"])
    if any(leads_to(postfix_address(text, postfix.queue_directory), case.doors["milter"]) for text in others):
        yield wrong("non_smtpd_milters has gatepost, which may not refuse there", postfix.set("non_smtpd_milters", ""))


def milter_default_action(case: Case) -> Iterator[Result]:
    """While the milter is away, mail waits."""
    for smtpd in case.postfix.smtpds:
        for text, own in case.postfix.milters(smtpd):
            if not leads_to(postfix_address(text, case.postfix.queue_directory), case.doors["milter"]):
                continue
            action = own.get("default_action", smtpd.settings["milter_default_action"])
            if action in _WAITING:
                yield ok(f"{smtpd.service}: {action} while the milter is away")
            elif action == "accept":
                yield note(f"{smtpd.service}: while the milter is away, mail passes untested (milter_default_action)")
            else:
                yield wrong(
                    f"{smtpd.service}: {action} while the milter is away: a restart refuses mail for good",
                    _waiting(case, smtpd, own.get("default_action", "")),
                )


def _waiting(case: Case, smtpd: Smtpd, own_action: str) -> str:
    """The line that makes mail wait; a milter's own default_action goes before the general one."""
    if not own_action:
        return case.postfix.set("milter_default_action", "tempfail", smtpd)
    value = re.sub(r"(default_action\s*=\s*)\w+", r"\1tempfail", case.postfix.written("smtpd_milters", smtpd))
    return case.postfix.set("smtpd_milters", value, smtpd)


class _Place:
    """Where in a server's lists the policy service is asked first."""

    def __init__(self, smtpd: Smtpd, parameter: str, index: int) -> None:
        self.parameter, self.index = parameter, index
        self.warns = smtpd.steps(parameter)[index].warns
        earlier = smtpd.rcpt_lists[: smtpd.rcpt_lists.index(parameter)]
        self.before = [*((name, len(smtpd.steps(name))) for name in earlier), (parameter, index)]


def _place(case: Case, smtpd: Smtpd) -> _Place | None:
    """The usual lists first: a check in one of them counts, whatever stands in the others."""
    for parameter in (*_USUAL_LISTS, *RCPT_LISTS):
        for index, step in enumerate(smtpd.steps(parameter)):
            if case.postfix.is_policy(step, case.doors):
                return _Place(smtpd, parameter, index)
    return None


def _places(case: Case) -> list[tuple[Smtpd, _Place]]:
    """Each server that asks the policy service. Raises Absent where none does."""
    found = [(smtpd, place) for smtpd in case.postfix.smtpds if (place := _place(case, smtpd))]
    if not found:
        raise Absent("the policy service is not asked")
    return found


def _asks_milter(case: Case, smtpd: Smtpd) -> bool:
    """In a wrong form too: that has an item of its own."""
    texts = (text for text, _ in case.postfix.milters(smtpd))
    return any(_is_milter(case, text) or _misdialled(case, text) for text in texts)


def _is_milter(case: Case, text: str) -> bool:
    return leads_to(postfix_address(text, case.postfix.queue_directory), case.doors["milter"])


def _misdialled(case: Case, text: str) -> str:
    """What is wrong with an address meant for gatepost's milter, '' for one that is right or somebody else's."""
    if leads_to(sendmail_address(text), case.doors["milter"]) and not _is_milter(case, text):
        return "which is Sendmail's form: Postfix has inet:HOST:PORT"
    address = postfix_address(text, case.postfix.queue_directory)
    other = next((door for door in ("policy", "lmtp", "socketmap") if leads_to(address, case.doors[door])), "")
    return f"where {other} listens, not the milter" if other else ""


def _check(case: Case) -> str:
    """The restriction that asks gatepost. Raises Absent where its policy service is not enabled."""
    listens = case.doors["policy"]
    if not listens:
        raise Absent("[policy] is not enabled")
    return f"{POLICY} {case.postfix.named(listens[0])}"


def _milter(case: Case) -> str:
    return case.postfix.named(case.doors["milter"][0])


def _mend(case: Case, smtpd: Smtpd) -> str:
    """The line that puts the check where it belongs, and takes away what would end the list before it."""
    parameter = "smtpd_recipient_restrictions"
    written = steps(case.postfix.written(parameter, smtpd), {})
    ours = [at for at, step in enumerate(written) if case.postfix.is_policy(step, case.doors)]
    closed = [at for at, step in enumerate(written) if step.name in _UNAUTH]
    place = (closed or ours or [0])[0]
    kept = [step for at, step in enumerate(written) if at not in ours and not (at < place and step.name in ENDING)]
    earlier = [
        step.name for name in smtpd.rcpt_lists[: smtpd.rcpt_lists.index(parameter)] for step in smtpd.steps(name)
    ]
    if not _UNAUTH & {*earlier, *(step.name for step in kept)}:
        kept.append(Step("reject_unauth_destination"))
    return case.postfix.set(parameter, with_checks(", ".join(map(str, kept)), _check(case)), smtpd)
