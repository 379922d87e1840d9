"""The machine that figures are from, in one paragraph: without it they say little."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
from pathlib import Path


def describe() -> str:
    """One paragraph of plain text: processor, cores, memory, system, and the versions that matter for the speed."""
    return (
        f"{_processor()}, {os.cpu_count()} cores, {_memory_gigabytes():.0f} GB of memory; {_system()}, Linux"
        f" {platform.release()}; Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}."
        " The client and the servers share these cores."
    )


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _memory_gigabytes() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def _system() -> str:
    return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
