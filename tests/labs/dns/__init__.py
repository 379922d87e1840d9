"""A DNS server of the tests' own, on loopback."""

from labs.dns.server import Manner, Server

__all__ = ["Manner", "Server"]
