"""Log lines: `configure` once in a process, `get_logger` for what happens now and then, `VerdictLog` for verdicts.

Both kinds look the same and go to the same place, in the order in which they were made. A line of `get_logger` is
written at once; verdicts are gathered, and written by `flush` (an event loop calls it once a turn), by the next line of
the other kind, and at the end of the process. What the standard library's logging is told (asyncio uses it) comes here
as well.
"""

import logging
import time
from collections.abc import Callable, MutableMapping
from json.encoder import encode_basestring_ascii
from typing import Any

import structlog

from gatepost_service.log_lines import Format, json_text, render, stands_as_it_is, text_value
from gatepost_service.log_output import Output, choose_places, take_stderr_away

# A verdict's line, as the renderers would make it of `time`, `level`, `event` and VerdictLog.verdict's parameters.
_TEXT = (
    "time=%s level=info event=verdict door=%s client=%s sender=%s recipient=%s list=%s test=%s verdict=%s code=%s "
    "status=%s ms=%s id=%s\n"
)
_JSON = (
    '{"time": "%s", "level": "info", "event": "verdict", "door": %s, "client": %s, "sender": %s, "recipient": %s, '
    '"list": %s, "test": %s, "verdict": %s, "code": %s, "status": %s, "ms": %s, "id": %s}\n'
)


class _Clock:
    """The time as log lines show it: UTC, ISO 8601, milliseconds. The part down to the second is kept."""

    def __init__(self) -> None:
        self._kept = (-1, "")  # one value, so that no thread sees the halves of two

    def now(self) -> str:
        now = time.time()
        second = int(now)
        kept = self._kept
        if second != kept[0]:
            kept = self._kept = (second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)))
        return f"{kept[1]}.{int((now - second) * 1000):03d}Z"


class _State:
    """The one output of this process, and the form of its lines."""

    def __init__(self) -> None:
        self.clock = _Clock()
        self.form: Format = "text"
        self.output = Output(choose_places("", stdio=False), self.describe)

    def describe(self, event: str, **fields: object) -> str:
        return render({"time": self.clock.now(), "level": "error", "event": event, **fields}, self.form)


_state = _State()


def configure(form: Format = "text", file: str = "", *, stdio: bool = False) -> None:
    """Choose the form of the lines and where they go: `file`, or standard error where it is ''.

    `stdio`: standard output is a protocol's wire. If standard error is the same socket (spawn(8)), lines go to syslog
    where there is one, else nowhere.
    """
    _state.output.reopen()  # what it holds is written, and its file closed
    _state.form = form
    _state.output = Output(choose_places(file, stdio=stdio), _state.describe)
    if _bridge not in logging.root.handlers:
        logging.root.addHandler(_bridge)
    if stdio:
        take_stderr_away()


def flush() -> None:
    """Write every line that has been gathered. Never raises."""
    _state.output.flush()


def reopen() -> None:
    """Open the log file anew, after logrotate has moved it away."""
    _state.output.reopen()


class _Lines:
    """What structlog writes a rendered line to."""

    def info(self, line: str) -> None:
        _state.output.add(line + "\n")
        _state.output.flush()

    msg = log = debug = warning = warn = error = critical = fatal = exception = info


def _render(_logger: Any, level: str, fields: MutableMapping[str, Any]) -> str:
    event = fields.pop("event", "")
    head = {"time": _state.clock.now(), "level": "error" if level == "exception" else level, "event": event}
    return render(head | dict(fields), _state.form)


structlog.configure(
    processors=[structlog.processors.format_exc_info, _render],
    wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    logger_factory=_Lines,
    cache_logger_on_first_use=True,
)


def get_logger(name: str = "") -> structlog.typing.FilteringBoundLogger:
    """A logger; `name` stands in each line under the key part."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(part=name) if name else structlog.get_logger()
    return logger


def reason(error: BaseException, *, named: bool = False) -> dict[str, str]:
    """What a line says of an error: `why`, with its name in front if that is wanted, and its `hint`, if it has one."""
    why = f"{type(error).__name__}: {error}" if named else str(error)
    hint = str(getattr(error, "hint", ""))
    return {"why": why, "hint": hint} if hint else {"why": why}


class _Bridge(logging.Handler):
    """Brings the standard library's log records here."""

    def emit(self, record: logging.LogRecord) -> None:
        log = getattr(get_logger(record.name), logging.getLevelName(record.levelno).lower(), _own.error)
        log(record.getMessage(), exc_info=record.exc_info)


_own = get_logger("log")
_bridge = _Bridge()


class VerdictLog:
    """One line for each verdict, as `get_logger().info("verdict", door=…, client=…, …)` would write it, but quickly.

    `soon` is called with `flush` when the first line of a batch is kept: an event loop's call_soon, or the like.
    """

    def __init__(self, soon: Callable[[Callable[[], None]], object] | None = None) -> None:
        self._soon = soon

    def verdict(
        self,
        door: str,
        client: str,
        sender: str,
        recipient: str,
        list_: str,
        test: str,
        verdict: str,
        code: int,
        status: str,
        ms: float,
        id_: str,
    ) -> None:
        """Keep a line. `code`: the reply's; `ms`: milliseconds that the verdict took; `id_`: the mail server's id."""
        state = _state
        words: tuple[str, ...] = (door, client, sender, recipient, list_, test, verdict, status, id_)
        plain = stands_as_it_is("".join(words))
        if state.form == "json":
            words = tuple(map(encode_basestring_ascii if plain else _json_string, words))
        elif not plain:
            words = tuple(map(text_value, words))
        door, client, sender, recipient, list_, test, verdict, status, id_ = words
        now = state.clock.now()
        values = (now, door, client, sender, recipient, list_, test, verdict, code, status, round(ms, 3), id_)
        if self._soon is not None and not state.output.pending:
            self._soon(flush)
        state.output.add((_TEXT if state.form == "text" else _JSON) % values)


def _json_string(text: str) -> str:
    return encode_basestring_ascii(json_text(text))
