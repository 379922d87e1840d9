"""The milter between libmilter's callbacks and the bench: transactions in, replies out.

Callbacks run on many threads, so nothing here belongs to a thread. Each waits for its answer. Nothing here imports
libmilter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import make_msgid

from gatepost_lists import MAY_NOT_POST, Asked, Bench, Judging, Question, Ruling, Stage
from gatepost_milter.mixing import kind_of, may_join
from gatepost_milter.transaction import (
    CONTINUE,
    PUT_OFF,
    Changes,
    Outcome,
    Recipient,
    Reply,
    Transaction,
    names_of,
    reply_of,
    without_brackets,
)
from gatepost_service.log import VerdictLog, get_logger
from gatepost_service.metrics import Tally
from gatepost_service.record import Recorder

DOOR = "milter"
_NOBODY_LEFT = Reply(Outcome.REJECT, "550", MAY_NOT_POST, "you may not post to this mailing list")

_log = get_logger(DOOR)


@dataclass(frozen=True)
class Options:
    """How the milter is to judge and answer.

    at_headers: a recipient whose envelope sender may not post waits for the headers. remove_failed: take such
    recipients off a message that others get, also where a list knows the sender. refuse_mixed: refuse, instead of
    putting off, one who may not post and would have to wait beside recipients that take everybody's mail.
    add_message_id: at that stage, where there is none; its right side is hostname.
    """

    judging: Judging
    at_headers: bool = False
    remove_failed: bool = False
    refuse_mixed: bool = False
    add_message_id: bool = False
    hostname: str = "localhost"


def _one_answer(replies: list[Reply]) -> Reply:
    """What is told for all recipients: temporary if one cannot be told, refused if each is; else the message goes on.

    The refusal is the one that all of them have; where they differ, that the sender may not post.
    """
    if deferred := next((reply for reply in replies if reply.outcome is Outcome.TEMPFAIL), None):
        return deferred
    if CONTINUE in replies or not replies:
        return CONTINUE
    if all(reply.status == replies[0].status for reply in replies):
        return replies[0]
    return next((reply for reply in replies if reply.status == MAY_NOT_POST), _NOBODY_LEFT)


class MilterService:
    """Answers the callbacks of all connections of one process. Its methods may be called from any thread."""

    def __init__(self, options: Options, log: VerdictLog, tally: Tally) -> None:
        self._options = options
        self._bench = Bench(options.judging, Recorder(DOOR, log, tally))

    def reload(self, options: Options) -> None:
        """Go on with new options; questions under way end with the old lists."""
        self._bench.reload(options.judging)
        self._options = options

    def close(self) -> None:
        """Let go of the directory; questions under way are answered before."""
        self._bench.close()

    @property
    def at_headers(self) -> bool:
        """Whether messages that begin now are judged again when their headers are there."""
        return self._options.at_headers

    def rcpt(self, transaction: Transaction, address: str, id_: str) -> Reply:
        """The reply to RCPT; a recipient that is not refused or put off is noted on the transaction.

        address: as the mail server names it, in brackets. id_: the queue id, or ''.
        """
        [(told, found)] = self._judged(transaction, [address], Stage.RCPT, id_)
        reply = CONTINUE if transaction.headers is not None and found.may_not_post else reply_of(told)
        if reply is CONTINUE:
            may_post = not transaction.sender and self._options.judging.rules.null_sender_posts
            recipient = Recipient(address, found, kind_of(found, may_post=may_post))
            if not self._may_join(transaction, recipient):
                return self._put_off(transaction, recipient, id_)
            transaction.recipients.append(recipient)
        return reply

    def _may_join(self, transaction: Transaction, recipient: Recipient) -> bool:
        """Whether a recipient may be on one message with those before it.

        A mail program that has logged in cannot send to some later, as a mail server does; its user is no stranger.
        """
        if self._options.judging.observe or transaction.auth:
            return True
        return may_join(recipient.kind, (other.kind for other in transaction.recipients))

    def _put_off(self, transaction: Transaction, recipient: Recipient, id_: str) -> Reply:
        refused = self._options.refuse_mixed and recipient.verdict.is_refusal
        reply = reply_of(recipient.verdict) if refused else PUT_OFF
        _log.info(
            "mixed recipients",
            what="refused" if refused else "put off",
            recipient=recipient.address,
            client=transaction.client,
            id=id_,
        )
        return reply

    def data(self, transaction: Transaction, id_: str) -> Reply:
        """The reply to DATA: recipients that a probe asked for are judged as such no longer.

        There is one answer for all of them: a refusal if one fails, for those beside it have waited too.
        """
        if transaction.headers is not None:
            return CONTINUE
        asked_for = [recipient for recipient in transaction.recipients if recipient.verdict.is_probe]
        replies = self._replies(transaction, asked_for, id_)
        return next((reply for reply in replies if reply is not CONTINUE), CONTINUE)

    def _replies(self, transaction: Transaction, recipients: Sequence[Recipient], id_: str) -> list[Reply]:
        """The replies to recipients when more of the message is there than at RCPT."""
        addresses = [recipient.address for recipient in recipients]
        return [reply_of(told) for told, _ in self._judged(transaction, addresses, Stage.DATA, id_)]

    def end_of_headers(self, transaction: Transaction, id_: str) -> Reply:
        """The reply when the headers are there, one for all recipients.

        Of recipients that failed while others did not, those that are to be removed are noted on the transaction: where
        no list knows the sender all are, for what is sent back would go to whoever is named there. One that was
        accepted at RCPT may fail too: the headers may name one who is banned.
        """
        recipients = transaction.recipients
        again = [recipient for recipient in recipients if recipient.is_judged_again]
        told = iter(self._replies(transaction, again, id_))
        replies = [next(told) if recipient.is_judged_again else CONTINUE for recipient in recipients]
        answer = _one_answer(replies)
        if answer is not CONTINUE:
            return answer
        failed = [one.address for one, reply in zip(recipients, replies, strict=True) if reply is not CONTINUE]
        if failed:
            remove = self._options.remove_failed or not transaction.knows_sender
            transaction.removed = failed if remove else []
            what = "removed" if remove else "kept"
            _log.info("failed recipients", what=what, recipients=failed, client=transaction.client, id=id_)
        return CONTINUE

    def changes(self, transaction: Transaction) -> Changes:
        """What is to be done to a message at its end, before it is taken."""
        options = self._options
        wants_id = transaction.headers is not None and options.add_message_id and not transaction.headers.has_message_id
        return Changes(
            remove=tuple(name for address in transaction.removed for name in names_of(address)),
            message_id=make_msgid("gatepost", options.hostname) if wants_id else "",
        )

    def _judged(self, transaction: Transaction, addresses: Sequence[str], stage: Stage, id_: str) -> list[Ruling]:
        """Judge recipients; with the headers, once there is data coming and they are wanted."""
        client = f"{transaction.auth}@{transaction.client}" if transaction.auth else transaction.client
        headers = transaction.headers if stage is Stage.DATA else None
        follow = transaction.headers is not None and stage is Stage.RCPT
        sender, size = transaction.sender, transaction.size
        asked = []
        for address in addresses:
            question = Question(sender, without_brackets(address), size, stage, client, headers_follow=follow)
            asked.append(Asked(question, id_, headers=headers))
        return self._bench.wait_for(asked)
