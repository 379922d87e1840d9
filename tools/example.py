"""What `make run` does before the service starts: settings, a store, an example in it, and what to do next.

Rules: what is there is kept, so that it can run any number of times; the example is made only in a store without
domains, as a whole or not at all. The settings are ./gatepost.toml, or the file that $GATEPOST_CONFIG names, which are
those that `gatepost run` takes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from gatepost_conf.settings import Settings, load
from gatepost_lists import Question, judge, open_directory
from gatepost_lists.store.admin import Store
from gatepost_lists.store.errors import StoreError
from gatepost_service.sockets import ListenAddress
from gatepost_services import rules_of

GATEPOST = Path(sys.executable).with_name("gatepost")
DOMAIN = "lists.example"
CLOSED, OPEN, MEMBER = f"announce@{DOMAIN}", f"chat@{DOMAIN}", "anne@example.org"
STRANGER = "stranger@example.net"
QUESTIONS = ((STRANGER, CLOSED), (MEMBER, CLOSED), (STRANGER, OPEN), (STRANGER, f"nobody@{DOMAIN}"))
# Postfix cannot be told to dial every address of a host.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here
_MAIN_CF = """\
    smtpd_relay_restrictions =
        permit_mynetworks,
        permit_sasl_authenticated,
        reject_unauth_destination
    smtpd_recipient_restrictions =
        check_policy_service {service}
"""


def main() -> int:
    """The exit status: that of `gatepost init` where it fails, else 0, or the store's own for trouble with it."""
    path = Path(os.environ.get("GATEPOST_CONFIG") or "gatepost.toml")
    done = subprocess.run([GATEPOST, "--config", path, "init"], check=False)
    if done.returncode:
        return done.returncode
    settings = load(path.absolute())
    try:
        example_is_there = _make_example(settings.lists.directory)
    except StoreError as error:
        click.echo(f"example: {error}", err=True)
        return error.exit_code
    _tell_about_postfix(settings)
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


def _tell_about_postfix(settings: Settings) -> None:
    listen = settings.policy.listen
    click.echo(f"\nThe policy service will answer on {', '.join(map(str, listen))}.\n")
    click.echo(
        "For Postfix, put this into main.cf (docs/policy.md: what depends on the place), then `postfix reload`:\n"
    )
    click.echo(_MAIN_CF.format(service=_as_postfix_names_it(listen[0])))


def _as_postfix_names_it(address: ListenAddress) -> str:
    if address.is_unix:
        return f"unix:{address.path}"
    return str(ListenAddress(host=_LOOPBACK.get(address.host, address.host), port=address.port))


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
