"""Who signs posts with DKIM as a domain's mail server does."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from functools import cached_property

import dkim

SIMPLE, RELAXED = b"simple", b"relaxed"


class Signer:
    """Has a key of RSA of so many bits, and the record with which a domain makes it known at selector._domainkey."""

    selector = "s"

    def __init__(self, bits: int = 2048) -> None:
        self._bits = bits

    @cached_property
    def key(self) -> bytes:
        """The private key (PEM)."""
        return subprocess.run(["openssl", "genrsa", str(self._bits)], check=True, capture_output=True).stdout

    @cached_property
    def record(self) -> str:
        """What TXT says of the public key."""
        command = ["openssl", "rsa", "-pubout"]
        pem = subprocess.run(command, input=self.key, check=True, capture_output=True).stdout
        return "v=DKIM1; k=rsa; p=" + b"".join(pem.splitlines()[1:-1]).decode()

    def name(self, domain: str) -> str:
        """Where a domain has the record."""
        return f"{self.selector}._domainkey.{domain}"

    def sign(
        self,
        content: bytes,
        names: Sequence[bytes],
        how: tuple[bytes, bytes] = (RELAXED, RELAXED),
        domain: str = "example.org",
    ) -> bytes:
        """The message with a signature of these fields above it; `how`: of header and body."""
        signature = dkim.sign(
            content, self.selector.encode(), domain.encode(), self.key, canonicalize=how, include_headers=names
        )
        assert isinstance(signature, bytes)
        return signature + content

    def verifies(self, content: bytes, number: int = 0) -> bool:
        """Whether a signature of the message's holds: of several, the one that is so far below the first."""
        record = self.record.encode()
        return bool(dkim.DKIM(content).verify(number, dnsfunc=lambda name, timeout=5: record))
