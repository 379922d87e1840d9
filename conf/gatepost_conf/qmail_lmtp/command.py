"""`gatepost qmail-lmtp PORT PARTS [HOST]`, the command of a .qmail file: arguments, standard input, exit codes.

qmail-local(8) takes 0 for delivered and 100 for a bounce, but also 64, 65, 70, 76, 77, 78 and 112, which are what
programs say of a wrong command line or a fault of theirs. So only three codes ever come out: 0, 100 and 111, try again
later, for whatever is not the message's own fault. What is printed becomes the bounce's text, or a line of qmail's log.
"""

import contextlib
import os
import re
import signal
import stat
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType

from gatepost_conf.qmail_lmtp.client import Endpoint, deliver
from gatepost_conf.qmail_lmtp.envelope import read_envelope
from gatepost_conf.qmail_lmtp.outcomes import Bounced, TryAgain

NAME = "qmail-lmtp"
DELIVERED, BOUNCED, TRY_AGAIN = 0, 100, 111
USAGE = "usage: gatepost qmail-lmtp PORT PARTS [HOST]"
_DEFAULT_HOST = "127.0.0.1"
_MOST_PARTS = 99
_CHUNK = 1 << 16
_STANDARD_INPUT = 0
_number = re.compile(r"[0-9]{1,5}").fullmatch


def run(words: Sequence[str], environment: Mapping[bytes, bytes]) -> int:
    """Deliver the message on standard input; gives the exit code, and says on standard error what went wrong."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    try:
        endpoint, parts = read_arguments(words)
        deliver(endpoint, read_envelope(environment, parts), _chunks(), _size())
    except Bounced as reason:
        say(str(reason))
        return BOUNCED
    except TryAgain as reason:
        say(f"gatepost {NAME}: {reason}")
        return TRY_AGAIN
    except BaseException as error:
        say(f"gatepost {NAME}: {type(error).__name__}: {error}")
        return TRY_AGAIN
    return DELIVERED


def say(text: str) -> None:
    """Write a line to standard error, if that can be done."""
    with contextlib.suppress(OSError):
        os.write(2, f"{text}\n".encode("utf-8", "backslashreplace"))


def read_arguments(words: Sequence[str]) -> tuple[Endpoint, int]:
    """Where to deliver, and how many parts to take off. HOST may be the path of a socket. Raises TryAgain."""
    if len(words) not in {2, 3}:
        raise TryAgain(USAGE)
    port, parts, host = words[0], words[1], words[2] if len(words) == 3 else _DEFAULT_HOST
    if not _number(parts) or int(parts) > _MOST_PARTS:
        raise TryAgain(f"PARTS: expected a number from 0 to {_MOST_PARTS}, got {parts!a}; {USAGE}")
    if host.startswith("/"):
        return host, int(parts)
    if not _number(port) or not 1 <= int(port) <= 65535:
        raise TryAgain(f"PORT: expected a number from 1 to 65535, got {port!a}; {USAGE}")
    if not host or host.startswith("-"):
        raise TryAgain(f"HOST: expected a host or the path of a socket, got {host!a}; {USAGE}")
    return (host.removeprefix("[").removesuffix("]"), int(port)), int(parts)


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    os._exit(TRY_AGAIN)


def _chunks() -> Iterator[bytes]:
    try:
        while chunk := os.read(_STANDARD_INPUT, _CHUNK):
            yield chunk
    except OSError as error:
        raise TryAgain(f"the message cannot be read: {error.strerror}") from error


def _size() -> int | None:
    """What is still to be read, where that can be told: qmail hands over a file."""
    status = os.fstat(_STANDARD_INPUT)
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_size - os.lseek(_STANDARD_INPUT, 0, os.SEEK_CUR)
