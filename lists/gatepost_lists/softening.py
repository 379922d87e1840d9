"""Verdicts as they are told where a site only observes, or lets mail pass in trouble. No I/O here."""

from __future__ import annotations

from gatepost_lists.model import Answer, Verdict

# Tests whose refusal says that an address does not exist, not that a sender may not write to it.
EXISTENCE_TESTS = frozenset(("not-ours", "list-known", ""))
# What is refused in any case where mail is taken: that has nowhere to go, or would go round and round.
_NEVER_TAKEN = EXISTENCE_TESTS | {"loop"}


def soften(verdict: Verdict, *, observe: bool, accept_trouble: bool, existence: bool = True) -> Verdict:
    """What is told where `mode = "observe"` or `on_trouble = "accept"` lets mail pass that the verdict would not.

    existence: whether a refusal because the address does not exist is softened too. Policy and milter do that; the
    LMTP receiver never does, nor does it soften trouble: mail with nowhere to go is never taken.
    """
    if verdict.answer is Answer.REJECT:
        softened = observe and (existence or verdict.test not in _NEVER_TAKEN)
    else:
        softened = verdict.answer is Answer.DEFER and existence and (observe or accept_trouble)
    return (
        verdict._replace(answer=Answer.ACCEPT, code=250, status="2.1.5", text="recipient ok") if softened else verdict
    )
