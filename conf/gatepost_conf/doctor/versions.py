"""What is installed beside the mail servers, whose versions are items of their own."""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from gatepost_conf.doctor.case import Case
from gatepost_conf.doctor.findings import Absent, Result, ok
from gatepost_lists.store.schema_version import SCHEMA_VERSION


def versions(case: Case) -> Iterator[Result]:
    """gatepost, its schemas, Python and SQLite; what is too old for gatepost could not run this."""
    try:
        installed = version("gatepost")
    except PackageNotFoundError:
        installed = "(not installed, run from its source)"
    schemas = f"schema of lists {SCHEMA_VERSION}"
    with suppress(Absent):
        schemas += f", of the queue {case.known_queue.schema}"
    yield ok(f"gatepost {installed}, {schemas}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}")
