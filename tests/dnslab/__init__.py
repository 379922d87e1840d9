"""A DNS server of the tests' own, on loopback."""

from dnslab.server import Manner, Server

__all__ = ["Manner", "Server"]
