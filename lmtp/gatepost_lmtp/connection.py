"""One connection: octets in, command lines and blocks of data out of them, replies back. What they mean is session.py.

aiosmtpd's server reads line by line in a task of its own for each connection, sends every reply by itself, starts a
timer anew at each command, and lets a big message hold up all others. So this subclass takes over its reading:

- Commands are obeyed in the callback that brings them, one after the other. Their methods are coroutines, as
  aiosmtpd's are, but may not wait: whatever takes time is begun, `hold()` stops the reading of commands, and `go_on()`
  starts it again.
- Replies to commands that came together go out together (RFC 2920).
- A client that sends much at once, octets or commands, takes turns with all others: see turns.py.
- One timer a connection looks now and then whether its client has been silent for too long.
- A client that does not read its replies is not read from either. One that has closed its sending side still gets
  them.
- How many octets of the replies have reached the client is known (`delivered`). Where the session still wants to know
  that, it is the client that closes the connection; we only close our side.
- An exception never reaches the client: it is logged, and the command is answered 451 4.3.0.
"""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import termios
from collections.abc import Callable, Coroutine
from typing import Any, cast

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Session as SmtpSession

from gatepost_lmtp import replies
from gatepost_lmtp.incoming import Incoming
from gatepost_lmtp.syntax import MAX_COMMAND_OCTETS, LmtpError
from gatepost_lmtp.turns import Turns
from gatepost_service.log import get_logger

# Commands that are none, or no good, before the connection ends. A message that is taken clears the count.
MAX_BAD_COMMANDS = 20
# Octets that may wait unread while something is begun, before reading stops.
_MAX_UNREAD = 512 * 1024
# A client that sends so many octets at once has had its turn, and so has one for whom so many commands were obeyed: it
# takes some milliseconds. A mail server's whole transaction is as a rule in one turn.
_BIG_BLOCK = 16 * 1024
_MANY_COMMANDS = 64
# Seconds that a client has to read the last replies and to close its side before the connection is cut; fewer than a
# service may take to stop.
_LAST_WORDS_SECONDS = 3.0

Command = Callable[[str | None], Coroutine[Any, Any, None]]

_log = get_logger("lmtp")


class Connection(LMTP):
    """The wire side of a session. A subclass gives the commands, and what a message is."""

    _wire: asyncio.Transport

    def __init__(self, hostname: str, timeout: float, turns: Turns) -> None:
        super().__init__(
            None, hostname=hostname, enable_SMTPUTF8=True, timeout=timeout, loop=asyncio.get_running_loop()
        )
        self._turns = turns
        self._patience = timeout
        self._unread = b""
        self._said: list[bytes] = []
        self.said = 0  # octets of all replies so far
        self._incoming: Incoming | None = None
        self._silence: asyncio.TimerHandle | None = None
        self._heard_at = 0.0
        self._bad_commands = 0
        self._overlong = False  # within a command line that is too long
        self._held = False
        self._commands_left = 0  # of this turn
        self._in_line = False  # the client has had its turn, and waits for the next
        self._blocked = False  # the client does not read its replies
        self._deaf = False  # what the client sends stays in the kernel
        self._finished_sending = False
        self._finishing = False
        self._ending = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._wire = cast(asyncio.Transport, transport)
        self._socket: socket.socket = transport.get_extra_info("socket")
        self.session = SmtpSession(self.loop)
        self.reset()
        peer = transport.get_extra_info("peername")
        self.peer: str = str(peer[0]) if isinstance(peer, tuple) else ""
        self._heard_at = self.loop.time()
        self._silence = self.loop.call_later(self._patience, self._look_for_silence)
        self.say(f"220 {self.hostname} LMTP gatepost\r\n".encode())
        self._flush()

    def connection_lost(self, error: Exception | None) -> None:
        self._ending = True
        self._stop_timer()
        if self._incoming is not None:
            self._incoming.close()
            self._incoming = None
        self.transport = None

    def data_received(self, data: bytes) -> None:
        self.heard()
        if self._ending:
            return
        self._heard_at = self.loop.time()
        self._unread = self._unread + data if self._unread else data
        if self._may_work:
            self._work()
            if len(data) >= _BIG_BLOCK and not self._ending:
                self._get_in_line()
        elif len(self._unread) > _MAX_UNREAD:
            self._pause()

    def eof_received(self) -> bool:
        self._finished_sending = True
        self.heard()
        if self._ending:
            self._flush()
        elif self._may_work:
            self._work()
        return True  # _flush() and _work() close it

    def pause_writing(self) -> None:
        self._blocked = True

    def resume_writing(self) -> None:
        self._blocked = False
        if not self._held and not self._ending:
            self._work()

    def say(self, reply: bytes) -> None:
        """Reply with these lines; they go out when all that has come is obeyed."""
        self._said.append(reply)
        self.said += len(reply)

    async def push(self, status: str | bytes) -> None:
        """aiosmtpd's way to reply, with one line."""
        self.say((status.encode() if isinstance(status, str) else status) + b"\r\n")

    def hold(self) -> None:
        """Obey no further command before go_on()."""
        self._held = True

    def go_on(self) -> None:
        """Go on with what has come meanwhile."""
        self._held = False
        self._heard_at = self.loop.time()
        if not self._ending:
            self._work()

    def delivered(self) -> int:
        """How many octets of the replies the client's machine has acknowledged; on a UNIX socket, that were read."""
        unsent = sum(map(len, self._said)) + self._wire.get_write_buffer_size()
        return self.said - unsent - _unacknowledged(self._socket)

    def end(self, reply: bytes) -> None:
        """Say this, and close."""
        self.say(reply)
        self._close()

    def finish(self) -> None:
        """Close as soon as no transaction is under way."""
        self._finishing = True
        if not self._held and not self._ending:
            self._work()

    def give_way(self) -> bool:
        """Close if no transaction is under way; whether that is so, and was not done before."""
        if self._held or self._in_line or self._ending or self.in_transaction:
            return False
        self.end(replies.TOO_MANY_CONNECTIONS)
        return True

    def command(self, verb: bytes) -> Command | None:
        """What obeys a verb, in capitals; None if there is no such command."""
        raise NotImplementedError

    @property
    def in_transaction(self) -> bool:
        """Whether a message is on its way."""
        raise NotImplementedError

    def reset(self) -> None:
        """Forget the transaction."""
        raise NotImplementedError

    def message_came(self, incoming: Incoming) -> None:
        """All of a message's data has come."""
        raise NotImplementedError

    def heard(self) -> None:
        """A sign of the client: octets, or the end that it has made of sending. Or nobody waits for one any longer."""
        raise NotImplementedError

    @property
    def awaits_the_end(self) -> bool:
        """Whether the client's own end of the connection still says something."""
        raise NotImplementedError

    @property
    def _may_work(self) -> bool:
        """Whether a command would be obeyed now."""
        return not (self._held or self._ending or self._blocked or self._in_line)

    def _work(self) -> None:
        """Obey what has come, as much as one turn may be."""
        self._commands_left = _MANY_COMMANDS
        while self._unread and self._may_work:
            before = len(self._unread)
            if self._incoming is not None:
                self._take_data(self._incoming)
            else:
                self._take_lines()
                if len(self._unread) == before:
                    break
        if self._finishing and not (self._held or self._ending or self.in_transaction):
            self.heard()  # as _cut does
            self.end(replies.SHUTTING_DOWN)
        elif self._finished_sending and self._may_work:
            self._close()
        self._flush()
        self._resume()

    def _get_in_line(self) -> None:
        if not self._in_line:
            self._in_line = True
            self._pause()
            self._turns.wait(self._take_turn)

    def _take_turn(self) -> None:
        self._in_line = False
        if not self._ending:
            self._work()

    def _take_data(self, incoming: Incoming) -> None:
        block, self._unread = self._unread, b""
        incoming.feed(block)
        if incoming.ended:
            self._unread = incoming.rest
            self._incoming = None
            self.message_came(incoming)

    def _take_lines(self) -> None:
        """Obey every command line that is there whole."""
        octets, at = self._unread, 0
        while self._may_work and self._incoming is None:
            end = octets.find(b"\n", at) + 1
            if not end:
                break
            if not self._commands_left:
                self._get_in_line()
                break
            self._commands_left -= 1
            self._take_line(octets[at:end])
            at = end
        else:
            self._unread = octets[at:]
            return
        self._unread = octets[at:]
        if self._in_line:
            return
        if len(self._unread) > MAX_COMMAND_OCTETS:
            self._overlong = True
            self._unread = self._unread[-1:]  # it may be the CR of the end

    def _take_line(self, line: bytes) -> None:
        if self._overlong or len(line) > MAX_COMMAND_OCTETS:
            self._overlong = False
            self._bad(replies.LINE_TOO_LONG)
        elif line[-2:] != b"\r\n":
            self._bad(replies.BARE_LINE_FEED)
        else:
            verb, blank, arg = line[:-2].partition(b" ")
            self._obey(verb, arg.strip(b" ").decode("utf-8", "surrogateescape") if blank else None)

    def _obey(self, verb: bytes, arg: str | None) -> None:
        command = self.command(verb.upper())
        if command is None:
            self._bad(replies.UNKNOWN_COMMAND if verb.isalnum() else replies.BAD_SYNTAX)
            return
        try:
            _run(command(arg or None))
        except LmtpError as error:
            reply = f"{error}\r\n".encode()
            if error.code in {501, 555}:
                self._bad(reply)
            else:
                self.say(reply)
        except Exception:
            _log.exception("a command failed", client=self.peer or "local", command=verb.decode("ascii", "replace"))
            self.say(replies.TROUBLE)

    def _bad(self, reply: bytes) -> None:
        """Reply to what is no command, or no good."""
        self._bad_commands += 1
        if self._bad_commands > MAX_BAD_COMMANDS:
            _log.warning("too many bad commands", client=self.peer or "local")
            self.end(replies.TOO_MANY_ERRORS)
        else:
            self.say(reply)

    def _flush(self) -> None:
        if self._said and self.transport is not None:
            said = b"".join(self._said)
            self._said.clear()
            self._wire.write(said)
        if self._ending and self.transport is not None:
            if self.awaits_the_end and not self._finished_sending:
                self._wire.write_eof()
            else:
                self._wire.close()

    def _close(self) -> None:
        """End the connection when the replies are out, or have not been read for a while."""
        if not self._ending:
            self._ending = True
            self._stop_timer()
            self._silence = self.loop.call_later(_LAST_WORDS_SECONDS, self._cut)
        self._flush()

    def _cut(self) -> None:
        """The client has had its time. Where the service is stopped it need give no sign: it is we who end all."""
        if self._finishing:
            self.heard()
        self._wire.abort()

    def _pause(self) -> None:
        if not self._deaf:
            self._deaf = True
            self._wire.pause_reading()

    def _resume(self) -> None:
        if self._deaf and self.transport is not None and (self._ending or self._may_work):
            self._deaf = False
            self._wire.resume_reading()

    def _stop_timer(self) -> None:
        if self._silence is not None:
            self._silence.cancel()

    def _look_for_silence(self) -> None:
        """At the time-out, unless the client was heard meanwhile; its own waiting for us does not count."""
        silent = self.loop.time() - self._heard_at
        if self._held or silent < self._patience:
            wait = self._patience if self._held else self._patience - silent
            self._silence = self.loop.call_later(wait, self._look_for_silence)
        else:
            _log.warning("timed out", client=self.peer or "local", seconds=self._patience)
            self.end(replies.TIMED_OUT)


def _unacknowledged(connection: socket.socket) -> int:
    """Octets that the kernel keeps of what was written: SIOCOUTQ of tcp(7) and unix(7), where it is more than those.

    0 where the system does not tell.
    """
    try:
        return int(struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)))[0])
    except OSError:
        return 0


def _run(command: Coroutine[Any, Any, None]) -> None:
    """Run a command's coroutine, which may not wait, to its end."""
    try:
        command.send(None)
    except StopIteration:
        return
    command.close()
    raise RuntimeError("a command waited")
