"""Where senders are tested: who is refused later than on the line is sent a bounce, forged or not."""

from __future__ import annotations

from collections.abc import Iterator

from gatepost_conf.doctor.case import Case
from gatepost_conf.doctor.findings import Absent, Result, note, ok, wrong

_SHOWN = 3
# What comes of it where nobody asks at DATA.
PASSES_AT_DATA = (
    "mail to lists from the null sender, or in the name of a probe such as double-bounce@ANY.EXAMPLE, is refused at"
    " delivery alone, and bounces go to whoever was forged as the sender"
)


def closed_lists(case: Case) -> Iterator[Result]:
    """No closed list has its senders tested at LMTP delivery alone."""
    closed = case.lists.closed
    if not closed:
        raise Absent("no list is closed")
    if not case.servers:
        raise Absent("there is no mail server that could be looked at")
    named = ", ".join(closed[:_SHOWN]) + (f" and {len(closed) - _SHOWN} more" if len(closed) > _SHOWN else "")
    for server in case.servers:
        if server.tests_senders(case.doors, _callouts_test(case)):
            yield ok(f"{server.name} has senders tested while they are on the line")
        else:
            yield wrong(
                f"{named}: {server.name} takes mail from strangers, gatepost refuses it at delivery, and the"
                " bounce goes to whoever was forged as its sender",
                f"gatepost conf {server.name.lower()}: connect the policy service or the milter, as it says",
            )


def looked_at_again(case: Case) -> None:
    """Whom RCPT lets pass as a probe is judged again at DATA. Raises Absent where nobody is."""
    if case.settings.lists.null_sender_posts == "pass" and not case.settings.lists.probe_senders:
        raise Absent("the null sender may post (null_sender_posts), and there are no probe_senders")


def _callouts_test(case: Case) -> bool:
    return case.settings.lmtp.sender_tests and case.settings.lmtp.stage == "envelope"


def stages(case: Case) -> Iterator[Result]:
    """The stages of milter and LMTP receiver, and callouts, go together."""
    lmtp, milter = case.settings.lmtp, case.settings.milter
    doors = {wire.door for server in case.servers for wire in case.wires(server)}
    if (
        "milter" in doors
        and milter.stage == "headers"
        and lmtp.enabled
        and lmtp.stage == "envelope"
        and lmtp.sender_tests
    ):
        yield wrong(
            "the milter lets senders in by their headers, whom the LMTP receiver then refuses by the envelope: they get"
            " bounces",
            'in gatepost.toml: [lmtp] stage = "headers"',
        )
    else:
        yield ok(f"stages: milter {milter.stage}, lmtp {lmtp.stage}")


def callouts(case: Case) -> Iterator[Result]:
    """No callout with the real sender asks a receiver that answers by the headers."""
    callouts = case.exim.callouts
    if not callouts:
        raise Absent("Exim makes no callouts")
    if case.settings.lmtp.stage == "envelope":
        yield ok("callouts are answered by the envelope")
    elif any("use_sender" in options for options in callouts):
        yield wrong(
            'Exim calls out with the real sender, and [lmtp] stage = "headers" answers 250 to nearly everybody',
            'in gatepost.toml: [lmtp] stage = "envelope"',
        )
    else:
        yield note("callouts ask only whether an address exists; senders are judged by the headers, after the dot")


def mode(case: Case) -> Iterator[Result]:
    """What makes gatepost do less than its settings seem to say."""
    if case.settings.lists.mode == "observe":
        yield note('[lists] mode is "observe": nothing is refused', 'in gatepost.toml: [lists] mode = "enforce"')
    if case.settings.devmode.enabled:
        yield note(
            f"[devmode] sends all mail to {case.settings.devmode.recipient}",
            "in gatepost.toml: [devmode] enabled = false",
        )
    if case.settings.lists.mode == "enforce" and not case.settings.devmode.enabled:
        yield ok("refusals are enforced")
