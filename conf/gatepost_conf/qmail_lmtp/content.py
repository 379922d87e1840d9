"""A message as LMTP wants it: CRLF at the end of each line, a dot doubled where a line begins with it (RFC 5321 4.5.2).

qmail keeps messages with LF. A CR before it belongs to the line end; any other would be a bare CR, which must not be
sent on (RFC 5321 section 2.3.8), and becomes a space. No I/O here.
"""

from collections.abc import Iterable, Iterator


def as_data(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """What is sent after DATA, the dot that ends it included; no more than one chunk is held in memory."""
    held, at_start = b"", True
    for chunk in chunks:
        text = held + chunk
        held = b"\r" if text.endswith(b"\r") else b""  # whether a LF follows is seen with the next chunk
        text = text.removesuffix(held).replace(b"\r\n", b"\n").replace(b"\r", b" ")
        if text:
            yield (b"." if at_start and text.startswith(b".") else b"") + _wired(text)
            at_start = text.endswith(b"\n")
    if held:
        yield b" \r\n"
        at_start = True
    yield b".\r\n" if at_start else b"\r\n.\r\n"


def _wired(text: bytes) -> bytes:
    return text.replace(b"\n.", b"\n..").replace(b"\n", b"\r\n")
