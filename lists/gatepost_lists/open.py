"""Engines by URL: `sqlite:///…` is the embedded store, `toml:///…` a read-only directory in a TOML file."""

from __future__ import annotations

from gatepost_lists.errors import BadUrlError
from gatepost_lists.lookup import Lookup
from gatepost_lists.store.sqlite import SqliteDirectory
from gatepost_lists.toml_directory import TomlDirectory


def path_of(url: str) -> str:
    """The path in `scheme:///relative` or `scheme:////absolute`."""
    return url.partition(":///")[2]


def open_directory(url: str) -> Lookup:
    """The engine for a directory's URL. Nothing is opened yet: trouble shows at the first look-up.

    Raises BadUrlError for a scheme that no engine serves.
    """
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        return SqliteDirectory(path_of(url))
    if scheme == "toml":
        return TomlDirectory(path_of(url))
    # The scheme is all that is told of a URL: a password may be in the rest.
    raise BadUrlError(f"no engine for {scheme}:…", "use sqlite:///PATH or toml:///PATH")
