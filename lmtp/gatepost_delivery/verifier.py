"""Whether a DKIM signature holds (RFC 6376): dkimpy computes, and the key is asked of the DNS.

- No octet of a message or of a key may take time out of proportion. So bodies are made regular before dkimpy looks for
  white space in them, which takes it quadratic time; and a key record is as long as one of 4096 bits at most.
- Whatever dkimpy raises over what a stranger wrote means that the signature does not hold.
- ed25519 needs PyNaCl, which may not be there: such a signature does not hold, and is as a rule beside one of RSA.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

import dkim

from gatepost_delivery.fields import Section, rebuilt
from gatepost_delivery.lookups import Lookups, NoAnswer
from gatepost_delivery.signatures import Signature

MAX_KEY_OCTETS = 1024

_blanks = re.compile(rb"[ \t]+")
# dkimpy tells of every bad key, in a stranger's words.
_silence = logging.Logger("dkim", logging.CRITICAL + 1)


class Verifier:
    """May be used by many threads."""

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups

    def holding(self, section: Section, signatures: Iterable[Signature]) -> list[Signature]:
        """Those of a message's signatures that hold. Raises NoAnswer where a key cannot be had now."""
        until = self._lookups.deadline()
        return [signature for signature in signatures if self._holds(section, signature, until)]

    def _holds(self, section: Section, signature: Signature, until: float) -> bool:
        def key(name: bytes, **_: object) -> str:
            texts = self._lookups.texts(name.decode("ascii").lower().rstrip("."), "TXT", until)
            return texts[0] if len(texts) == 1 and len(texts[0]) <= MAX_KEY_OCTETS else ""

        content = rebuilt(_regular(section) if signature.relaxed_body else section)
        try:
            return bool(dkim.DKIM(content, logger=_silence).verify(signature.number, dnsfunc=key))
        except NoAnswer:
            raise
        except Exception:  # what a stranger wrote can be odd in more ways than dkimpy has exceptions of its own
            return False


def _regular(section: Section) -> Section:
    """The message with its body in relaxed form (section 3.4.4), which is its own relaxed form."""
    lines = (line.rstrip(b" \t") for line in b"".join(section.rest).split(b"\r\n"))
    return section._replace(rest=(_blanks.sub(b" ", b"\r\n".join(lines)),))
