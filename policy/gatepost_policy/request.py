"""The wire of Postfix policy delegation (SMTPD_POLICY_README): octets to requests. No I/O, no lists, no clock.

- A request is `name=value` lines ended by an empty line; requests may come in any pieces, and several at once.
- Attributes come in any order and unknown ones are ignored. A value may hold any octet but a line end; octets that
  are no UTF-8 are carried as surrogate escapes.
- ProtocolError is the only exception that leaves this file. It ends the connection without a reply: Postfix then
  asks again and, in the end, tells its client 451 4.3.5.
"""

from __future__ import annotations

from typing import NamedTuple

from gatepost_policy.protocol import ProtocolError

# Postfix's own limit on what it sends is far below; whoever sends more is not Postfix.
MAX_REQUEST_OCTETS = 64 * 1024

# States of the SMTP dialogue in which one recipient is judged. A request without a state is one of Exim's
# ${readsocket}, which asks in its RCPT ACL.
_JUDGED_ALWAYS = frozenset(("RCPT", "VRFY"))
_JUDGED_WITH_RECIPIENT = frozenset(("DATA", "END-OF-MESSAGE"))


class Request(NamedTuple):
    """What a policy request asks, as far as it is used here.

    asks: whether the recipient is to be judged at all. has_data: whether the transaction is past its RCPTs. size: in
    octets, 0 where it was not announced. client: the address, for the log. transaction: Postfix's queue id or, before
    there is one, its instance, which all requests of one message share. recipients: how many there are, once there is
    data; recipient is '' then where there are several.
    """

    asks: bool
    has_data: bool
    sender: str
    recipient: str
    size: int
    client: str
    transaction: str
    context: str
    instance: str
    recipients: int


class RequestReader:
    """Puts the pieces of one connection together. `unfinished` tells whether a request has begun and not ended."""

    def __init__(self) -> None:
        self._begun = b""

    @property
    def unfinished(self) -> bool:
        return bool(self._begun)

    def feed(self, data: bytes) -> tuple[list[Request], ProtocolError | None]:
        """The requests that `data` completes, and what is wrong with what follows: nothing may be fed after that."""
        *blocks, self._begun = (self._begun + data).split(b"\n\n")
        requests = []
        try:
            for block in blocks:
                _refuse_misshapen(block)
                requests.append(parse_request(block))
            _refuse_misshapen(self._begun)
        except ProtocolError as error:
            return requests, error
        return requests, None


def _refuse_misshapen(octets: bytes) -> None:
    if octets.startswith(b"\n"):
        raise ProtocolError("an empty request")
    if len(octets) > MAX_REQUEST_OCTETS:
        raise ProtocolError(f"a request over {MAX_REQUEST_OCTETS} octets")


def parse_request(block: bytes) -> Request:
    """One request without its empty line. Raises ProtocolError."""
    lines = block.decode("utf-8", "surrogateescape").split("\n")
    try:
        attribute = dict([line.split("=", 1) for line in lines]).get
    except ValueError:
        raise ProtocolError(_line_without_equals(lines)) from None
    if attribute("request") != "smtpd_access_policy":
        raise ProtocolError("no request=smtpd_access_policy")
    state = attribute("protocol_state") or "RCPT"
    recipient = attribute("recipient", "")
    has_data = state in _JUDGED_WITH_RECIPIENT
    if not recipient and state in _JUDGED_ALWAYS:
        raise ProtocolError(f"a request at {state} without recipient")
    instance = attribute("instance", "")
    return Request(
        state in _JUDGED_ALWAYS or (has_data and recipient != ""),
        has_data,
        attribute("sender", ""),
        recipient,
        _number(attribute("size", "")),
        attribute("client_address", ""),
        attribute("queue_id") or instance,
        attribute("policy_context", ""),
        instance,
        _number(attribute("recipient_count", "")) if has_data else 0,
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _line_without_equals(lines: list[str]) -> str:
    line = next(line for line in lines if "=" not in line)
    return f"a line without '=': {line[:80]!r}" if line else "an empty request"
