"""`gatepost run` as somebody who starts it sees it: what it prints, and how its unit tells it to read its settings."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.conftest import CommandLine
from gatepost_conf.settings import Settings
from labs.needs import IS_ROOT
from labs.running import ROOT, Gatepost

# Every part, each where no other program can be.
EVERY_PART = """\
[policy]
listen = ["inet:127.0.0.1:0"]
[socketmap]
listen = ["inet:127.0.0.1:0"]
[milter]
listen = "inet:127.0.0.1:0"
[lmtp]
listen = ["inet:127.0.0.1:0"]
[metrics]
listen = "inet:127.0.0.1:0"
"""
PAGE = ROOT / "docs" / "service.md"
NAMES = ["delivery", "lmtp", "metrics", "milter", "policy", "socketmap"]


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gatepost]:
    """Every part, ready, with an empty store and an empty queue."""
    pytest.importorskip("Milter", reason="pymilter is not installed")
    monkeypatch.chdir(tmp_path)  # there may be settings in the checkout, of which `init` would tell
    gatepost = Gatepost(tmp_path, EVERY_PART)
    CommandLine(tmp_path)("init")
    with gatepost:
        for name in NAMES:
            gatepost.wait_line(rf"^{name} ready")
        yield gatepost


def test_that_the_settings_were_read_is_said_once(running: Gatepost) -> None:
    assert running.output.count("settings read") == 1
    assert f'event="settings read" file={running.settings}' in running.output
    running.signal(signal.SIGHUP)
    for part in ("policy", "milter", "lmtp", "delivery"):
        running.wait_line(f'event="settings read" part={part} file=')
    assert running.output.count("settings read") == 5


def test_root_is_told_to_run_it_as_somebody_else(running: Gatepost) -> None:
    assert running.output.count('event="running as root"') == int(IS_ROOT)


@pytest.mark.parametrize("mode", [0o644, 0o640])
def test_a_password_that_others_can_read_is_warned_of(mode: int) -> None:
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        settings = (
            '[delivery]\nsmtp_pass = "geheim"\n[policy]\nlisten = ["inet:127.0.0.1:0"]\n[socketmap]\nenabled = false\n'
        )
        gatepost = Gatepost(folder, settings, "policy")
        gatepost.settings.chmod(mode)
        with gatepost:
            gatepost.wait_line("^policy ready")
        warned = [line for line in gatepost.output.splitlines() if "others can read a password" in line]
    assert len(warned) == int(mode == 0o644)
    assert all(f'keys="[\'[delivery] smtp_pass\']" mend="chmod o-rwx {gatepost.settings}"' in line for line in warned)
    assert "geheim" not in gatepost.output


def test_the_page_shows_what_is_printed(running: Gatepost) -> None:
    """All of it, in whatever order the parts are ready; with the addresses that are the default; not as root."""
    settings = Settings()
    listen = {
        "policy": settings.policy.listen[0],
        "socketmap": settings.socketmap.listen[0],
        "milter": settings.milter.listen,
        "lmtp": settings.lmtp.listen[0],
        "metrics": settings.metrics.listen,
    }

    def as_on_the_page(line: str) -> str:
        line = re.sub(r"^(\w+) ready on .*", lambda found: f"{found[1]} ready on {listen[found[1]]}", line)
        return re.sub(r"^time=\S+", "time=", line).replace(str(running.folder), "/etc/gatepost")

    [sample] = re.findall(r"^\$ gatepost run\n(.*?)```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    printed = [line for line in running.output.splitlines() if "running as root" not in line]
    assert sorted(map(as_on_the_page, printed)) == sorted(map(as_on_the_page, sample.splitlines()))


def test_the_unit_s_way_to_have_the_settings_read_again_needs_the_shell_alone(running: Gatepost) -> None:
    """As systemd runs it: no program but one that is named by its path, and the process's number in MAINPID."""
    [command] = re.findall(r"^ExecReload=(.+)$", PAGE.read_text(), re.MULTILINE)
    words = shlex.split(command)
    assert words[0] == "/bin/sh"
    subprocess.run(words, env={"MAINPID": str(running.process.pid), "PATH": "/nonexistent"}, check=True)
    running.wait_line("settings read.*part=policy")
