"""`gatepost check`: the verdict on one sender and one recipient, and every test on the way to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gatepost_lists.commands.context import ListsContext, as_json, pass_lists
from gatepost_lists.commands.output import print_json
from gatepost_lists.judge import TESTS, Step, explain
from gatepost_lists.model import Answer, Question, Verdict

# Exit codes (sysexits.h) of refusals by enhanced status; EX_NOPERM for all that say that the sender may not.
_EXITS = {"5.1.1": 67, "5.1.3": 65}
_EX_NOPERM = 77
_EX_TEMPFAIL = 75
_WIDTH = max(len(name) for name, _ in TESTS)
_COLOURS = {Answer.ACCEPT: "green", Answer.NOT_OURS: "yellow", Answer.DEFER: "yellow", Answer.REJECT: "red"}


@click.command()
@click.argument("sender")
@click.argument("recipient")
@click.option("--size", type=click.IntRange(min=0), default=0, metavar="BYTES", help="The size that is announced.")
@as_json
@pass_lists
def check(lists: ListsContext, sender: str, recipient: str, size: int, as_json: bool) -> None:
    """May SENDER post to RECIPIENT? Print the SMTP reply, which settings gave it, and every test on the way to it.

    SENDER <> is the null sender. The exit code is 0 for mail that may pass and for addresses that are not ours, 67
    where there is no such list, 77 where the sender may not post, 65 for an address that cannot be read, and 75 when
    nothing can be told now.

    \b
    Examples:
      gatepost check bo@example.org ann@lists.example.org
      gatepost check '<>' ann-bounces@lists.example.org --json
    """
    with lists.directory() as directory:
        verdict, steps = explain(Question(sender, recipient, size), directory, lists.rules())
    if as_json:
        print_json(_as_dict(verdict, steps))
    else:
        _print(verdict, steps, lists.settings_file())
    if not verdict.test:
        click.echo(f"gatepost: {verdict.why}", err=True)
    click.get_current_context().exit(_exit_code(verdict))


def _exit_code(verdict: Verdict) -> int:
    if verdict.answer is Answer.REJECT:
        return _EXITS.get(verdict.status, _EX_NOPERM)
    return _EX_TEMPFAIL if verdict.answer is Answer.DEFER else 0


def _as_dict(verdict: Verdict, steps: list[Step]) -> dict[str, Any]:
    return {
        "verdict": verdict.answer,
        "test": verdict.test,
        "code": verdict.code,
        "status": verdict.status,
        "text": verdict.text,
        "list": verdict.mailing_list,
        "subaddress": verdict.subaddress,
        "trace": [step._asdict() for step in steps],
    }


def _print(verdict: Verdict, steps: list[Step], settings_file: Path) -> None:
    click.secho(f"{verdict.code} {verdict.status} {verdict.text}", fg=_COLOURS[verdict.answer], bold=True)
    for name, answer, why in (("settings", None, settings_file), *steps):
        click.echo(f"{name:<{_WIDTH}}  {answer or '-':<8}  {why}")
