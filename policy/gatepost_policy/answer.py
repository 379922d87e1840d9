"""From a policy request to the judge's question, and from its verdict to the action that Postfix is told (access(5)).

`DUNNO` lets the restrictions that follow go on; `OK` would end them and is never said. A refusal carries its own code
and enhanced status. Trouble is `DEFER_IF_PERMIT`: a permanent refusal of a later restriction still goes before it.
"""

from __future__ import annotations

from collections.abc import Sequence

from gatepost_lists import Question, Stage, Verdict
from gatepost_policy.request import Request

DUNNO = b"action=DUNNO\n\n"
# For a message of which one recipient would be refused, and another may not be (RFC 5321 section 4.5.3.1.10).
SEPARATELY = b"action=452 4.5.3 send to each recipient separately\n\n"


def question_of(request: Request) -> Question:
    """What the judge is asked. Only for requests that ask (`Request.asks`)."""
    return Question(
        request.sender,
        request.recipient,
        request.size,
        Stage.DATA if request.has_data else Stage.RCPT,
        request.client,
    )


def reply_to_several(request: Request, verdicts: Sequence[Verdict]) -> bytes:
    """The one reply for a message to several recipients, at DATA: what was found for those that a probe had asked for.

    It is refused if all of them are, with the answer that all have; where they differ the sender may not post. Where
    some are refused, and nobody knows whether others would be, the sending server is told to come again with each by
    itself, so that what is refused later is not sent back to whoever is named as the sender. The null sender gets
    nothing back, and its message passes for those who may get it.
    """
    troubled = next((verdict for verdict in verdicts if verdict.is_trouble), None)
    if troubled is not None:
        return reply_of(troubled)
    refused = [verdict for verdict in verdicts if verdict.is_refusal]
    if not refused:
        return DUNNO
    if len(refused) < max(request.recipients, len(verdicts)):
        return SEPARATELY if request.sender.strip("<> ") else DUNNO
    return reply_of(next((verdict for verdict in refused if verdict.may_not_post), refused[0]))


def reply_of(verdict: Verdict) -> bytes:
    """The reply to a policy request, with its empty line."""
    if verdict.is_refusal:
        return b"action=%d %b %b\n\n" % (verdict.code, verdict.status.encode(), verdict.text.encode("ascii", "replace"))
    if verdict.is_trouble:
        return b"action=DEFER_IF_PERMIT %b %b\n\n" % (verdict.status.encode(), verdict.text.encode("ascii", "replace"))
    return DUNNO
