"""From a policy request to the judge's question, and from its verdict to the action that Postfix is told (access(5)).

`DUNNO` lets the restrictions that follow go on; `OK` would end them and is never said. A refusal carries its own code
and enhanced status. Trouble is `DEFER_IF_PERMIT`: a permanent refusal of a later restriction still goes before it.
"""

from __future__ import annotations

from gatepost_lists import Answer, Question, Stage, Verdict
from gatepost_policy.request import Request

DUNNO = b"action=DUNNO\n\n"


def question_of(request: Request) -> Question:
    """What the judge is asked. Only for requests that ask (`Request.asks`)."""
    return Question(
        request.sender,
        request.recipient,
        request.size,
        Stage.DATA if request.has_data else Stage.RCPT,
        request.client,
    )


def reply_of(verdict: Verdict) -> bytes:
    """The reply to a policy request, with its empty line."""
    if verdict.answer is Answer.REJECT:
        return b"action=%d %b %b\n\n" % (verdict.code, verdict.status.encode(), verdict.text.encode("ascii", "replace"))
    if verdict.answer is Answer.DEFER:
        return b"action=DEFER_IF_PERMIT %b %b\n\n" % (verdict.status.encode(), verdict.text.encode("ascii", "replace"))
    return DUNNO
