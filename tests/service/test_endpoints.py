"""HOST:PORT, taken apart."""

from __future__ import annotations

import pytest

from gatepost_service.endpoints import nameserver, split_endpoint


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("mx.example.com:8024", "mx.example.com", 8024),
        ("192.0.2.1:53", "192.0.2.1", 53),
        ("[2001:db8::1]:8024", "2001:db8::1", 8024),
        ("192.0.2.1", "192.0.2.1", 25),
        ("[2001:db8::1]", "2001:db8::1", 25),
        ("2001:db8::1", "2001:db8::1", 25),
    ],
)
def test_host_and_port(text: str, host: str, port: int) -> None:
    assert split_endpoint(text, 25) == (host, port)


@pytest.mark.parametrize("text", ["192.0.2.1:", "192.0.2.1:smtp", "[2001:db8::1]:", "192.0.2.1:²"])
def test_no_port(text: str) -> None:
    with pytest.raises(ValueError, match="is no port"):
        split_endpoint(text, 25)


@pytest.mark.parametrize("text", ["mx.example.com", "[2001:db8::1]"])
def test_a_port_that_must_be_there(text: str) -> None:
    with pytest.raises(ValueError, match="is no port"):
        split_endpoint(text)


@pytest.mark.parametrize(("text", "port"), [("192.0.2.1", 53), ("[2001:db8::1]:5353", 5353)])
def test_a_dns_server(text: str, port: int) -> None:
    server = nameserver(text)
    assert (server.address, server.port) == (text.removesuffix(":5353").strip("[]"), port)
