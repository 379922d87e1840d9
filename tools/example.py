"""What `make run` does before the service starts: settings, a store, an example in it, and what to do next.

Rules: what is there is kept, so that it can run any number of times; the example is made only in a store without
domains, as a whole or not at all. The settings are ./gatepost.toml, or the file that $GATEPOST_CONFIG names, which are
those that `gatepost run` takes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from textwrap import indent

import click

from gatepost_conf.postfix.generator import machine_of, ways
from gatepost_conf.postfix.lookups import FolderError
from gatepost_conf.postfix.tables import type_of
from gatepost_conf.reading import read_site
from gatepost_conf.settings import Settings, load
from gatepost_lists import DirectoryTrouble, Question, judge, open_directory
from gatepost_lists.errors import StoreError
from gatepost_lists.store.admin import Store
from gatepost_services import rules_of

GATEPOST = Path(sys.executable).with_name("gatepost")
DOMAIN = "lists.example"
CLOSED, OPEN, MEMBER = f"announce@{DOMAIN}", f"chat@{DOMAIN}", "anne@example.org"
STRANGER = "stranger@example.net"
QUESTIONS = ((STRANGER, CLOSED), (MEMBER, CLOSED), (STRANGER, OPEN), (STRANGER, f"nobody@{DOMAIN}"))


def main() -> int:
    """The exit status: that of `gatepost init` where it fails, else 0, or the store's own for trouble with it."""
    path = Path(os.environ.get("GATEPOST_CONFIG") or "gatepost.toml")
    done = subprocess.run([GATEPOST, "--config", path, "init"], check=False)
    if done.returncode:
        return done.returncode
    path = path.absolute()
    settings = load(path)
    try:
        example_is_there = _make_example(settings.lists.directory)
    except StoreError as error:
        click.echo(f"example: {error}", err=True)
        return error.exit_code
    _tell_about_postfix(settings, path)
    if example_is_there:
        _tell_what_to_try(settings)
    return os.EX_OK


def _make_example(directory: str) -> bool:
    """Make the example in a store that has no domains; whether the example's domain is there now."""
    if not directory.startswith("sqlite:"):
        return False
    with Store(directory) as store:
        domains = [domain.mail_host for domain in store.domains()]
        if DOMAIN in domains:
            click.echo(f"example: kept, the store has {DOMAIN} already")
            return True
        if domains:
            click.echo(f"example: not made, the store has domains already: {', '.join(domains)}")
            return False
        with store.transaction():
            store.add_domain(DOMAIN)
            store.create_list(CLOSED, "default_nonmember_action=reject", "description=Only its members may post")
            store.add_members(CLOSED, [MEMBER])
            store.create_list(OPEN, "default_nonmember_action=accept", "description=Open to all")
    click.echo(f"example: made, {CLOSED} (closed, its member is {MEMBER}) and {OPEN} (open to all)")
    return True


def _tell_about_postfix(settings: Settings, path: Path) -> None:
    listen = settings.policy.listen
    click.echo(f"\nThe policy service will answer on {', '.join(map(str, listen))}.\n")
    try:
        commands = _commands_for_postfix(settings, path)
    except (DirectoryTrouble, FolderError) as error:
        click.echo(f"For Postfix, what to type can be told later, by gatepost conf postfix: {error}\n")
        return
    click.echo("For Postfix, type this as root (docs/postfix.md tells more):\n")
    click.echo(indent(commands, "    "))


def _commands_for_postfix(settings: Settings, path: Path) -> str:
    """What `gatepost conf postfix` prints first, without the milter: one of two that ask the same will do for a try."""
    site = replace(read_site(settings, path, GATEPOST), milter=None)
    return next(ways(site, machine_of(site), site.maps_dir, type_of(site))).commands


def _tell_what_to_try(settings: Settings) -> None:
    """Command lines, each with the reply that the lists as they are now give it."""
    command = os.path.relpath(GATEPOST)
    directory, rules = open_directory(settings.lists.directory), rules_of(settings)
    click.echo("Try it, in another terminal:\n")
    for sender, recipient in QUESTIONS:
        verdict = judge(Question(sender, recipient), directory, rules)
        click.echo(f"    {command} check {sender} {recipient}")
        click.echo(f"        {verdict.code} {verdict.status} {verdict.text}")
    directory.close()
    click.echo()


if __name__ == "__main__":
    sys.exit(main())
