"""The wire of policy delegation without a socket: octets in, requests out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_policy import ProtocolError, Request, RequestReader
from gatepost_policy.request import MAX_REQUEST_OCTETS, parse_request

WHOLE = (
    b"request=smtpd_access_policy\nprotocol_state=RCPT\nsender=anne@example.org\nrecipient=a@lists.example\nsize=42\n"
    b"client_address=192.0.2.1\nqueue_id=4XyZ\ninstance=1.2.3.0\npolicy_context=lenient\n\n"
)
PARSED = Request(True, False, "anne@example.org", "a@lists.example", 42, "192.0.2.1", "4XyZ", "lenient", "1.2.3.0", 0)


def test_every_field_is_read() -> None:
    assert RequestReader().feed(WHOLE) == ([PARSED], None)


def test_the_instance_stands_in_for_a_queue_id() -> None:
    requests, _ = RequestReader().feed(WHOLE.replace(b"4XyZ", b""))
    assert requests[0].transaction == "1.2.3.0"


@pytest.mark.parametrize("state", [b"DATA", b"END-OF-MESSAGE"])
def test_data_is_asked_only_with_a_recipient(state: bytes) -> None:
    block = b"request=smtpd_access_policy\nprotocol_state=%b\nrecipient=" % state
    assert parse_request(block + b"a@lists.example")[:2] == (True, True)
    assert parse_request(block)[:2] == (False, True)


def test_an_error_comes_after_the_requests_before_it() -> None:
    requests, error = RequestReader().feed(WHOLE + b"junk\n\n" + WHOLE)
    assert requests == [PARSED]
    assert str(error) == "a line without '=': 'junk'"


def test_unfinished_tells_of_a_begun_request() -> None:
    reader = RequestReader()
    states = [reader.unfinished]
    for piece in (WHOLE[:-1], WHOLE[-1:]):
        reader.feed(piece)
        states.append(reader.unfinished)
    assert states == [False, True, False]


def test_a_request_of_exactly_the_limit_is_taken() -> None:
    head = b"request=smtpd_access_policy\nrecipient=a@lists.example\nx="
    block = head + b"y" * (MAX_REQUEST_OCTETS - len(head))
    requests, error = RequestReader().feed(block + b"\n\n")
    assert (len(requests), error) == (1, None)
    requests, error = RequestReader().feed(block + b"y\n\n")
    assert requests == []
    assert "65536" in str(error)


@given(st.binary(max_size=300))
def test_only_protocol_errors_leave_the_parser(octets: bytes) -> None:
    reader = RequestReader()
    _, error = reader.feed(octets)
    assert error is None or isinstance(error, ProtocolError)


@given(st.lists(st.integers(1, len(WHOLE) * 3 - 1), max_size=8).map(sorted))
def test_pieces_make_no_difference(cuts: list[int]) -> None:
    stream = WHOLE * 3
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    reader = RequestReader()
    assert [request for piece in pieces for request in reader.feed(piece)[0]] == [PARSED] * 3


@given(st.dictionaries(st.text(min_size=1), st.text()), st.binary(max_size=60))
def test_whatever_the_attributes_say_the_reader_survives(attributes: dict[str, str], value: bytes) -> None:
    lines = [f"{name}={text}".encode("utf-8", "replace") for name, text in attributes.items()]
    block = b"\n".join([b"request=smtpd_access_policy", b"recipient=x@y", b"sender=" + value, *lines])
    _, error = RequestReader().feed(block + b"\n\n")
    assert error is None or isinstance(error, ProtocolError)
