"""The policy service between the wire and the bench: requests in, replies out.

No sockets here: server.py and stdio.py bring the requests and take the replies away. Requests that came together are
judged together. Once there is data, recipients for which a probe seemed to ask are judged again, also where Postfix
does not name them because there are several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from gatepost_lists import Asked, Bench, Judging, Loop, Ruling
from gatepost_policy.answer import question_of, reply_of, reply_to_several
from gatepost_policy.probes import Probes
from gatepost_policy.request import Request
from gatepost_service.log import VerdictLog, get_logger
from gatepost_service.metrics import Tally
from gatepost_service.record import Recorder

DOOR = "policy"
Then = Callable[[list[bytes]], object]

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
    """Answers policy requests. One for each process. loop: where the answers come that take long."""

    def __init__(self, options: Options, log: VerdictLog, tally: Tally, loop: Loop | None = None) -> None:
        self._options = options
        self._bench = Bench(options.judging, Recorder(DOOR, log, tally), loop=loop)
        self._unknown_contexts: set[str] = set()
        self._probes = Probes()

    def reload(self, options: Options) -> None:
        """Go on with new options; where they cannot be followed, all stays as it was."""
        self._bench.reload(options.judging)
        self._options = options
        self._unknown_contexts.clear()

    def close(self) -> None:
        """Let go of the directory."""
        self._bench.close()

    def answer(self, requests: Sequence[Request], since: float, then: Then) -> None:
        """Call `then` with the replies to requests that came together at `since` (time.perf_counter), in their order.

        At once, or in the loop where the lists are asked over a network. Never raises.
        """
        named = [request for request in requests if request.asks]

        def go_on(rulings: list[Ruling]) -> None:
            replies = [self._reply(*each) for each in zip(named, rulings, strict=True)]
            if len(named) == len(requests):
                then(replies)
            else:
                self._answer_unnamed(requests, since, replies, then)

        self._bench.ask([self._asked(request) for request in named], go_on, since)

    def _answer_unnamed(self, requests: Sequence[Request], since: float, named: Iterable[bytes], then: Then) -> None:
        """The same once the named ones have their replies: the others ask for what those have asked for before."""
        groups = [() if request.asks else self._unnamed(request) for request in requests]

        def go_on(rulings: list[Ruling]) -> None:
            replies, told = iter(named), iter([ruling.told for ruling in rulings])
            pairs = zip(requests, groups, strict=True)
            then([next(replies) if one.asks else reply_to_several(one, list(islice(told, len(group))))
                  for one, group in pairs])  # fmt: skip

        self._bench.ask([self._asked(each) for group in groups for each in group], go_on, since)

    def _unnamed(self, request: Request) -> Sequence[Request]:
        """A request for each of the recipients that are not named, as far as they are known."""
        if not request.has_data:
            return ()
        return [request._replace(recipient=each) for each in self._probes.recipients(request.instance)]

    def _asked(self, request: Request) -> Asked:
        # by position, which is quicker: this is done for each question
        observe = self._observes(request.context) if request.context else None
        return Asked(question_of(request), request.transaction, None, None, True, observe)

    def _reply(self, request: Request, ruling: Ruling) -> bytes:
        if ruling.found.is_probe and not request.has_data:
            self._probes.note(request.instance, request.recipient)
        return reply_of(ruling.told)

    def _observes(self, context: str) -> bool | None:
        """Whether a context only observes; None where it does as the site does."""
        if context not in self._options.contexts and context not in self._unknown_contexts:
            self._unknown_contexts.add(context)
            _log.warning("no such section", section=f"policy.contexts.{context}", mode="that of [lists]")
        return self._options.contexts.get(context)
