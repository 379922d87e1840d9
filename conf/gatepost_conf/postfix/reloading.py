"""Whether the Postfix that runs knows of a name that came or went; `postfix reload` where it does not.

Nothing that could be asked tells what a running Postfix knows. How it comes to know of a change:

- smtpd and cleanup look before each connection whether a compiled table has changed, trivial-rewrite, which says where
  mail goes, every ten seconds. texthash, regexp and pcre are read when a process starts, and it may live for long.
- An smtpd keeps what it was told of the last hundred addresses for as long as it lives, whatever the tables are: when
  a domain comes, it goes on to refuse the addresses that it has refused before.
- After `postfix reload`, which only root may do, each process that has no client is a new one.

So a list in a domain of lists alone is there at once, by compiled tables and by live ones: nothing is done for it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from gatepost_conf.postfix.lookups import NAMING_TABLES, types_named
from gatepost_conf.postfix.machine import Machine
from gatepost_conf.postfix.maps import COMPILED, PATTERNS
from gatepost_conf.postfix.programs import Run, ask_machine, expanded, reload_postfix, run_program
from gatepost_conf.postfix.roles import roles_of
from gatepost_conf.site import Site
from gatepost_lists.addresses import normal_domain

_READ_ONCE = PATTERNS | {"texthash"}
_REMEMBERED = "addresses that it refused before stay refused for some minutes"
# How long the processes of before may take to end after a reload; those that have a client stay until it goes.
_PATIENCE_SECONDS = 5.0
_POLL_SECONDS = 0.02


def make_known(changed: str, folder: Path, read_site: Callable[[], Site], run: Run = run_program) -> tuple[str, ...]:
    """Let Postfix know of a change that the tables in `folder` have already; what somebody should know of it.

    changed: the posting address of a list that came or went, or the name of a domain. Raises what read_site raises.
    """
    if "@" in changed and not folder.is_dir():
        return ()  # live tables alone, which have it
    machine = expanded(("queue_directory", *NAMING_TABLES), run)
    types = types_named(machine, folder)
    trouble = _in_the_way(changed, read_site(), run) if types and "@" not in changed else ()
    why = _why_not_known(changed, types, read_site)
    master = _master(machine) if why else None
    if master is None or (os.geteuid() == 0 and _begun_anew(master)):
        return tuple(trouble)
    return (*trouble, f"Postfix may not have seen this yet: {why}; `postfix reload`, by root, makes sure that it does")


def _in_the_way(name: str, site: Site, run: Run) -> Sequence[str]:
    """What is wrong with a domain that Postfix has in another class: its other mail would come to gatepost too."""
    named = normal_domain(name)
    alone = replace(site, domains=tuple(names for names in site.domains if names.domain.mail_host == named))
    return roles_of(alone, ask_machine([named], run)).trouble


def _why_not_known(changed: str, types: frozenset[str], read_site: Callable[[], Site]) -> str:
    """Why a Postfix with these types of tables does not know of the change at once; '' where it does."""
    if read_once := sorted(types & _READ_ONCE):
        return f"it reads {' and '.join(read_once)} tables when it starts"
    is_domain = "@" not in changed
    if types & COMPILED.keys() and (is_domain or _has_way_of_its_own(changed, read_site())):
        looks = "it looks at its tables every ten seconds"
        return f"{looks}, and {_REMEMBERED}" if is_domain else looks
    return _REMEMBERED if is_domain and types else ""


def _has_way_of_its_own(address: str, site: Site) -> bool:
    """Whether a list's mail has its way by the list's address: its domain as a whole has none."""
    name = address.rpartition("@")[2]
    return any(domain.mail_host == name and domain.shared and not domain.alias_domain for domain, _ in site.domains)


def _master(machine: Machine) -> int | None:
    """The process that starts all others of a Postfix that runs: 0 where it may not be seen; None where none runs."""
    try:
        master = int(Path(machine.value("queue_directory"), "pid", "master.pid").read_text("ascii"))
        os.kill(master, 0)
    except PermissionError:
        return 0
    except (OSError, ValueError):
        return None
    return master


def _begun_anew(master: int) -> bool:
    """Have Postfix begin anew, and wait until its idle processes have ended; whether it could be done."""
    before = _children(master)
    if not reload_postfix():
        return False
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while before & _children(master) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return True


def _children(process: int) -> set[str]:
    try:
        return set(Path(f"/proc/{process}/task/{process}/children").read_text("ascii").split())
    except OSError:
        return set()
