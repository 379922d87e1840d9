"""The command line: `gatepost [--config FILE] COMMAND`. Beside gatepost_services, the one place that knows every part.

- A command's modules are loaded when it is called: help, completion and the services start without what they do not
  need. LAZY names each with the line that the help shows for it.
- Exit codes are those of sysexits.h, and every error is told in a line or two on standard error.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import click
from click.decorators import pass_meta_key

from gatepost_conf.settings_file import FILE_NAME, is_there, search
from gatepost_services import PARTS, LiveSettings, parts_of, rules_of, serve_policy_on_stdio

if TYPE_CHECKING:
    from gatepost_conf.settings import Settings
    from gatepost_conf.site import Site

EX_USAGE = 64
EX_SOFTWARE = 70
EX_IOERR = 74
EX_TEMPFAIL = 75
EX_CONFIG = 78
_INTERRUPTED = 128 + 2
_TRY_AGAIN = 111  # qmail-command(8)

_CONFIGURATION = "gatepost.configuration"


class Lazy(NamedTuple):
    """A command that is loaded when it is called.

    module is where it is, under the name of its file; help is the line that the list of commands has for it; supply
    puts into click's context what it needs.
    """

    module: str
    help: str
    supply: Callable[[click.Context], None]


def _supply_lists(context: click.Context) -> None:
    from gatepost_lists.commands.context import META_KEY, ListsContext  # noqa: PLC0415 - for those commands alone

    configuration: Configuration = context.meta[_CONFIGURATION]
    context.meta[META_KEY] = ListsContext(
        url=lambda: configuration.settings.lists.directory,
        rules=lambda: rules_of(configuration.settings),
        settings_file=lambda: configuration.path,
        names_changed=lambda name: _tables_follow(configuration, name),
    )


def _tables_follow(configuration: Configuration, changed: str) -> None:
    """Bring Postfix's tables, where there are any, and a running Postfix up to date with a list or domain."""
    from gatepost_conf.postfix.tables import follow  # noqa: PLC0415 - for those commands alone
    from gatepost_conf.reading import read_site  # noqa: PLC0415
    from gatepost_lists.commands.output import print_warnings  # noqa: PLC0415

    def now() -> Site:
        return read_site(configuration.settings, configuration.path, _program())

    print_warnings(follow(configuration.settings.postfix.maps_dir, now, changed=changed))


def _program() -> Path:
    """The command `gatepost`, as it was called."""
    return Path(sys.argv[0]).absolute()


def _supply_queue(context: click.Context) -> None:
    from gatepost_lists.commands import output  # noqa: PLC0415 - for those commands alone
    from gatepost_queue.commands.context import META_KEY, QueueContext  # noqa: PLC0415

    configuration: Configuration = context.meta[_CONFIGURATION]
    context.meta[META_KEY] = QueueContext(url=lambda: configuration.settings.queue.engine, output=output)


def _supply_conf(context: click.Context) -> None:
    from gatepost_conf.commands.context import META_KEY, ConfContext  # noqa: PLC0415 - for those commands alone

    configuration: Configuration = context.meta[_CONFIGURATION]
    context.meta[META_KEY] = ConfContext(
        settings=lambda: configuration.settings,
        settings_file=lambda: configuration.path,
        program=_program,
        queue_folders=lambda: _queue_folders(configuration.settings),
    )


def _queue_folders(settings: Settings) -> tuple[Path, ...]:
    """Where the services write the queue; () too where no engine serves its URL, which they tell themselves."""
    from gatepost_queue import NoEngine, engine_of  # noqa: PLC0415 - for those commands alone

    try:
        return engine_of(settings.queue.engine).folders
    except NoEngine:
        return ()


def _supply_doctor(context: click.Context) -> None:
    from gatepost_conf.commands.doctor import META_KEY  # noqa: PLC0415 - for that command alone
    from gatepost_queue import engine_of  # noqa: PLC0415

    _supply_conf(context)
    context.meta[META_KEY] = engine_of


_LISTS = "gatepost_lists.commands"
_QMAIL = "qmail-lmtp"
LAZY = {
    "domain": Lazy(f"{_LISTS}.domain", "Add, remove and list the domains that hold lists.", _supply_lists),
    "list": Lazy(f"{_LISTS}.mailinglist", "Create, show, change, remove and list lists.", _supply_lists),
    "member": Lazy(f"{_LISTS}.member", "Add, import, remove, list and link members.", _supply_lists),
    "ban": Lazy(f"{_LISTS}.ban", "Ban senders, from one list or from all, and lift bans.", _supply_lists),
    "queue": Lazy("gatepost_queue.commands.queue", "Tell what waits, why, and since when.", _supply_queue),
    "held": Lazy(
        "gatepost_delivery.commands.held", "Accept, reject or discard what waits for a moderator.", _supply_queue
    ),
    "check": Lazy(f"{_LISTS}.check", "Tell whether SENDER may post to RECIPIENT, and why.", _supply_lists),
    "conf": Lazy("gatepost_conf.commands.conf", "Print or write what each mail server needs.", _supply_conf),
    "doctor": Lazy(
        "gatepost_conf.commands.doctor", "Look at the running machine: what is right, what is wrong.", _supply_doctor
    ),
    _QMAIL: Lazy("gatepost_conf.commands.qmail_lmtp", "Deliver a message for qmail, over LMTP.", lambda _: None),
}


@dataclass(frozen=True)
class Configuration:
    """The settings file: which one it is, and what is in it, read when it is first needed."""

    explicit: str | None

    @cached_property
    def found(self) -> Path | None:
        """The file, which need not be there if it was named; None where none was named and there is none."""
        return search(self.explicit, os.environ, Path.cwd())

    @cached_property
    def path(self) -> Path:
        """The file. Raises SettingsError where none was named and there is none."""
        from gatepost_conf.settings import find  # noqa: PLC0415 - pydantic comes with it

        return find(self.explicit, os.environ, Path.cwd())

    @cached_property
    def settings(self) -> Settings:
        """Raises SettingsError, with all that is wrong in the file."""
        from gatepost_conf.settings import load  # noqa: PLC0415 - pydantic comes with it

        return load(self.path)


pass_configuration = pass_meta_key(_CONFIGURATION, doc_description="the Configuration")


class Gatepost(click.Group):
    """The group of all commands: loads the lazy ones, hands them what they need, and turns errors into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Those that are defined here come first, then the parts'."""
        return [*self.commands, *LAZY]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command that is called, or whose own help is shown."""
        command = self._load(ctx, cmd_name) if cmd_name in LAZY else self.commands.get(cmd_name)
        if command and cmd_name != _QMAIL:
            _tell_settings_in_help(command, _settings_line(ctx))
        return command

    def _load(self, ctx: click.Context, cmd_name: str) -> click.Command:
        lazy = LAZY[cmd_name]
        lazy.supply(ctx)
        command: click.Command = getattr(import_module(lazy.module), lazy.module.rpartition(".")[2])
        return command

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The last line of the help."""
        if line := _settings_line(ctx):
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(line)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without loading any."""
        rows = [(name, command.get_short_help_str(100)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl([*rows, *((name, lazy.help) for name, lazy in LAZY.items())])

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The context of a run, or of a completion, with what the commands of every part need."""
        context = super().make_context(info_name, args, parent, **extra)
        context.meta[_CONFIGURATION] = Configuration(context.params.get("config"))
        if os.environ.get("NO_COLOR"):
            context.color = False
        return context

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command and, unless standalone_mode is off, end the process with its exit code."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name or "gatepost", complete_var, standalone_mode=False, **extra)
        except Exception as error:
            code = _tell(error)
        sys.exit(code if isinstance(code, int) else 0)


def _settings_line(context: click.Context) -> str:
    """The last line of every help: which settings a command would take here; '' in a page that is made of the help."""
    if context.resilient_parsing:
        return ""
    found = search(context.params.get("config"), os.environ, Path.cwd())
    lack = "" if found is None or is_there(found) else ", which is not there"
    return f"\b\nSettings: {found or 'none found'}{lack}"  # click would break a long line that has no \b before it


def _tell_settings_in_help(command: click.Command, line: str) -> None:
    command.epilog = line
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        _tell_settings_in_help(below, line)


def _tell(error: Exception) -> int:
    """Say on standard error what went wrong; the exit code for it."""
    if isinstance(error, click.Abort):
        click.echo("gatepost: interrupted", err=True)
        return _INTERRUPTED
    if isinstance(error, click.ClickException):
        error.show()
        return EX_USAGE if isinstance(error, click.UsageError) else error.exit_code
    lines, code = _explained(error)
    for line in lines:
        click.echo(line, err=True)
    return code


def _explained(error: Exception) -> tuple[list[str], int]:
    from gatepost_conf.settings import SettingsError  # noqa: PLC0415 - only when something is wrong
    from gatepost_lists import DirectoryTrouble  # noqa: PLC0415
    from gatepost_lists.errors import StoreError  # noqa: PLC0415
    from gatepost_queue.errors import QueueError  # noqa: PLC0415

    if isinstance(error, SettingsError):
        return error.problems, EX_CONFIG
    if isinstance(error, StoreError | QueueError):
        return [f"gatepost: {error}", *([f"hint: {error.hint}"] if error.hint else [])], error.exit_code
    if isinstance(error, DirectoryTrouble):
        return [f"gatepost: {error}"], EX_TEMPFAIL
    if isinstance(error, OSError):
        return [f"gatepost: {error.filename or 'input or output'}: {error.strerror or error}"], EX_IOERR
    where = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(where.filename).name}, line {where.lineno}"
    return [f"gatepost: a fault of gatepost's: {type(error).__name__}: {error} ({place})"], EX_SOFTWARE


@click.group(
    "gatepost", cls=Gatepost, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option("--config", metavar="FILE", type=click.Path(), is_eager=True, help="The settings file.")
@click.version_option(package_name="gatepost", message="%(package)s %(version)s")
def cli(config: str | None) -> None:
    """Tell a mail server, while the sender is still on the line, whether mail is for a list and may be posted there.

    FILE defaults to $GATEPOST_CONFIG, ./gatepost.toml, /etc/gatepost/gatepost.toml.

    \b
    Completion of commands, lists and domains, for bash (zsh and fish likewise):
      eval "$(_GATEPOST_COMPLETE=bash_source gatepost)"
    """


@cli.command()
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=None, required=False)
@pass_configuration
def init(configuration: Configuration, folder: Path | None) -> None:
    """Write a commented gatepost.toml, and make an empty store and an empty queue.

    DIR is the folder for gatepost.toml. Without it the settings are those that every command takes, and ./gatepost.toml
    where there are none yet. What is there already is kept; a store or a queue of an older version is upgraded.

    \b
    Examples:
      gatepost init
      gatepost init /etc/gatepost
    """
    from gatepost_init import hints, make_all  # noqa: PLC0415 - for this command alone

    path = _file_to_write(configuration, folder)
    for line in make_all(path):
        click.echo(line)
    for hint in hints(path, os.environ, Path.cwd()):
        click.echo(f"hint: {hint}", err=True)


def _file_to_write(configuration: Configuration, folder: Path | None) -> Path:
    named = configuration.explicit
    if folder is None:
        return configuration.found or Path.cwd() / FILE_NAME
    path = folder.absolute() / FILE_NAME
    if named and Path(named).absolute() != path:
        raise click.UsageError(f"--config names {named}, and DIR names {path}: give one of them")
    return path


@cli.command()
@click.argument("parts", metavar="[PARTS]...", nargs=-1, type=click.Choice(tuple(PARTS)))
@click.option("--stdio", is_flag=True, help="Serve one client on standard input and output, as spawn(8) runs it.")
@pass_configuration
def run(configuration: Configuration, parts: tuple[str, ...], stdio: bool) -> int:
    """Start PARTS, or all that are enabled, in the foreground.

    The parts: policy, the Postfix policy service and the live tables; milter, for Sendmail and Postfix; lmtp, the
    receiver of deliveries and callouts; delivery, which brings mail to members and owners. TERM ends them, and so does
    the end of the terminal in whose foreground they were started; HUP has them read the settings again.

    \b
    Examples:
      gatepost run
      gatepost run policy milter
      gatepost run policy --stdio
    """
    from gatepost_lists import open_directory  # noqa: PLC0415 - for the services alone
    from gatepost_service import terminal  # noqa: PLC0415

    terminal.remember()
    signal.signal(signal.SIGHUP, terminal.end_with_it)  # until there are settings that could be read again
    live = LiveSettings(configuration.path, configuration.settings)
    open_directory(live.settings.lists.directory).close()  # whether there is an engine for it; no file is opened yet
    if stdio:
        if parts != ("policy",):
            raise click.UsageError("--stdio goes with policy alone: gatepost run policy --stdio")
        return serve_policy_on_stdio(live)
    from gatepost_service.run import run as serve  # noqa: PLC0415 - for the services alone

    live.configure_log()
    live.tell()
    live.warn()
    wanted = parts_of(live, parts)
    if not wanted:
        raise click.UsageError(f"no part is enabled in {configuration.path}")
    return serve(wanted, metrics=None if parts else live.settings.metrics.listen)


def _fill_closed_descriptors() -> None:
    """Where a standard stream is closed, no file or socket of ours may get its number: a log line would go into it."""
    # To read standard input is an error then, and what is written to the other two is lost.
    for number, flags in enumerate((os.O_WRONLY, os.O_RDWR, os.O_RDWR)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # gets the lowest number that is free
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115 - it stays open
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def _words_for_qmail(arguments: Sequence[str]) -> list[str] | None:
    """What stands behind `qmail-lmtp`, where that is the command; else None."""
    words = iter(arguments)
    for word in words:
        if word == _QMAIL:
            return list(words)
        if word == "--config":
            next(words, None)
        elif not word.startswith("-"):
            return None
    return None


def _deliver_for_qmail(words: Sequence[str]) -> NoReturn:
    """End with 0, 100 or 111, whatever happens, in loading too: qmail bounces mail for many other codes."""
    code = _TRY_AGAIN
    try:
        _fill_closed_descriptors()
        from gatepost_conf.qmail_lmtp.command import run as deliver  # noqa: PLC0415 - for this command alone

        code = deliver(words, os.environb)
    except BaseException as error:
        click.echo(f"gatepost: {type(error).__name__}: {error}", err=True)
    finally:
        os._exit(code)


def main() -> None:
    """The entry of the command `gatepost`."""
    words = _words_for_qmail(sys.argv[1:])
    if words is not None:
        _deliver_for_qmail(words)
    _fill_closed_descriptors()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Octets that are no UTF-8 come in by the command line; to print them must not fail.
            stream.reconfigure(errors="backslashreplace")
    cli.main(prog_name="gatepost")


if __name__ == "__main__":
    main()
