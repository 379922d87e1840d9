"""The data decoder against a plain one that looks at every octet, whatever the blocks."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_lmtp.decoder import MAX_LINE_OCTETS, DataDecoder, Fault

SNIPPETS = st.sampled_from(
    [b"\r\n", b"\r", b"\n", b".", b"..", b"\r\n.", b"\r\n.\n", b"a", b"\0", b"\xff", b"line\r\n"]
)
STREAMS = st.lists(st.one_of(SNIPPETS, st.binary(max_size=3)), max_size=30).map(b"".join)


def decoded(blocks: list[bytes], max_octets: int = 10**6) -> tuple[bytes, DataDecoder]:
    """All that comes out until the end, and the decoder; blocks behind the end are its rest."""
    decoder, out = DataDecoder(max_octets), b""
    for number, block in enumerate(blocks):
        out += decoder.feed(block)
        if decoder.ended:
            decoder.rest += b"".join(blocks[number + 1 :])
            break
    return out, decoder


def plainly(stream: bytes) -> tuple[bytes, bytes]:
    """The message and what is behind it, by RFC 5321 word for word: lines end with CRLF, nothing else is a line end."""
    lines: list[bytes] = []
    while True:
        line, end, stream = stream.partition(b"\r\n")
        assert end
        if line == b".":
            return b"".join(lines), stream
        lines.append(re.sub(rb"[\r\n]", b" ", line.removeprefix(b".")) + end)


def cut(stream: bytes, at: list[int]) -> list[bytes]:
    places = sorted({0, len(stream), *(place % (len(stream) + 1) for place in at)})
    return [stream[start:end] for start, end in pairwise(places)]


@given(message=STREAMS, rest=STREAMS, at=st.lists(st.integers(0, 10_000), max_size=20))
def test_as_the_standard_says_whatever_the_blocks(message: bytes, rest: bytes, at: list[int]) -> None:
    stream = message + b"\r\n.\r\n" + rest
    expected, behind = plainly(stream)
    out, decoder = decoded(cut(stream, at))
    assert (out, decoder.rest, decoder.size) == (expected, behind, len(expected))
    assert decoder.fault is None


@given(message=STREAMS)
def test_octet_by_octet(message: bytes) -> None:
    stream = message + b"\r\n.\r\n"
    assert decoded([bytes([octet]) for octet in stream])[0] == plainly(stream)[0]


@given(message=STREAMS, at=st.lists(st.integers(0, 10_000), max_size=20))
def test_nothing_that_goes_on_has_a_bare_cr_or_lf(message: bytes, at: list[int]) -> None:
    out, _ = decoded(cut(message + b"\r\n.\r\n", at))
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", out)


def test_an_empty_message() -> None:
    out, decoder = decoded([b".\r\nQUIT\r\n"])
    assert (out, decoder.size, decoder.ended, decoder.rest) == (b"", 0, True, b"QUIT\r\n")


@pytest.mark.parametrize("step", [1, 7, 500, 10_000])
@pytest.mark.parametrize(("octets", "fault"), [(998, None), (999, Fault.LINE_TOO_LONG), (5000, Fault.LINE_TOO_LONG)])
def test_long_lines(step: int, octets: int, fault: Fault | None) -> None:
    stream = b"a\r\n" * 700 + b"." + b"x" * octets + b"\r\nb\r\n.\r\n"
    assert MAX_LINE_OCTETS == 1000
    _, decoder = decoded([stream[at : at + step] for at in range(0, len(stream), step)])
    assert decoder.ended
    assert decoder.fault is fault


@pytest.mark.parametrize("step", [1, 64, 10_000])
def test_too_large_is_read_to_its_end(step: int) -> None:
    stream = b"12345678\r\n" * 11 + b".\r\nNOOP\r\n"
    for limit, fault in ((110, None), (109, Fault.TOO_LARGE)):
        out, decoder = decoded([stream[at : at + step] for at in range(0, len(stream), step)], limit)
        assert decoder.fault is fault
        assert (decoder.size, decoder.rest) == (110, b"NOOP\r\n")
        assert len(out) == 110 or fault is not None
