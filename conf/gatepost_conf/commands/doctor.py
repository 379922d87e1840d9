"""`gatepost doctor`: what is right on the running machine, what is wrong, and the line that mends it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click
from click.decorators import pass_meta_key

from gatepost_conf.commands.context import ConfContext, pass_conf

if TYPE_CHECKING:
    from gatepost_conf.doctor.case import Case, Options, QueueFinder
    from gatepost_conf.doctor.findings import Finding

# In click's context: what finds the queue of a URL (case.QueueFinder).
META_KEY = "gatepost_conf.commands.doctor"
pass_queue_finder = pass_meta_key(META_KEY, doc_description="what finds the queue of a URL")
_EX_WRONG = 1
_COLOURS = {"ok": "green", "wrong": "red", "note": "yellow", "skipped": "bright_black"}
_NAME_WIDTH = 29
_STATE_WIDTH = 7


def _checked(_: click.Context, __: click.Parameter, nameservers: tuple[str, ...]) -> tuple[str, ...]:
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - for this command alone

    from gatepost_conf.settings.values import Nameservers  # noqa: PLC0415

    try:
        found: tuple[str, ...] = TypeAdapter(Nameservers).validate_python(list(nameservers))
    except ValidationError as error:
        raise click.BadParameter("expected an IP address, or ADDRESS:PORT or [IPV6]:PORT") from error
    return found


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--nameserver",
    "nameservers",
    metavar="ADDRESS[:PORT]",
    multiple=True,
    callback=_checked,
    help="Ask this name server, and not the system's; may be given more than once.",
)
@click.option("--host", default="", help="To whom the domains shall lead, a name or an address; default: this host.")
@click.option("--user", default="", help="As whom gatepost runs; default: for root the user gatepost, else you.")
@click.option("--postfix-config", default="", metavar="DIR", help="Postfix's configuration; default: the usual one.")
@click.option("--exim-config", default="", metavar="FILE", help="Exim's; default: the usual one.")
@click.option("--sendmail-config", default="", metavar="FILE", help="Sendmail's; default: /etc/mail/sendmail.cf.")
@pass_conf
@pass_queue_finder
def doctor(
    find_queue: QueueFinder,
    context: ConfContext,
    /,
    as_json: bool,
    nameservers: tuple[str, ...],
    **options: str,
) -> None:
    """Is all of it right: lists, doors, DNS, and the mail servers' running configuration?

    Each item is ok, wrong, a note (worth knowing, and no fault) or skipped (it does not concern this machine). Below
    what is wrong stands the line that mends it. Nothing is changed. The exit code is 1 if anything is wrong, else 0.
    Run it as root where you can: other users may not look everywhere.

    \b
    Examples:
      gatepost doctor
      gatepost doctor --host 192.0.2.25 --nameserver 192.0.2.53 --json
    """
    from gatepost_conf.doctor.case import Options  # noqa: PLC0415 - for this command alone
    from gatepost_conf.doctor.examine import examine  # noqa: PLC0415

    findings = examine(_case(context, find_queue, nameservers, Options(**options)))
    if not as_json:
        click.echo(f"settings: {context.settings_file()}")
    is_right = _print_json(findings) if as_json else _print(findings)
    click.get_current_context().exit(0 if is_right else _EX_WRONG)


def _case(context: ConfContext, find_queue: QueueFinder, nameservers: tuple[str, ...], options: Options) -> Case:
    from gatepost_conf.doctor.case import Case  # noqa: PLC0415 - for this command alone
    from gatepost_conf.doctor.local import LocalMachine  # noqa: PLC0415

    return Case(
        LocalMachine(nameservers),
        context.settings(),
        context.settings_file(),
        context.program(),
        find_queue,
        options,
    )


def _print(findings: Iterable[Finding]) -> bool:
    """Print each as soon as it is found; whether nothing is wrong."""
    count = 0
    for name, state, text, mend in findings:
        click.echo(f"{click.style(f'{state:<{_STATE_WIDTH}}', fg=_COLOURS[state])}  {name:<{_NAME_WIDTH}}  {text}")
        if mend:
            click.echo(f"{'':<{_STATE_WIDTH}}  {'':<{_NAME_WIDTH}}  mend: {mend}")
        count += state == "wrong"
    click.echo(f"{count} wrong" if count else "nothing is wrong")
    return not count


def _print_json(findings: Iterable[Finding]) -> bool:
    rows = [finding._asdict() for finding in findings]
    is_right = all(row["state"] != "wrong" for row in rows)
    click.echo(json.dumps({"right": is_right, "findings": rows}, indent=1))
    return is_right
