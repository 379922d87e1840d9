"""A DNS server on loopback, over UDP and TCP, that answers from a dict and can misbehave name by name.

    with Server() as server:
        server.records["_dmarc.example.org"] = {"TXT": ["v=DMARC1; p=reject"]}
        server.manners["_dmarc.org"] = Manner.SERVFAIL
        resolver = ... server.address ...
        assert server.asked == [("_dmarc.example.org", "TXT", "udp")]

Names are lower case without the last dot, kinds such as TXT; a TXT record is one text, cut into strings of 255 octets.
A name is there when it, or one below it, has records or a manner; of others it is said that they are not (NXDOMAIN).
"""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from enum import Enum, auto
from typing import Any, Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


class Manner(Enum):
    """How a name is answered that is not simply answered."""

    SERVFAIL = auto()
    REFUSED = auto()
    SILENT = auto()
    TRUNCATED = auto()  # over UDP; TCP has the whole
    GARBAGE = auto()


class Server:
    """Use as a context manager. `asked` has each question: name, kind, udp or tcp."""

    def __init__(self, *, ttl: int = 300, negative_ttl: int = 120) -> None:
        self.records: dict[str, dict[str, list[str]]] = {}
        self.manners: dict[str, Manner] = {}
        self.asked: list[tuple[str, str, str]] = []
        self._ttl = ttl
        self._negative_ttl = negative_ttl
        self._servers = _on_one_port(self)
        self._threads = [threading.Thread(target=server.serve_forever, args=(0.01,)) for server in self._servers]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for server, thread in zip(self._servers, self._threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()

    @property
    def address(self) -> str:
        """As ADDRESS:PORT."""
        return f"127.0.0.1:{self._servers[0].server_address[1]}"

    def names_asked(self, kind: str = "TXT") -> list[str]:
        """The names of all questions of this kind, in their order."""
        return [name for name, asked, _ in self.asked if asked == kind]

    def reply(self, wire: bytes, transport: str) -> bytes | None:
        """What is answered; None for nothing."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind, transport))
        manner = self.manners.get(name)
        if manner is Manner.SILENT:
            return None
        if manner is Manner.GARBAGE:
            return wire[:2] + b"\xff" * 20
        response = dns.message.make_response(query, recursion_available=True)
        if manner is Manner.SERVFAIL or manner is Manner.REFUSED:
            response.set_rcode(dns.rcode.from_text(manner.name))
        elif manner is Manner.TRUNCATED and transport == "udp":
            response.flags |= dns.flags.TC
        else:
            self._answer(response, name, kind)
        return response.to_wire()

    def _answer(self, response: dns.message.Message, name: str, kind: str) -> None:
        if texts := self.records.get(name, {}).get(kind):
            values = [_strings(text) for text in texts] if kind == "TXT" else texts
            response.answer.append(dns.rrset.from_text(f"{name}.", self._ttl, "IN", kind, *values))
            return
        if not any(f".{known}".endswith(f".{name}") for known in (*self.records, *self.manners)):
            response.set_rcode(dns.rcode.NXDOMAIN)
        start_of_authority = f". . 1 3600 600 86400 {self._negative_ttl}"
        response.authority.append(dns.rrset.from_text(".", self._negative_ttl, "IN", "SOA", start_of_authority))


def _strings(text: str) -> str:
    """A TXT record's text in the form of a zone file."""
    pieces = [text[start : start + 255] for start in range(0, len(text), 255)]
    escaped = (piece.replace("\\", "\\\\").replace('"', '\\"') for piece in pieces)
    return " ".join(f'"{string}"' for string in escaped) or '""'


class _Udp(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        wire, connection = self.request
        if (reply := _lab(self).reply(wire, "udp")) is not None:
            connection.sendto(reply, self.client_address)


class _Tcp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while length := self.rfile.read(2):
            wire = self.rfile.read(struct.unpack("!H", length)[0])
            if (reply := _lab(self).reply(wire, "tcp")) is not None:
                self.wfile.write(struct.pack("!H", len(reply)) + reply)


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    lab: Server


class _UdpServer(socketserver.ThreadingUDPServer):
    daemon_threads = True
    block_on_close = False
    lab: Server


def _lab(handler: socketserver.BaseRequestHandler) -> Server:
    server: Any = handler.server
    assert isinstance(server.lab, Server)
    return server.lab


def _on_one_port(lab: Server) -> tuple[_UdpServer, _TcpServer]:
    while True:
        udp = _UdpServer(("127.0.0.1", 0), _Udp)
        try:
            tcp = _TcpServer(("127.0.0.1", udp.server_address[1]), _Tcp)
        except OSError:  # somebody else has the port for TCP
            udp.server_close()
            continue
        assert udp.socket.family == socket.AF_INET
        udp.lab = tcp.lab = lab
        return udp, tcp
