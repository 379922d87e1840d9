"""Addresses to listen on: what is read, what is refused and with which words."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_service.sockets import AddressSyntaxError, ListenAddress


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("inet:127.0.0.1:8031", "inet:127.0.0.1:8031"),
        ("inet:[::1]:8031", "inet:[::1]:8031"),
        ("inet:[0:0::1]:08031", "inet:[::1]:8031"),
        ("inet:[::]:0", "inet:[::]:0"),
        ("inet:[fe80::1%eth0]:25", "inet:[fe80::1%eth0]:25"),
        ("inet:Localhost:8031", "inet:localhost:8031"),
        ("inet:mx-1.example.com:8031", "inet:mx-1.example.com:8031"),
        ("unix:/run/g.sock", "unix:/run/g.sock"),
        ("unix:var/g.sock?mode=660", "unix:var/g.sock?mode=0660"),
        ("unix:/g?group=mail&owner=gatepost&mode=0600", "unix:/g?mode=0600&owner=gatepost&group=mail"),
        ("unix:/g?owner=1000&group=DOMAIN.users", "unix:/g?owner=1000&group=DOMAIN.users"),
    ],
)
def test_good_addresses_have_a_canonical_form(text: str, canonical: str) -> None:
    address = ListenAddress.parse(text)
    assert str(address) == canonical
    assert ListenAddress.parse(canonical) == address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected inet:HOST:PORT"),
        ("8031", "expected inet:HOST:PORT"),
        ("127.0.0.1:8031", "expected inet:HOST:PORT, inet:[IPV6]:PORT or unix:/path"),
        ("tcp:127.0.0.1:8031", "expected inet:HOST:PORT"),
        ("inet:8031", "expected inet:HOST:PORT"),
        ("inet::8031", "0.0.0.0 or [::] for every address"),
        ("inet:127.0.0.1", "expected inet:HOST:PORT"),
        ("inet:127.0.0.1:", "expected a port"),
        ("inet:127.0.0.1:65536", "expected a port from 0 to 65535, not '65536'"),
        ("inet:127.0.0.1:-1", "expected a port"),
        ("inet:127.0.0.1:²", "expected a port"),
        ("inet:127.0.0.1:smtp", "expected a port"),
        ("inet:::1:8031", "expected an IPv6 address in brackets"),
        ("inet:[127.0.0.1]:8031", "expected an IPv6 address in brackets"),
        ("inet:[::1:8031", "expected an IPv6 address in brackets"),
        ("inet:1.2.3:8031", "expected an IP address or a host name"),
        ("inet:256.0.0.1:8031", "expected an IP address or a host name"),
        ("inet:a b:8031", "expected an IP address or a host name"),
        ("inet:*:8031", "expected an IP address or a host name"),
        ("unix:", "expected a path"),
        ("unix:/run/", "expected a path"),
        ("unix:?mode=0660", "expected a path"),
        ("unix:/a\nb", "expected a path"),
        ("unix:/a\0b", "expected a path"),
        ("unix:/a?mode=", "expected an octal mode"),
        ("unix:/a?mode=rw", "expected an octal mode, as in mode=0660, not 'rw'"),
        ("unix:/a?mode=0888", "expected an octal mode"),
        ("unix:/a?mode=4755", "expected an octal mode"),
        ("unix:/a?owner=", "expected a name or a number"),
        ("unix:/a?group=a/b", "expected a name or a number after group="),
        ("unix:/a?user=me", "expected mode, owner or group, not 'user'"),
        ("unix:/a?", None),
    ],
)
def test_bad_addresses_are_refused_with_what_was_expected(text: str, expected: str | None) -> None:
    if expected is None:
        assert str(ListenAddress.parse(text)) == text.rstrip("?")
        return
    with pytest.raises(AddressSyntaxError) as refused:
        ListenAddress.parse(text)
    assert expected in str(refused.value)
    assert repr(text) in str(refused.value)


@given(
    st.text()
    | st.builds("inet:{}:{}".format, st.text(), st.text())
    | st.builds("unix:{}?{}".format, st.text(), st.text())
)
def test_any_text_is_an_address_or_the_one_error(text: str) -> None:
    try:
        address = ListenAddress.parse(text)
    except AddressSyntaxError:
        return
    assert ListenAddress.parse(str(address)) == address


@given(st.ip_addresses(), st.integers(0, 65535))
def test_every_ip_address_is_read(host: object, port: int) -> None:
    text = f"inet:[{host}]:{port}" if ":" in str(host) else f"inet:{host}:{port}"
    assert str(ListenAddress.parse(text)) == text


def test_relative_paths_are_taken_from_a_folder() -> None:
    assert str(ListenAddress.parse("unix:a.sock?mode=0666").resolved(Path("/var"))) == "unix:/var/a.sock?mode=0666"
    assert str(ListenAddress.parse("unix:/a.sock").resolved("/var")) == "unix:/a.sock"
    tcp = ListenAddress.parse("inet:127.0.0.1:1")
    assert tcp.resolved("/var") is tcp
