"""The traps of host names: what `localhost` is in /etc/hosts and in Postfix's chroot, and the host's own name.

gatepost listens on 127.0.0.1 unless told otherwise. Debian gives 127.0.1.1 to a host's own name; a `localhost`
there, or one that is ::1 alone, sends a mail server where nobody listens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from gatepost_conf.doctor.case import Case
from gatepost_conf.doctor.findings import Absent, Result, note, ok, wrong
from gatepost_conf.doctor.postfix_config import Postfix

HOSTS = Path("/etc/hosts")
_BY_NAME = re.compile(r"(?:inet:|\[)localhost[\]:]")
_DIALLING = {"smtpd", "lmtp", "smtp", "cleanup", "trivial-rewrite"}


def localhost(case: Case) -> Iterator[Result]:
    """/etc/hosts has localhost as 127.0.0.1."""
    try:
        text = case.machine.read(HOSTS)
    except FileNotFoundError:
        text = ""
    addresses = addresses_of("localhost", text)
    if reason := _trap(addresses):
        yield wrong(f"{HOSTS}: localhost {reason}", f"{HOSTS}: 127.0.0.1 localhost")
    elif not addresses:
        yield note(f"{HOSTS} has no localhost: what it is, is up to the DNS", f"{HOSTS}: 127.0.0.1 localhost")
    else:
        yield ok(f"{HOSTS}: localhost is {', '.join(addresses)}")


def chroot(case: Case) -> Iterator[Result]:
    """etc/hosts in the chroot of Postfix says the same."""
    postfix = case.postfix
    inside = [row for row in postfix.master if row[7].split()[0] in _DIALLING and postfix.is_chrooted(row)]
    if not inside:
        raise Absent("Postfix has nothing in a chroot that dials")
    path = postfix.path("etc/hosts")
    copy = f"install -D -m 644 {HOSTS} {path} && {postfix.reload}"
    try:
        addresses = addresses_of("localhost", case.machine.read(path))
    except FileNotFoundError:
        addresses = []
    if reason := _trap(addresses):
        yield wrong(f"{path}: localhost {reason}, and {inside[0][0]} is in that chroot", copy)
    elif not addresses and _names_localhost(postfix):
        yield wrong(f"{path} does not have localhost, which {inside[0][0]} is told to dial in that chroot", copy)
    else:
        yield ok(f"{path}: localhost is {', '.join(addresses) or 'not there, and not needed'}")


def host_name(case: Case) -> Iterator[Result]:
    """The name that gatepost calls itself is a full one."""
    name = case.settings.site.hostname
    if "." not in name.strip("."):
        yield wrong(
            f"the host name {name} has no dot: others will not take it, and Sendmail waits a minute for a better one",
            'in gatepost.toml: [site] hostname = "mx.example.com"',
        )
    elif name.lower().startswith("localhost."):
        yield wrong(
            f"the host name is {name}, which is everybody's", 'in gatepost.toml: [site] hostname = "mx.example.com"'
        )
    else:
        yield ok(f"the doors call themselves {name}")


def addresses_of(name: str, text: str) -> list[str]:
    """The addresses of a name in a hosts file (hosts(5)), in their order."""
    lines = (line.partition("#")[0].split() for line in text.splitlines())
    return [words[0] for words in lines if name in map(str.lower, words[1:])]


def _trap(addresses: list[str]) -> str:
    if not addresses or addresses[0] == "127.0.0.1":
        return ""
    others = [address for address in addresses if ":" not in address]
    if not others:
        return f"is {', '.join(addresses)} alone, where gatepost's doors on 127.0.0.1 are not"
    return "" if others[0] == "127.0.0.1" else f"is {others[0]}, not 127.0.0.1"


def _names_localhost(postfix: Postfix) -> bool:
    own = (value for values in postfix.overrides.values() for value in values.values())
    return any(_BY_NAME.search(value) for value in (*postfix.settings.values(), *own))
