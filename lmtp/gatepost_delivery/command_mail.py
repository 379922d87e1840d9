"""The handler of `command`: mail to -join, -leave, -confirm and -request, and requests that a moderator has decided.

- What a machine wrote is neither answered nor obeyed (answers.py): no auto-responder can confirm anything.
- Answers go to the envelope sender, if it is an author; what is about an address goes to that address alone
  (joining.py). Both are counted (kinds.py).
- One message is answered once, with what became of each command; where a command sends a message of its own and was
  all that was asked for, that is the answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from gatepost_delivery import kinds, notices
from gatepost_delivery.answers import may_be_answered
from gatepost_delivery.fields import split
from gatepost_delivery.holding import nobody_decided
from gatepost_delivery.joining import JOIN, LEAVE, Joining
from gatepost_delivery.outbox import Outbox, Terms
from gatepost_delivery.requests import Author, Command, Verb, author_of, commands_for
from gatepost_delivery.tokens import Taken, Tokens
from gatepost_delivery.values import Done, GoOn
from gatepost_lists import Directory
from gatepost_lists.store.admin import Store
from gatepost_lists.store.profiles import Profile
from gatepost_queue import HELD, Claimed, Entry
from gatepost_queue.metadata import CommandMetadata, HeldMetadata
from gatepost_service.log import get_logger

# The same for every address, so that it does not tell who is a member.
_ELSEWHERE = "{}: another message tells what becomes of it."

_log = get_logger("delivery")


@dataclass(frozen=True, kw_only=True)
class CommandMail:
    """Deals with entries of the queue `command`, in one thread.

    terms: what notices keep to. request_life: seconds that a confirmation is waited for.
    """

    store: Store
    directory: Directory
    terms: Terms
    request_life: float
    clock: Callable[[], float] = time.time

    def __call__(self, claimed: Claimed, go_on: GoOn) -> Done:
        """Obey, and answer. Raises StoreTroubleError, DirectoryTrouble, QueueTrouble: nothing is lost by that."""
        profile = self.store.profile(claimed.listid)
        if profile is None:
            _log.warning("no such list any more", id=claimed.trace, list=claimed.listid, queue=claimed.queue)
            return Done()
        now = self.clock()
        outbox = Outbox(self.store, profile, claimed, now, self.terms)
        joining = Joining(
            store=self.store,
            directory=self.directory,
            profile=profile,
            outbox=outbox,
            now=now,
            request_life=self.request_life,
        )
        metadata = CommandMetadata.from_json(claimed.metadata)
        if metadata.request == JOIN:
            _carry_out(claimed, metadata, joining)
            return Done(puts=outbox.puts)
        work = _Work(claimed, metadata.extension, profile, joining, Tokens(self.store, claimed, go_on, now), now)
        work.do()
        return Done(entries=tuple(work.held), puts=outbox.puts)


def _carry_out(claimed: Claimed, request: CommandMetadata, joining: Joining) -> None:
    """What a moderator has decided about a request to join, or that nobody has."""
    if request.approved:
        joining.join(request.email, request.display_name or "")
        _tell(claimed, "join", "accepted by a moderator")
    elif request.rejected is not None:
        joining.turn_down(request.email, request.rejected)
        _tell(claimed, "join", "rejected by a moderator")
    else:
        days = request.waited_days or 0
        joining.expire(request.email, nobody_decided(days))
        _tell(claimed, "join", f"no moderator has decided in {days} days")


def _tell(claimed: Claimed, command: str, what: str) -> None:
    _log.info("command", id=claimed.trace, list=claimed.listid, command=command, outcome=what)


class _Work:
    """One message's commands. `held`: entries for a moderator that follow from it."""

    def __init__(
        self, claimed: Claimed, extension: str, profile: Profile, joining: Joining, tokens: Tokens, now: float
    ) -> None:
        self._claimed = claimed
        self._extension = extension
        self._profile = profile
        self._joining = joining
        self._tokens = tokens
        self._now = now
        self._results: list[str] = []
        # Whether somebody has to be told the results: not where a message of another kind says it all.
        self._is_wanted = False
        self.held: list[Entry] = []

    def do(self) -> None:
        claimed = self._claimed
        section = split(claimed.content)
        author = author_of(section.fields, claimed.envsender)
        # The author is written to as well, and need not be who has sent it.
        if author is None or not all(may_be_answered(to, section.fields) for to in (claimed.envsender, author.email)):
            _tell(claimed, claimed.subaddress, "not read: it may not be answered")
            return
        commands = commands_for(claimed.subaddress, self._extension, section)
        for command in commands.asked:
            self._obey(command, author)
        if commands.unknown:
            self._say("Your message has lines that are no command.")
            if Command(Verb.HELP) not in commands.asked:
                self._say(notices.help_text(self._profile))
        if self._is_wanted:
            self._joining.outbox.tell(
                kinds.RESULTS,
                claimed.envsender,
                lambda last: notices.command_results(
                    self._profile, claimed.envsender, self._results, self._now, last_today=last
                ),
            )

    def _say(self, result: str) -> None:
        self._results.append(result)
        self._is_wanted = True

    def _obey(self, command: Command, author: Author) -> None:
        _tell(self._claimed, command.verb, "read")
        match command.verb:
            case Verb.JOIN:
                self._joining.ask_to_join(author)
                self._results.append(_ELSEWHERE.format(command.verb))
            case Verb.LEAVE:
                self._joining.ask_to_leave(author)
                self._results.append(_ELSEWHERE.format(command.verb))
            case Verb.CONFIRM:
                self._confirm(command.token)
            case Verb.HELP:
                self._say(notices.help_text(self._profile))
            case Verb.INFO:
                self._say(notices.info_text(self._profile))

    def _confirm(self, token: str) -> None:
        taken = self._tokens.take(token)
        if taken is None or taken.kind not in (JOIN, LEAVE):
            self._say(
                "confirm: there is nothing to confirm with this token. It was used already, or it is too old, and then"
                " please ask once more."
            )
            return
        if self._joining.confirmed(taken):
            self.held.append(self._for_moderator(taken))
        self._results.append(_ELSEWHERE.format(Verb.CONFIRM))
        _tell(self._claimed, f"confirm {taken.kind}", "waits for a moderator" if self.held else "done")

    def _for_moderator(self, taken: Taken) -> Entry:
        claimed = self._claimed
        metadata = replace(
            HeldMetadata.from_json(claimed.metadata),
            request=JOIN,
            email=taken.email,
            display_name=taken.display_name,
            reason=f"subscription_policy is {self._profile.subscription_policy}",
            held_since=self._now,
        )
        return Entry(
            queue=HELD,
            listid=claimed.listid,
            subaddress=claimed.subaddress,
            recipients=claimed.recipients,
            metadata=metadata.to_json(),
        )
