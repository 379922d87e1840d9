"""The policy service between the wire and the judge: requests in, replies out, with a log line and a count for each.

No sockets here: server.py and stdio.py bring the requests and take the replies away. Requests that came together are
judged together, from one snapshot of the directory. Once there is data, recipients for which a probe seemed to ask are
judged again, also where Postfix does not name them because there are several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter

from gatepost_lists import Answer, Judging, Verdict, cannot_tell, judge_all, soften
from gatepost_policy.answer import DUNNO, question_of, reply_of, reply_to_several
from gatepost_policy.probes import Probes
from gatepost_policy.request import Request
from gatepost_service.log import VerdictLog, get_logger
from gatepost_service.metrics import Tally
from gatepost_service.record import Recorder

DOOR = "policy"

_log = get_logger("policy")


@dataclass(frozen=True)
class Options:
    """How the service is to judge and answer.

    contexts: `observe` by policy_context. timeout: seconds that a request may take to arrive.
    """

    judging: Judging
    contexts: Mapping[str, bool] = field(default_factory=dict)
    timeout: float = 100.0


class PolicyService:
    """Answers policy requests. One for each process; it holds the directory."""

    def __init__(self, options: Options, log: VerdictLog, tally: Tally) -> None:
        self._options = options
        self._directory = options.judging.open_directory()
        self._recorder = Recorder(DOOR, log, tally, log_verdicts=options.judging.log_verdicts)
        self._unknown_contexts: set[str] = set()
        self._probes = Probes()

    def reload(self, options: Options) -> None:
        """Go on with new options and a directory opened anew; without one, all stays as it was."""
        directory = options.judging.open_directory()
        self._directory.close()
        self._directory = directory
        self._options = options
        self._recorder.log_verdicts = options.judging.log_verdicts
        self._unknown_contexts.clear()

    def close(self) -> None:
        """Let go of the directory."""
        self._directory.close()

    def answer(self, requests: Sequence[Request], since: float) -> list[bytes]:
        """The replies to requests that came together at `since` (time.perf_counter), in their order. Never raises."""
        replies: list[bytes] = []
        begun = 0
        for at, request in enumerate(requests):
            if request.has_data and not request.asks:  # it asks for what those before it have asked for
                replies += self._answered(requests[begun:at], since)
                begun = at
        return replies + self._answered(requests[begun:] if begun else requests, since)

    def _answered(self, requests: Sequence[Request], since: float) -> list[bytes]:
        groups = [self._asked(request) for request in requests]
        asking = [each for group in groups for each in group]
        if not asking:
            return [DUNNO] * len(requests)
        verdicts = self._judge(asking)
        seconds = perf_counter() - since
        told = iter([self._told(each, verdict, seconds) for each, verdict in zip(asking, verdicts, strict=True)])
        return [
            reply_of(next(told)) if request.asks else reply_to_several(request, list(islice(told, len(group))))
            for request, group in zip(requests, groups, strict=True)
        ]

    def _asked(self, request: Request) -> Sequence[Request]:
        """The requests to judge: this one; or one for each of the recipients that are not named, as far as known."""
        if request.asks:
            return (request,)
        if not request.has_data:
            return ()
        return [request._replace(recipient=each) for each in self._probes.recipients(request.instance)]

    def _judge(self, asking: Sequence[Request]) -> list[Verdict]:
        try:
            questions = [question_of(request) for request in asking]
            return judge_all(questions, self._directory, self._options.judging.rules)
        except Exception as error:  # trouble of ours is temporary to the mail server, whatever it is
            if len(asking) > 1:  # those that came with the one that is odd need not wait for it
                return [verdict for request in asking for verdict in self._judge([request])]
            _log.exception("the judge failed")
            return [cannot_tell(f"{type(error).__name__}: {error}")] * len(asking)

    def _told(self, request: Request, verdict: Verdict, seconds: float) -> Verdict:
        """Log and count what was judged; what the mode lets us say."""
        if verdict.test == "probe" and not request.has_data:
            self._probes.note(request.instance, request.recipient)
        self._recorder.record(verdict, request.client, request.sender, request.recipient, seconds, request.transaction)
        if verdict.answer is Answer.REJECT or verdict.answer is Answer.DEFER:
            accept_trouble = self._options.judging.accept_trouble
            return soften(verdict, observe=self._observes(request), accept_trouble=accept_trouble)
        return verdict

    def _observes(self, request: Request) -> bool:
        context = request.context
        if not context:
            return self._options.judging.observe
        if context not in self._options.contexts and context not in self._unknown_contexts:
            self._unknown_contexts.add(context)
            _log.warning("no such section", section=f"policy.contexts.{context}", mode="that of [lists]")
        return self._options.contexts.get(context, self._options.judging.observe)
