"""Postfix's settings that ask gatepost: the policy service in its place, the milter in its form."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gatepost_conf.doctor.addresses import leads_to, postfix_address, removal_of, sendmail_address
from gatepost_conf.doctor.case import Case
from gatepost_conf.doctor.closed_lists import PASSES_AT_DATA, looked_at_again
from gatepost_conf.doctor.findings import Absent, Result, note, ok, wrong
from gatepost_conf.doctor.postfix_config import DATA_LISTS, RCPT_LISTS, Smtpd
from gatepost_conf.doctor.restrictions import ENDING, POLICY, Step, steps
from gatepost_conf.postfix.restrictions import names_address, with_added, with_checks, without

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
                f"{smtpd.service}: behind warn_if_reject the policy service refuses nothing", _mend(case, smtpd, place)
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
                _in_order(case, smtpd, place),
            )


def _in_order(case: Case, smtpd: Smtpd, place: _Place) -> str:
    """The line that has the relay closed before the check is asked.

    Where smtpd_relay_restrictions close it, and come later, they come first: as they permit own networks before that,
    a reject_unauth_destination in another list would not be the same.
    """
    later = smtpd.rcpt_lists[smtpd.rcpt_lists.index(place.parameter) + 1 :]
    if (place.parameter, *later) == _USUAL_LISTS and _UNAUTH & {step.name for step in smtpd.steps(_USUAL_LISTS[1])}:
        return case.postfix.set("smtpd_relay_before_recipient_restrictions", "yes", smtpd.service)
    return _mend(case, smtpd, place)


def skipping(case: Case) -> Iterator[Result]:
    """Nothing before the check ends its list for strangers."""
    for smtpd, place in _places(case):
        before = smtpd.steps(place.parameter)[: place.index]
        ending = next((step.name for step in before if step.name in ENDING and not step.conditional), "")
        if ending:
            yield wrong(
                f"{smtpd.service}: {ending} ends {place.parameter} before the check, which is never asked",
                _mend(case, smtpd, place),
            )
        else:
            yield ok(f"{smtpd.service}: the check is reached")


def data(case: Case) -> Iterator[Result]:
    """The policy service is asked at DATA too, where a null sender, or one with a probe's name, shows what it is."""
    looked_at_again(case)
    for smtpd, place in _places(case):
        if any(_is_asked_in(case, smtpd, name) for name in DATA_LISTS) or _asks_milter(case, smtpd):
            yield ok(f"{smtpd.service}: null senders and probes' are judged at DATA")
        else:
            yield wrong(
                f"{smtpd.service}: smtpd_data_restrictions do not ask: {PASSES_AT_DATA}",
                case.postfix.set(DATA_LISTS[0], _with_data_check(case, smtpd, place.check), smtpd.service),
            )


def _is_asked_in(case: Case, smtpd: Smtpd, parameter: str) -> bool:
    """Whether a list asks the policy service, and heeds what it says."""
    for step in smtpd.steps(parameter):
        if step.name in ENDING and not step.conditional:
            return False
        if case.postfix.is_policy(step, case.doors) and not step.warns:
            return True
    return False


def _with_data_check(case: Case, smtpd: Smtpd, check: str) -> str:
    """smtpd_data_restrictions with the check, before whatever ends them, and not behind warn_if_reject."""
    others = _others(case, smtpd, DATA_LISTS[0])
    return with_checks(", ".join(map(str, others)), check, names=case.postfix.names(smtpd.service))


def one_door(case: Case) -> Iterator[Result]:
    """One of policy service and milter is asked; where the headers are to count it is the milter."""
    by_headers = case.settings.milter.enabled and case.settings.milter.stage == "headers"
    for smtpd, place in _places(case):
        milter = any(_is_milter(case, text) for text, _ in case.postfix.milters(smtpd))
        if place.warns:
            continue
        if by_headers and milter:
            yield wrong(
                f"{smtpd.service}: {place.parameter} refuses by the envelope whom the milter would let in by the"
                " headers",
                _one_door(case),
            )
        elif by_headers:
            text = f"{smtpd.service}: the policy service is asked, so the headers do not count"
            yield note(f'{text}, though [milter] has stage = "headers"', "gatepost conf postfix, as it says")
        elif milter:
            text = f"{smtpd.service}: policy service and milter are both asked, and one of them is enough"
            yield note(text, "gatepost conf postfix, as it says")
        else:
            yield ok(f"{smtpd.service}: the policy service alone is asked")


def _one_door(case: Case) -> str:
    """The line that takes out the door that is not to be asked."""
    gone = "policy" if case.asked == "milter" else "milter"
    ours = [wire for wire in case.wires(case.postfix) if wire.door == gone]
    return removal_of(ours) or "gatepost conf postfix, as it says"


def milter(case: Case) -> Iterator[Result]:
    """The milter's address is in Postfix's form, and for SMTP alone."""
    postfix = case.postfix
    for smtpd in postfix.smtpds:
        for text, _ in postfix.milters(smtpd):
            if reason := _misdialled(case, text):
                yield wrong(f"{smtpd.service}: smtpd_milters has {text}, {reason}", _dialled_well(case, smtpd, text))
            elif _is_milter(case, text):
                yield ok(f"{smtpd.service}: smtpd_milters has {text}")
    local = [wire for wire in case.wires(postfix) if wire.door == "milter" and "non_smtpd_milters" in wire.place]
    if local:
        yield wrong("non_smtpd_milters has gatepost, which may not refuse there", removal_of(local))


def _dialled_well(case: Case, smtpd: Smtpd, text: str) -> str:
    """The line that puts the milter's address in place of a wrong one, or takes that out if the milter cannot run."""
    postfix = case.postfix
    before, names = postfix.written("smtpd_milters", smtpd.service), postfix.names(smtpd.service)
    if case.can_run("milter") and text in before:
        return postfix.set("smtpd_milters", before.replace(text, _milter(case)), smtpd.service)
    value = without(before, lambda item: names_address(item, text), names)
    return postfix.set("smtpd_milters", value, smtpd.service)


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
        return case.postfix.set("milter_default_action", "tempfail", smtpd.service)
    written = case.postfix.written("smtpd_milters", smtpd.service)
    value = written if "default_action" in written else smtpd.settings["smtpd_milters"]
    value = re.sub(r"(default_action\s*=\s*)\w+", r"\1tempfail", value)
    return case.postfix.set("smtpd_milters", value, smtpd.service)


class _Place:
    """Where in a server's lists the policy service is asked first, and by which restriction."""

    def __init__(self, smtpd: Smtpd, parameter: str, index: int) -> None:
        self.parameter, self.index = parameter, index
        step = smtpd.steps(parameter)[index]
        self.warns, self.check = step.warns, f"{POLICY} {step.argument}"
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
    address = postfix_address(text, case.postfix.queue_directory)
    if leads_to(address, case.listens["milter"]):
        return ""
    if leads_to(sendmail_address(text), case.listens["milter"]):
        return "which is Sendmail's form: Postfix has inet:HOST:PORT"
    other = next((door for door in ("policy", "lmtp", "socketmap") if leads_to(address, case.listens[door])), "")
    return f"where {other} listens, not the milter" if other else ""


def _milter(case: Case) -> str:
    return case.postfix.named(case.doors["milter"][0])


def _mend(case: Case, smtpd: Smtpd, place: _Place | None = None) -> str:
    """The line that has gatepost asked, by a door that can answer here."""
    if place:
        return _in_place(case, smtpd, place.check)
    if case.asked == "policy":
        return _in_place(case, smtpd, f"{POLICY} {case.postfix.named(case.doors['policy'][0])}")
    if case.asked == "milter":
        value = with_added(case.postfix.written("smtpd_milters", smtpd.service), _milter(case), lambda _: False)
        return case.postfix.set("smtpd_milters", value, smtpd.service)
    return "in gatepost.toml: [policy] enabled = true; then: gatepost conf postfix, as it says"


def _in_place(case: Case, smtpd: Smtpd, check: str) -> str:
    """The line that puts the check where it belongs, and takes away what would end the list before it."""
    postfix, parameter = case.postfix, "smtpd_recipient_restrictions"
    kept = _others(case, smtpd, parameter)
    if not _UNAUTH & {step.name for name in smtpd.rcpt_lists for step in smtpd.steps(name)}:
        kept.append(Step("reject_unauth_destination"))
    value = with_checks(", ".join(map(str, kept)), check, names=postfix.names(smtpd.service))
    return postfix.set(parameter, value, smtpd.service)


def _others(case: Case, smtpd: Smtpd, parameter: str) -> list[Step]:
    """A list's steps but those that have to go, as they are written if no `$name` hides one of these."""
    written, meant = steps(case.postfix.written(parameter, smtpd.service), {}), steps(smtpd.settings[parameter], {})
    kept_of_written, kept = _kept(case, written), _kept(case, meant)
    return kept_of_written if len(written) - len(kept_of_written) == len(meant) - len(kept) else kept


def _kept(case: Case, found: list[Step]) -> list[Step]:
    """The steps of a list without our check, and without what would end the list before its place."""
    ours = [at for at, step in enumerate(found) if case.postfix.is_policy(step, case.doors)]
    closed = [at for at, step in enumerate(found) if step.name in _UNAUTH]
    place = (closed or ours or [0])[0]
    return [step for at, step in enumerate(found) if at not in ours and not (at < place and step.name in ENDING)]
