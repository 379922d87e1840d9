"""XFORWARD: who is believed, and what is taken."""

from ipaddress import ip_network

import pytest

from gatepost_lmtp.syntax import LmtpError
from gatepost_lmtp.xforward import attributes_of, is_trusted

NETWORKS = [ip_network("127.0.0.0/8"), ip_network("2001:db8::/32")]


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "2001:db8::1", "::ffff:127.0.0.1", ""])
def test_believed(peer: str) -> None:
    assert is_trusted(peer, NETWORKS)


@pytest.mark.parametrize("peer", ["192.0.2.1", "::1", "fe80::1%eth0", "::ffff:192.0.2.1"])
def test_not_believed(peer: str) -> None:
    assert not is_trusted(peer, NETWORKS)
    assert not is_trusted("127.0.0.1", [])


def test_attributes() -> None:
    assert attributes_of("name=mx+2Eexample ADDR=192.0.2.1 HELO=[UNAVAILABLE] IDENT=4F+0Ax") == {
        "NAME": "mx.example",
        "ADDR": "192.0.2.1",
        "HELO": "",
        "IDENT": "4F?x",
    }


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("IPV6:2001:DB8:0::1", "2001:db8::1"),
        ("IPv6:fe80::1", "fe80::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("+31+39+32.0.2.1", "192.0.2.1"),
        ("[UNAVAILABLE]", ""),
        ("[tempunavail]", ""),
    ],
)
def test_addresses(value: str, address: str) -> None:
    assert attributes_of(f"ADDR={value}") == {"ADDR": address}


def test_a_long_value_is_cut() -> None:
    assert attributes_of(f"NAME={'x' * 1000}") == {"NAME": "x" * 255}


@pytest.mark.parametrize(
    "arg", [None, "", "NAME", "FOO=bar", "=x", "NAME=+", "NAME=+4", "NAME=+4g", "ADDR=", "ADDR=a", "ADDR=1.2"]
)
def test_bad_attributes(arg: str | None) -> None:
    with pytest.raises(LmtpError) as refused:
        attributes_of(arg)
    assert (refused.value.code, refused.value.status) == (501, "5.5.4")
