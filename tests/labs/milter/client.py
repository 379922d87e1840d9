"""A small milter client: what Sendmail and Postfix say to a milter, packet by packet, right or wrong.

The protocol is libmilter's (mfdef.h names its letters and bits): a packet is its length in four octets, a letter, and
data. A step's answer is read only where one is due; text goes out as UTF-8, octets as they are.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Mapping
from typing import Self

from labs.running import connect

Text = str | bytes

# SMFIF_*: what the milter may change, as mail servers of today offer it; SETSYMLIST is among it.
ALL_ACTIONS = 0x1FF
ADD_HEADERS, CHANGE_BODY, DELETE_RECIPIENTS = 0x01, 0x02, 0x08
# SMFIP_*: which steps a milter may leave out, and which it may leave unanswered.
ALL_STEPS = 0x1FFFFF
STEPS_OF_OLD = 0x3F  # the first version's: every step that is taken is answered
NO_CONNECT, NO_HELO, NO_HEADERS, NO_END_OF_HEADERS, NO_BODY, NO_DATA = 0x01, 0x02, 0x20, 0x40, 0x10, 0x200
SILENT_MAIL, SILENT_HEADER = 0x4000, 0x80
VERSION = 6
_HEAD = struct.Struct("!I")
_OPTIONS = struct.Struct("!III")
_STAGES = {1: "H", 2: "M", 3: "R", 4: "T", 5: "E", 6: "N"}  # SMFIM_*, by the letter of their step
_BARE = {"c": "", "a": "accept", "r": "reject", "t": "tempfail", "d": "discard"}

Change = tuple[str, str]


class Gone(ConnectionError):
    """The milter has closed the connection where an answer was due."""


class MilterClient:
    """One connection to a milter, as a mail server holds it. Answers are SMTP replies, "" for 'continue'.

    `changes` holds what the last end of a message asked for: ("-", recipient) and ("h", "Name: value").
    """

    def __init__(self, address: str, actions: int = ALL_ACTIONS, steps: int = ALL_STEPS) -> None:
        """Connect to inet:HOST:PORT or unix:PATH and negotiate what of these actions and steps is left out."""
        self._socket = connect(address)
        self._stream = self._socket.makefile("rb")
        self.macros: dict[str, Mapping[str, Text]] = {}
        """Sent before a step, by its letter, e.g. {"M": {"{client_addr}": "192.0.2.1"}}."""
        self.changes: list[Change] = []
        try:
            self._negotiate(actions, steps)
        except BaseException:
            self.close()
            raise

    def _negotiate(self, actions: int, steps: int) -> None:
        self.send("O", _OPTIONS.pack(VERSION, actions, steps))
        letter, data = self.packet()
        assert letter == "O", letter
        _, self.actions, self.steps = _OPTIONS.unpack_from(data)
        self.wanted = _wanted_macros(data[_OPTIONS.size :])
        """The macros that the milter asks for, by the letter of their step."""

    def send(self, letter: str, data: bytes = b"") -> None:
        """Send one packet."""
        self.send_octets(_HEAD.pack(len(data) + 1) + letter.encode("latin-1") + data)

    def send_octets(self, octets: bytes) -> None:
        """Send octets that may be anything."""
        self._socket.sendall(octets)

    def packet(self) -> tuple[str, bytes]:
        """The next packet: its letter and data. Raises Gone."""
        try:
            head = self._stream.read(_HEAD.size)
            body = self._stream.read(_HEAD.unpack(head)[0]) if len(head) == _HEAD.size else b""
        except ConnectionError as error:
            raise Gone from error
        if not body:
            raise Gone
        return chr(body[0]), body[1:]

    def answer(self) -> str:
        """The next answer; what it changes before is noted in `changes`. Raises Gone."""
        while True:
            letter, data = self.packet()
            if letter == "y":
                return data.rstrip(b"\0").decode()
            if letter in _BARE:
                return _BARE[letter]
            name, _, value = data.rstrip(b"\0").partition(b"\0")
            self.changes.append((letter, f"{name.decode()}: {value.decode()}" if letter == "h" else name.decode()))

    def step(self, letter: str, *words: Text, left_out: int = 0, silent: int = 0) -> str:
        """Take a step, unless it was agreed to leave it out; its answer, unless none was agreed on."""
        if self.steps & left_out:
            return ""
        if macros := self.macros.get(letter):
            pairs = (text for pair in macros.items() for text in pair)
            self.send("D", letter.encode() + _strings(pairs))
        self.send(letter, _strings(words))
        return "" if self.steps & silent else self.answer()

    def mail(self, sender: Text, *parameters: Text) -> str:
        """MAIL. The sender stands without brackets, parameters as SIZE=9."""
        return self.step("M", _bracketed(sender), *parameters, silent=SILENT_MAIL)

    def rcpt(self, recipient: Text) -> str:
        """RCPT. The recipient stands without brackets."""
        return self.step("R", _bracketed(recipient))

    def data(self) -> str:
        """DATA."""
        return self.step("T", left_out=NO_DATA)

    def header(self, name: Text, value: Text) -> str:
        """One header."""
        return self.step("L", name, value, left_out=NO_HEADERS, silent=SILENT_HEADER)

    def end_of_headers(self) -> str:
        """The end of the headers."""
        return self.step("N", left_out=NO_END_OF_HEADERS)

    def body(self, text: bytes) -> str:
        """A piece of the body."""
        if self.steps & NO_BODY:
            return ""
        self.send("B", text)
        return self.answer()

    def end_of_message(self) -> str:
        """The end of the message."""
        self.changes.clear()
        return self.step("E")

    def abort(self) -> None:
        """Give the message up; nothing answers."""
        self.send("A")

    def message(self, headers: Iterable[tuple[Text, Text]] = (), body: bytes = b"hello\r\n") -> str:
        """All that follows RCPT; the answer that ends it, "" if the message is taken."""
        if refused := self.data():
            return refused
        for name, value in headers:
            if refused := self.header(name, value):
                return refused
        return self.end_of_headers() or self.body(body) or self.end_of_message()

    def is_closed(self) -> bool:
        """Whether the milter ends the connection; waits for it."""
        try:
            self.packet()
        except Gone:
            return True
        return False

    def close(self) -> None:
        """Close without a word."""
        self._stream.close()
        self._socket.close()

    def vanish(self) -> None:
        """Close with a reset, as when the mail server is killed."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _octets(text: Text) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def _bracketed(address: Text) -> bytes:
    return b"<" + _octets(address) + b">"


def _strings(words: Iterable[Text]) -> bytes:
    return b"".join(_octets(word) + b"\0" for word in words)


def _wanted_macros(data: bytes) -> dict[str, list[str]]:
    wanted = {}
    while data:
        (stage,) = _HEAD.unpack_from(data)
        names, _, data = data[_HEAD.size :].partition(b"\0")
        wanted[_STAGES[stage]] = names.decode().split()
    return wanted
