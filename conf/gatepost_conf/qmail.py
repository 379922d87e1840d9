"""What qmail needs: virtualdomains or users/assign, and .qmail files that call `gatepost qmail-lmtp` (dot-qmail(5)).

A domain of lists belongs to a user, and one file serves all lists, those to come too. In a shared domain each list has
files of its own, which the user alias keeps.
"""

from __future__ import annotations

import pwd
import re
import shlex

from gatepost_conf.dialling import dialled
from gatepost_conf.names import hosts_of_lists
from gatepost_conf.pieces import Piece
from gatepost_conf.site import Site

USER = "gatepost"
_DEFAULT = "default"
_LONGEST_NAME = 255
_unfit = re.compile(r"[\x00-\x1f\x7f/]").search


def pieces(site: Site) -> list[Piece]:
    """Everything for qmail."""
    hosts = hosts_of_lists(site.domains)
    return [
        Piece(
            "virtualdomains",
            "lines for /var/qmail/control/virtualdomains; then send qmail-send a HUP.\n"
            "The domains may stand in rcpthosts, but not in locals",
            "".join(f"{host}:{USER}\n" for host in hosts),
        ),
        Piece(
            ".qmail-default",
            f"~{USER}/.qmail-default: every list of these domains, those to come too",
            _line(site, 1),
        ),
        Piece(
            "assign",
            "for a qmail that goes by users/assign: a line for /var/qmail/users/assign, above the one with a dot;\n"
            "then run qmail-newu",
            _assigned(),
        ),
        *_shared(site),
    ]


def warnings(site: Site) -> list[str]:
    """A line for each list that no .qmail file can be made for."""
    return [f"left out, no .qmail file can have its name: {name!a}" for name in _shared_names(site) if not _fits(name)]


def _line(site: Site, parts: int) -> str:
    where = dialled(site.lmtp)
    host, port = site.lmtp_endpoint
    if where.path and not where.tcp:
        host = where.path
    words = [str(site.program), "qmail-lmtp", str(port), str(parts), *([] if host == "127.0.0.1" else [host])]
    return f"|{shlex.join(words)}\n"


def _assigned() -> str:
    """The line, with the numbers of the user if there is one on this machine."""
    try:
        account = pwd.getpwnam(USER)
    except KeyError:
        return f"+{USER}-:{USER}:UID:GID:HOME:-::\n"
    return f"+{USER}-:{USER}:{account.pw_uid}:{account.pw_gid}:{account.pw_dir}:-::\n"


def _shared(site: Site) -> list[Piece]:
    """Two files for each list of a shared domain: for its posting address, and for its sub-addresses."""
    return [
        Piece(
            f".qmail-{_in_file_name(name)}{rest}", "for a shared domain, in the home of the user alias", _line(site, 0)
        )
        for name in _shared_names(site)
        if _fits(name)
        for rest in ("", f"-{_DEFAULT}")
    ]


def _shared_names(site: Site) -> list[str]:
    """The lists' names in shared domains; those of the same name in two of them have the same files."""
    return sorted({name for each in site.domains if each.domain.shared for name in each.list_names})


def _in_file_name(name: str) -> str:
    return name.lower().replace(".", ":")


def _fits(name: str) -> bool:
    """Whether a file can be for this list alone: one whose name ends in `default` would take the mail of others."""
    length = len(f".qmail-{name.lower()}-{_DEFAULT}".encode("utf-8", "surrogateescape"))
    return not (_unfit(name) or length > _LONGEST_NAME or f"-{name.lower()}".endswith(f"-{_DEFAULT}"))
