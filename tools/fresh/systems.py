"""The systems that are tried: Debian's, each with its own Python, and other Pythons of this machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class System:
    """suite: Debian's name of the release. mail_servers: whose parts of docs/install.md are followed there.

    lowest: with the lowest version of every dependency that pyproject.toml allows, else with the newest. python: a
    Python of this machine, which is then the system instead.
    """

    name: str
    suite: str = ""
    mail_servers: tuple[str, ...] = ()
    lowest: bool = False
    python: str = ""


DEBIANS = (
    System("debian-12", "bookworm", mail_servers=("postfix",)),
    System("debian-12-lowest", "bookworm", lowest=True),
    System("debian-13", "trixie", mail_servers=("postfix", "exim")),
    System("debian-testing", "testing"),
)


def chosen(names: list[str], pythons: list[str]) -> list[System]:
    """The systems of these names, and those of other Pythons; all of Debian's where neither is named. LookupError."""
    known = {system.name: system for system in DEBIANS}
    if unknown := [name for name in names if name not in known]:
        raise LookupError(f"there is no system {', '.join(unknown)}; there are {', '.join(known)}")
    debians = names or ([] if pythons else list(known))
    return [known[name] for name in debians] + [System("this machine", python=python) for python in pythons]
