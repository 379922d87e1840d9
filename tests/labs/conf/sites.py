"""A site without a store: the settings' text, and the lists by their posting addresses."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gatepost_conf.settings import parse
from gatepost_conf.site import Site, site_of
from gatepost_lists.model import Domain, DomainNames
from gatepost_queue import engine_of

FOLDER = Path("/var/lib/gatepost/postfix")
_SETTINGS = Path("/etc/gatepost/gatepost.toml")
_HEAD = f'[site]\nhostname = "mx.example.com"\n[postfix]\nmaps_dir = "{FOLDER}"\n'


def site(domains: Iterable[Domain], lists: Iterable[str] = (), settings: str = "", has_pymilter: bool = True) -> Site:
    """The site with these domains and lists; settings are further keys of [postfix], then sections."""
    names: dict[str, list[str]] = {}
    for address in lists:
        list_name, _, mail_host = address.rpartition("@")
        names.setdefault(mail_host, []).append(list_name)
    found = (DomainNames(domain, tuple(sorted(names.get(domain.mail_host, ())))) for domain in domains)
    program = Path("/opt/gatepost/.venv/bin/gatepost")
    read = parse(_HEAD + settings, _SETTINGS)
    return site_of(read, _SETTINGS, program, found, has_pymilter, engine_of(read.queue.engine).folders)
