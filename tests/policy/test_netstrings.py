"""Netstrings without a socket: octets in, requests out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_policy import ProtocolError
from gatepost_policy.socketmap.netstrings import MAX_OCTETS, NetstringReader, netstring

payloads = st.lists(st.binary(max_size=200), max_size=6)


def fed(pieces: list[bytes]) -> list[bytes]:
    """What a reader finds in pieces that are right."""
    reader = NetstringReader()
    found = []
    for piece in pieces:
        more, error = reader.feed(piece)
        assert error is None
        found += more
    assert not reader.unfinished
    return found


@given(payloads, st.lists(st.integers(0, 1300), max_size=8).map(sorted))
def test_pieces_make_no_difference(expected: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(map(netstring, expected))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert fed(pieces) == expected


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_only_protocol_errors_leave_the_reader(pieces: list[bytes]) -> None:
    reader = NetstringReader()
    for piece in pieces:
        _, error = reader.feed(piece)
        assert error is None or isinstance(error, ProtocolError)
        if error is not None:
            break


@given(st.text(alphabet="0123456789:,ax", max_size=30))
def test_what_is_read_is_what_netstrings_were_made_of(text: str) -> None:
    octets = text.encode()
    found, error = NetstringReader().feed(octets)
    rest = octets[len(b"".join(map(netstring, found))) :]
    assert octets == b"".join(map(netstring, found)) + rest
    if error is None and rest:
        length, _, begun = rest.partition(b":")
        assert length.isdigit()
        assert len(begun) <= int(length)


@pytest.mark.parametrize("length", [0, 1, MAX_OCTETS])
def test_a_netstring_of_a_length_that_may_be(length: int) -> None:
    octets = b"," * length
    assert fed([netstring(octets)]) == [octets]
    assert fed([netstring(octets)[at : at + 1000] for at in range(0, length + 8, 1000)]) == [octets]


@pytest.mark.parametrize(
    "octets",
    [b"100001:", b"9999999", b"-1:", b":", b",", b"00:,", b"01:a,", b"1x:a,", b"1 :a,", b"1:aa,", b"1:a\n", b"\n"],
)
def test_what_cannot_become_a_netstring_is_told_of_at_once(octets: bytes) -> None:
    found, error = NetstringReader().feed(netstring(b"good") + octets)
    assert found == [b"good"]
    assert isinstance(error, ProtocolError)


def test_unfinished_tells_of_a_begun_netstring() -> None:
    reader = NetstringReader()
    states = [reader.unfinished]
    for piece in (b"3", b":ab", b"c", b",", b"0:,1"):
        reader.feed(piece)
        states.append(reader.unfinished)
    assert states == [False, True, True, True, False, True]
