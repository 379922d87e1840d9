"""What the commands for lists get from the command line that mounts them, and what they share.

The command line puts a ListsContext into click's context (`meta`), where `pass_lists` finds it. SQLAlchemy is loaded
only when a store is opened, so that help and completion of options stay quick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.decorators import pass_meta_key
from click.shell_completion import CompletionItem

from gatepost_lists.directory import Directory
from gatepost_lists.open import open_directory
from gatepost_lists.rules import Rules

if TYPE_CHECKING:
    from gatepost_lists.store.admin import Store

META_KEY = "gatepost_lists.commands"
pass_lists = pass_meta_key(META_KEY, doc_description="the ListsContext")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@dataclass(frozen=True)
class ListsContext:
    """Where the lists are, by what rules they are judged, and which file says so; each found out when first needed.

    names_changed is called when a list or a domain has come, gone or changed its name, once the change is committed:
    with the list's posting address, or the domain's name.
    """

    url: Callable[[], str]
    rules: Callable[[], Rules]
    settings_file: Callable[[], Path]
    names_changed: Callable[[str], None]

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The store, open for changes. Raises StoreError where there is none that can be changed."""
        from gatepost_lists.store.admin import Store  # noqa: PLC0415 - SQLAlchemy comes with it

        with Store(self.url()) as store:
            yield store

    @contextmanager
    def directory(self) -> Iterator[Directory]:
        """The directory that the doors ask. Raises BadUrlError where no engine serves its URL."""
        with closing(open_directory(self.url())) as directory:
            yield directory


def _complete(context: click.Context, incomplete: str, names: Callable[[Store], list[str]]) -> list[CompletionItem]:
    lists: ListsContext = context.find_root().meta[META_KEY]
    try:
        with lists.store() as store:
            return [CompletionItem(name) for name in names(store) if name.startswith(incomplete.lower())]
    except Exception:
        return []  # a shell that completes a word has no room for complaints; the command itself will make them


def complete_list(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The posting addresses that begin with what was typed."""
    return _complete(context, incomplete, lambda store: [str(row["fqdn_listname"]) for row in store.lists()])


def complete_domain(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The domains that begin with what was typed."""
    return _complete(context, incomplete, lambda store: [domain.mail_host for domain in store.domains()])


def list_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """The argument LIST, by which every command names a list."""
    return click.argument("mailing_list", metavar="LIST", shell_complete=complete_list)(function)
