"""The command line as a process of its own: what it loads, terminals, pipes, a full disk."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import CommandLine
from labs.needs import terminal

ANN = "ann@lists.example"
GATEPOST = str(Path(sys.modules["gatepost"].__file__ or ""))
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm", "COLUMNS": "100"}


def command(gatepost: CommandLine, *arguments: str) -> list[str]:
    return [sys.executable, GATEPOST, "--config", str(gatepost.settings), *arguments]


def on_a_terminal(arguments: list[str], **environment: str) -> str:
    """What a program writes when its standard output and error are a terminal."""
    leader, follower = terminal()
    with subprocess.Popen(
        arguments, stdin=follower, stdout=follower, stderr=follower, env={**ENVIRONMENT, **environment}
    ) as process:
        os.close(follower)
        said = b""
        try:
            while chunk := os.read(leader, 65536):
                said += chunk
        except OSError:
            pass  # Linux's way to say that the other side is closed
    os.close(leader)
    assert process.returncode == 0
    return said.decode()


def test_help_loads_neither_database_nor_settings() -> None:
    probe = (
        "import sys, gatepost\n"
        "try: gatepost.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "unwanted = {'sqlalchemy', 'alembic', 'rich', 'pydantic', 'gatepost_lists'}\n"
        "print(sorted(unwanted & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], env=ENVIRONMENT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_check_loads_no_sqlalchemy(gatepost: CommandLine) -> None:
    arguments = ["--config", str(gatepost.settings), "check", "a@b.example", ANN]
    probe = (
        f"import sys, gatepost\ntry: gatepost.cli.main({arguments!r})\nexcept SystemExit: pass\n"
        "print(sorted({'sqlalchemy', 'alembic', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], env=ENVIRONMENT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_tables_and_colours_on_a_terminal_only(gatepost: CommandLine) -> None:
    table = on_a_terminal(command(gatepost, "list", "ls"))
    assert "fqdn_listname" in table
    assert "─" in table
    assert "\t" not in table
    coloured = on_a_terminal(command(gatepost, "check", "<>", ANN))
    assert coloured.startswith("\x1b[")
    plain = on_a_terminal(command(gatepost, "check", "<>", ANN), NO_COLOR="1")
    assert plain.startswith("250 2.1.5 ")
    assert "\x1b" not in on_a_terminal(command(gatepost, "list", "ls"), NO_COLOR="1")
    assert "fqdn_listname" not in gatepost("list", "ls")


def test_an_import_shows_its_progress_on_a_terminal(gatepost: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "members"
    file.write_text("".join(f"m{number}@example.org\n" for number in range(30_000)) + "nobody\n")
    with pytest.raises(AssertionError):  # it ends with 65
        on_a_terminal(command(gatepost, "member", "import", ANN, str(file)))
    file.write_text("again@example.org\n")
    said = on_a_terminal(command(gatepost, "member", "import", ANN, str(file)))
    assert "importing" in said
    assert "1 new, 0 there already, 0 refused" in said


@pytest.mark.parametrize(
    ("closed", "arguments", "status"),
    [
        ("<&-", ("member", "import", ANN, "-"), 66),
        (">&-", ("member", "ls", ANN), 0),
        (">&- 2>&-", ("check", "bo@example.org", ANN), 77),
    ],
)
def test_standard_streams_that_are_closed(
    gatepost: CommandLine, closed: str, arguments: tuple[str, ...], status: int
) -> None:
    line = ["sh", "-c", f'exec "$@" {closed}', "sh", *command(gatepost, *arguments)]
    ended = subprocess.run(line, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (ended.returncode, "fault" in ended.stderr) == (status, False)


def test_a_pipe_that_is_closed_early(gatepost: CommandLine) -> None:
    gatepost("member", "import", ANN, "-", stdin="".join(f"m{number}@example.org\n" for number in range(20_000)))
    with subprocess.Popen(
        command(gatepost, "member", "ls", ANN), env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"m0@example.org\t\tmember\t\t\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode != 70


def test_octets_that_are_no_utf8_on_the_command_line(gatepost: CommandLine) -> None:
    odd = os.fsdecode(b"b\xff@lists.example")
    done = subprocess.run(
        command(gatepost, "check", odd, odd), env=ENVIRONMENT, capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (67, b"")
    done = subprocess.run(
        command(gatepost, "member", "add", ANN, odd), env=ENVIRONMENT, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 65
    assert done.stderr.startswith(b"gatepost: ")


def test_a_full_disk_leaves_the_store_as_it_was(gatepost: CommandLine) -> None:
    lines = "".join(f"member-number-{number}@example.org\n" for number in range(30_000))

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))

    done = subprocess.run(
        command(gatepost, "member", "import", ANN, "-"),
        env=ENVIRONMENT,
        input=lines,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=little_room,
    )
    assert (done.returncode, done.stdout) == (75, "")
    assert done.stderr.startswith(f"gatepost: {gatepost.store}: ")
    assert gatepost.json("member", "ls", ANN) == []
    assert gatepost("member", "import", ANN, "-", stdin=lines) == "30000 new, 0 there already, 0 refused\n"
