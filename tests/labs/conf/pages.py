"""What the pages for operators show: the pieces that are made for their example."""

from __future__ import annotations

from importlib import import_module

from gatepost_lists.model import Domain
from labs.conf.sites import site

_LISTS, _SHARED = Domain("lists.example"), Domain("example.org", shared=True)
_LIVING = """\
[lists]
directory = "sqlite:////var/lib/gatepost/gatepost.db"
[queue]
engine = "sqlite:////var/lib/gatepost/queue.db"
[log]
file = "/var/log/gatepost/gatepost.log"
"""
_ON_SOCKETS = """\
[milter]
listen = "unix:/run/gatepost/milter"
[socketmap]
listen = ["unix:/run/gatepost/tables"]
[lmtp]
listen = ["unix:/run/gatepost/lmtp"]
"""
# By the server and the case that a block names.
SITES = {
    ("exim", ""): site([_LISTS], ["announce@lists.example", "chat@lists.example"]),
    ("sendmail", ""): site([_LISTS]),
    ("sendmail", "unix"): site([_LISTS], (), _ON_SOCKETS),
    ("qmail", ""): site([_LISTS, _SHARED], ["announce@lists.example", "news@example.org"]),
    ("systemd", ""): site([_LISTS], (), _LIVING),
}


def made(server: str, case: str = "") -> dict[str, str]:
    """The texts of all pieces, by their names."""
    pieces = import_module(f"gatepost_conf.{server}").pieces(SITES[server, case])
    return {piece.name: piece.text for piece in pieces}
