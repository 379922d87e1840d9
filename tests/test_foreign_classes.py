"""A class that extends a library's class has names of its own: a private one of the library's is never taken or used.

Which private names a library has changes with its version, and with Python's: `_handle` was free in threading.Thread up
to 3.12, and in 3.13 to take it was to break the thread. So this holds on every Python that the tests run on.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import textwrap
import threading
from collections.abc import Iterator

import pytest

PACKAGES = (
    "gatepost_lists",
    "gatepost_service",
    "gatepost_policy",
    "gatepost_milter",
    "gatepost_conf",
    "gatepost_queue",
    "gatepost_lmtp",
    "gatepost_delivery",
)
# Alembic's: loaded by it, by their paths.
NOT_MODULES = "migrations"


def ours() -> Iterator[type]:
    """Every class of ours, those of functions aside."""
    names = ["gatepost", "gatepost_services"]
    for package in PACKAGES:
        folder = importlib.import_module(package).__path__
        names += [found.name for found in pkgutil.walk_packages(folder, f"{package}.")]
    for name in (package for package in names if NOT_MODULES not in package.split(".")):
        for found in vars(importlib.import_module(name)).values():
            if inspect.isclass(found) and found.__module__ == name:
                yield found


def is_ours(checked: type) -> bool:
    return checked.__module__.partition(".")[0].startswith("gatepost") or checked.__module__ == __name__


def is_private(name: str) -> bool:
    return len(name) > 1 and name.startswith("_") and not name.endswith("__")


def written(checked: type) -> set[str]:
    """The private names in a class's text: what it defines, and what it asks of itself."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(checked)))
    except (OSError, TypeError):  # written in C, or made while the program runs
        return set()
    names = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}:
            names.add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return set(filter(is_private, names))


def taken(checked: type) -> set[str]:
    """The private names of libraries' classes that a class of ours has in its text."""
    foreign = [base for base in checked.__mro__ if not is_ours(base) and base is not object]
    theirs = set().union(*(written(base) | set(filter(is_private, vars(base))) for base in foreign))
    return theirs & written(checked)


CLASSES = [found for found in ours() if any(not is_ours(base) and base is not object for base in found.__mro__)]


@pytest.mark.parametrize("checked", CLASSES, ids=lambda found: f"{found.__module__}.{found.__qualname__}")
def test_no_private_name_of_a_library_is_taken(checked: type) -> None:
    assert taken(checked) == set()


def test_libraries_classes_are_among_them() -> None:
    libraries = {base.__module__.partition(".")[0] for found in CLASSES for base in found.__mro__ if not is_ours(base)}
    assert {"aiosmtpd", "click", "logging", "smtplib", "asyncio", "pydantic", "socketserver"} <= libraries


class _Takes(threading.Thread):
    def _bootstrap(self) -> None:
        self._started = 1


def test_what_is_taken_is_found() -> None:
    assert taken(_Takes) == {"_bootstrap", "_started"}
