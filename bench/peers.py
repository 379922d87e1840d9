"""postgrey and postfwd2, two policy servers of Debian, beside which gatepost is measured.

Rules: the packages are unpacked below bench/out/peers, and run with that folder on Perl's path, by whoever runs the
bench, on loopback ports. bench/README.md says how far their task equals ours. postgrey is as Debian installs it,
postfwd2 as quick as it can be made.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.debian import unpack
from bench.processes import free_port, serving, stop_session, wait_for_port
from bench.programs import OUT, BenchError

_ROOT = OUT / "peers"
_POSTGREY = _ROOT / "usr/share/postgrey"
_PACKAGES = (
    "postgrey",
    "postfwd",
    "libberkeleydb-perl",
    "libdigest-hmac-perl",
    "libio-multiplex-perl",
    "libnet-cidr-perl",
    "libnet-dns-perl",
    "libnet-server-perl",
    "libnetaddr-ip-perl",
)
# The closed lists of the bench as rules. Patterns stand in for the tables of lists and members: postfwd2 searches its
# tables item by item, so that a million members would take it seconds a question.
_POSTFWD_RULES = r"""
id=NO_SUCH_LIST; recipient!~^list[0-9]+@lists\.example$; action=550 5.1.1 no such list
id=ACCEPTED_NONMEMBER; sender=~^.*@partner\.example$; action=DUNNO
id=MEMBER; sender=~^member[0-9]+@members\.example$; action=DUNNO
id=CLOSED_LIST; action=550 5.7.2 not a member of the list
"""


def fetch() -> None:
    """Fetch and unpack the packages, unless that has been done. Raises BenchError where it cannot be."""
    if shutil.which("perl") is None:
        raise BenchError("postgrey and postfwd2 need perl (or --without-peers)")
    unpack(_PACKAGES, _ROOT)


@contextlib.contextmanager
def postgrey(folder: Path, *, whitelisted: bool) -> Iterator[str]:
    """postgrey with its files in `folder`; yields its address.

    It runs with the whitelists that Debian installs. It keeps one record for each client, sender and recipient, in
    Berkeley DB: every question costs a look-up and a committed write. With `whitelisted` the recipients' domain is on
    its whitelist too, so that it does neither.
    """
    folder.mkdir()
    recipients = folder / "whitelist_recipients"
    recipients.write_text((_POSTGREY / recipients.name).read_text() + ("lists.example\n" if whitelisted else ""))
    port = free_port()
    command = _perl("postgrey", f"--inet=127.0.0.1:{port}", *_as_myself(), f"--dbdir={folder}")
    command += [f"--whitelist-recipients={recipients}", f"--whitelist-clients={_POSTGREY}/whitelist_clients"]
    with serving(command, port, folder / "log"):
        yield f"inet:127.0.0.1:{port}"


@contextlib.contextmanager
def postfwd2(folder: Path) -> Iterator[str]:
    """postfwd2 with its files in `folder`; yields its address.

    Without its caches (all senders differ, so that they only cost it time), its name server look-ups, and its log
    lines: it knows syslog alone, and dies where there is none.
    """
    folder.mkdir()
    rules, pidfile = folder / "rules", folder / "pid"
    rules.write_text(_POSTFWD_RULES)
    port, cache_port = free_port(), free_port()
    command = _perl("postfwd2", f"--file={rules}", f"--server_socket=tcp:127.0.0.1:{port}", *_as_myself())
    command += [f"--cache_socket=tcp:127.0.0.1:{cache_port}", f"--pidfile={pidfile}"]
    command += ["--cache=0", "--no_parent_cache", "--nodns", "--perfmon"]
    with (folder / "log").open("w") as log:  # it goes to the background by itself
        subprocess.run(command, stdout=log, stderr=log, check=True)
    try:
        wait_for_port(port, "postfwd2")
        yield f"inet:127.0.0.1:{port}"
    finally:
        stop_session(int(pidfile.read_text()))


def _perl(program: str, *arguments: str) -> list[str]:
    """The command that runs an unpacked program with Perl's own folders for packages, moved below ours."""
    where = subprocess.run(
        ("perl", "-MConfig", "-e", 'print "$Config{vendorlib} $Config{vendorarch}"'),
        capture_output=True,
        text=True,
        check=True,
    )
    folders = [f"-I{_ROOT}{folder}" for folder in where.stdout.split()]
    return ["perl", "-T", *folders, f"{_ROOT}/usr/sbin/{program}", *arguments]


def _as_myself() -> tuple[str, str]:
    """Both want to change to a user of their own; told to become who they are, they need none."""
    return f"--user={pwd.getpwuid(os.getuid()).pw_name}", f"--group={grp.getgrgid(os.getgid()).gr_name}"
