"""tools/need on machines that lack something: the script is the real one, what it asks is stood in for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labs.running import ROOT

# What the stand-ins for Python, the compiler and perl have depends on files in the folder `installed`.
PYTHON = """\
case "$2" in
*ensurepip*) test -e "$installed/python3-venv" ;;
*Python.h*) test -e "$installed/python3-dev" ;;
*version_info*) test ! -e "$installed/old" ;;
esac
"""
COMPILER = """\
case "$*" in
*-E*) test -e "$installed/libmilter-dev" ;;
*) test -e "$installed/gcc" ;;
esac
"""
APT_GET = """\
echo "$*" >>"$installed/../asked"
case "$*" in
*update*) exit "$update_status" ;;
*install*)
    for package in "$@"; do touch "$installed/$package"; done
    test ! -e "$installed/e2fsprogs" || ln -sf /bin/true "$installed/../bin/chattr"
    test ! -e "$installed/mount" || ln -sf /bin/true "$installed/../bin/mount"
    ;;
esac
"""
# A sudo that asks for no password, and one that would ask.
FREE_SUDO = 'test "$1" = -n && shift && exec "$@"\n'
SUDO = 'test "$1" = -n || echo "a password was asked for" >>"$installed/../asked"\nexit 1\n'
REAL = ("sh", "echo", "basename", "env", "sort", "tr", "xargs", "touch", "ln", "true")
FOR_THE_MILTER = ("gcc", "libc6-dev", "libmilter-dev", "python3-dev")
EVERYTHING = (*FOR_THE_MILTER, "python3-venv")
ALL = " ".join(EVERYTHING)
INSTALL = "apt-get update && apt-get install --no-install-recommends"


class Machine:
    """A machine on which these packages are installed."""

    def __init__(self, folder: Path, *packages: str) -> None:
        self.folder = folder
        self.installed = folder / "installed"
        self.programs = folder / "bin"
        self.installed.mkdir()
        self.programs.mkdir()
        for program in REAL:
            (self.programs / program).symlink_to(shutil.which(program) or "")
        for name, text in {"python3": PYTHON, "cc": COMPILER, "apt-get": APT_GET}.items():
            self.program(name, text)
        for package in packages:
            (self.installed / package).touch()

    def program(self, name: str, text: str) -> None:
        path = self.programs / name
        path.write_text(f"#!{shutil.which('sh')}\n{text}")
        path.chmod(0o755)

    def need(self, *arguments: str, user: int = 1000, update_status: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the script as that user."""
        self.program("id", f"echo {user}\n")
        environment = {"PATH": str(self.programs), "installed": str(self.installed)}
        environment["update_status"] = str(update_status)
        command = [str(ROOT / "tools/need"), *arguments]
        return subprocess.run(command, env=environment, text=True, capture_output=True, check=False)

    @property
    def asked(self) -> list[str]:
        """What was asked of apt-get, and whether sudo asked for a password."""
        file = self.folder / "asked"
        return file.read_text().splitlines() if file.exists() else []


@pytest.mark.parametrize("what", ["run", "test"])
@pytest.mark.parametrize("user", [0, 1000])
def test_nothing_is_said_or_asked_where_nothing_is_missing(what: str, user: int, tmp_path: Path) -> None:
    machine = Machine(tmp_path, *EVERYTHING)
    for name, text in {"sudo": SUDO, "chattr": "", "mount": ""}.items():
        machine.program(name, text)
    done = machine.need(what, user=user)
    assert (done.returncode, done.stdout, done.stderr, machine.asked) == (0, "", "", [])


@pytest.mark.parametrize("sudo", ["", SUDO], ids=["no sudo", "sudo with a password"])
def test_all_that_is_missing_is_named_in_one_line(sudo: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    if sudo:
        machine.program("sudo", sudo)
    done = machine.need("run")
    line = f"need: packages are missing; as root: {INSTALL} {ALL}\n"
    assert (done.returncode, done.stdout, done.stderr, machine.asked) == (69, "", line, [])


def test_a_machine_without_python(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    (machine.programs / "python3").unlink()
    done = machine.need("run")
    names = " ".join(sorted([*EVERYTHING, "python3"]))
    assert (done.returncode, done.stderr) == (69, f"need: packages are missing; as root: {INSTALL} {names}\n")


@pytest.mark.parametrize("user", [0, 1000])
def test_all_that_is_missing_is_installed_at_once(user: int, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.program("sudo", FREE_SUDO if user else "echo sudo was asked >&2; exit 1\n")
    done = machine.need("run", user=user)
    assert (done.returncode, done.stderr) == (0, f"need: installing {ALL}\n")
    assert machine.asked == ["-qq update", f"-qq install --no-install-recommends {ALL}"]


def test_without_the_milter_s_packages_the_milter_is_left_out(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "python3-venv")
    done = machine.need("run")
    advice = f"{INSTALL} {' '.join(FOR_THE_MILTER)}; then: make clean run"
    assert done.stderr == f"need: the milter is left out; to have it, as root: {advice}\n"
    assert done.returncode == 0
    assert machine.need("extras").stdout == ""
    assert machine.need("extras", "test", "lint").stdout == "[test,lint]\n"
    assert (machine.need("test").returncode, machine.need("test").stderr) == (0, "")


def test_the_milter_where_it_can_be_built(tmp_path: Path) -> None:
    machine = Machine(tmp_path, *EVERYTHING)
    assert machine.need("extras").stdout == "[milter]\n"
    assert machine.need("extras", "test", "lint").stdout == "[milter,test,lint]\n"


def test_apt_get_that_fails(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "python3-venv")
    assert machine.need("run", user=0, update_status=100).returncode == 0
    done = machine.need("test", user=0, update_status=100)
    assert (done.returncode, "need: apt-get failed\nneed: packages are missing; " in done.stderr) == (69, True)


def test_root_is_given_what_only_root_uses(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "python3-venv")
    assert machine.need("test", user=0).stderr == "need: installing e2fsprogs gcc libc6-dev mount\n"


def test_the_bench_cannot_do_without_the_milter(tmp_path: Path) -> None:
    done = Machine(tmp_path, "python3-venv").need("bench")
    assert done.returncode == 69
    assert done.stderr.endswith(f"{INSTALL} {' '.join(sorted([*FOR_THE_MILTER, 'perl']))}\n")


def test_a_python_that_is_too_old(tmp_path: Path) -> None:
    done = Machine(tmp_path, *EVERYTHING, "old").need("run")
    assert (done.returncode, done.stderr) == (69, "need: gatepost runs on Python 3.11 or later\n")


@pytest.mark.parametrize("arguments", [(), ("everything",)])
def test_usage(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = Machine(tmp_path).need(*arguments)
    assert (done.returncode, done.stderr[:11]) == (64, "usage: need")


def test_this_machine_lacks_nothing_that_it_runs_on() -> None:
    environment = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run(
        [ROOT / "tools/need", "extras", "test"], env=environment, text=True, capture_output=True, check=True
    )
    assert done.stdout in {"[milter,test]\n", "[test]\n"}
