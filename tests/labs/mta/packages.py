"""Fetch Debian's packages of the mail servers and unpack them into a cache folder.

Rules: nothing is installed; the folder is complete or absent (it is built aside and renamed); one process builds it
while others wait; ldd says which libraries are missing, the packages' own Depends which packages bring them.
place.py says which folder that is.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from labs.mta.errors import LabError
from labs.mta.place import folder_for

PACKAGES = {
    "postfix": ("postfix", "postfix-cdb", "postfix-lmdb", "postfix-pcre"),
    "exim": ("exim4-base", "exim4-config", "exim4-daemon-light"),
    "sendmail": ("m4", "sendmail-base", "sendmail-bin", "sendmail-cf"),
}
SHIM_SOURCE = Path(__file__).with_name("shim.c")
# apt's own unprivileged user cannot write below most people's folders.
APT_GET = ("apt-get", "-q", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3")
PROGRAM_FOLDERS = (
    "exim/usr/sbin",
    "postfix/usr/lib/postfix",
    "postfix/usr/lib/postfix/sbin",
    "postfix/usr/sbin",
    "sendmail/usr/bin",
    "sendmail/usr/libexec/sendmail",
)
SET_ID_BITS = 0o6000


class Lab:
    """Where the unpacked servers are: the tree of each one's packages, and the compiled LD_PRELOAD library."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.postfix = root / "postfix"
        self.exim = root / "exim"
        self.sendmail = root / "sendmail"
        self.shim = root / "shim.so"

    @property
    def library_path(self) -> str:
        """LD_LIBRARY_PATH for all three servers."""
        folders = [self.postfix / "usr/lib/postfix", *sorted(self.root.glob("libs/**/lib/*-linux-gnu*"))]
        return ":".join(map(str, folders))


def setup() -> Lab:
    """Return the unpacked servers, after fetching them if they are not there.

    Raises LabError without root (the servers change to other users) and when a step fails.
    """
    if os.geteuid() != 0:
        raise LabError("real mail servers change to other users: run this as root")
    with _open_to_all():
        return _lab_in(folder_for(_recipe()))


def _lab_in(cache: Path) -> Lab:
    lab = Lab(cache / "servers")
    if not _is_ready(lab):
        with _locked(cache / "lock"):
            if not _is_ready(lab):
                _replace(lab, cache / "building")
    return lab


def _recipe() -> str:
    return hashlib.sha256(Path(__file__).read_bytes() + SHIM_SOURCE.read_bytes()).hexdigest()


def _is_ready(lab: Lab) -> bool:
    stamp = lab.root / "recipe"
    return stamp.is_file() and stamp.read_text() == _recipe()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _open_to_all() -> Iterator[None]:
    """What is made may be read and entered by every user, whatever root's own umask is."""
    umask = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(umask)


def _replace(lab: Lab, building: Path) -> None:
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(mode=0o755)
    _build(Lab(building))
    (building / "recipe").write_text(_recipe())
    shutil.rmtree(lab.root, ignore_errors=True)
    building.rename(lab.root)


def _build(lab: Lab) -> None:
    wanted: set[str] = set()
    for server, names in PACKAGES.items():
        wanted |= _unpack(names, lab.root / server)
    _close_over_libraries(lab, wanted)
    _drop_set_id_bits(lab.root)
    _write_dynamicmaps(lab.postfix)
    _run("cc", "-shared", "-fPIC", "-O2", "-o", str(lab.shim), str(SHIM_SOURCE), "-ldl")


def _unpack(names: Iterable[str], prefix: Path) -> set[str]:
    """Unpack packages below prefix and return the library packages that they depend on."""
    libraries: set[str] = set()
    prefix.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=prefix.parent) as folder:
        _download(names, folder)
        for archive in Path(folder).glob("*.deb"):
            _run("dpkg-deb", "--extract", str(archive), str(prefix))
            depends = _run("dpkg-deb", "--field", str(archive), "Depends")
            libraries |= {name for name in re.findall(r"(?:^|, )([a-z0-9.+-]+)", depends) if name.startswith("lib")}
    return libraries


def _download(names: Iterable[str], folder: str) -> None:
    command = (*APT_GET, "download", *names)
    try:
        _run(*command, folder=folder)
    except LabError:  # the machine's package lists are missing or out of date
        _run(*APT_GET, "update")
        _run(*command, folder=folder)


def _close_over_libraries(lab: Lab, wanted: set[str]) -> None:
    """Unpack library packages until the loader finds everything; what the machine has installed is not fetched."""
    have = set(_run("dpkg-query", "--show", "--showformat=${Package}\\n").split())
    while missing := _missing_libraries(lab):
        names = wanted - have
        if not names:
            raise LabError(f"no package that the mail servers depend on brings {', '.join(sorted(missing))}")
        wanted |= _unpack(sorted(names), lab.root / "libs")
        have |= names


def _missing_libraries(lab: Lab) -> set[str]:
    files = [str(path) for folder in PROGRAM_FOLDERS for path in (lab.root / folder).iterdir() if path.is_file()]
    environment = {**os.environ, "LD_LIBRARY_PATH": lab.library_path}
    # ldd fails for the scripts among them, which is no trouble.
    found = subprocess.run(["ldd", *files], env=environment, text=True, capture_output=True, check=False).stdout
    return set(re.findall(r"(\S+) => not found", found))


def _drop_set_id_bits(root: Path) -> None:
    """For a set-id program the loader ignores LD_LIBRARY_PATH and LD_PRELOAD."""
    for path in root.rglob("*"):
        mode = path.lstat().st_mode
        if path.is_file() and not path.is_symlink() and mode & SET_ID_BITS:
            path.chmod(mode & 0o777)


def _write_dynamicmaps(postfix: Path) -> None:
    """Name the map types that were unpacked, as the package's installation script would."""
    brought = postfix / "usr/share/postfix"
    files = [brought / "dynamicmaps.cf", *sorted(brought.glob("dynamicmaps.cf.d/*.cf"))]
    known = "".join(file.read_text() for file in files).splitlines(keepends=True)
    loadable = [
        line
        for line in known
        if line.strip() and (postfix / "usr/lib/postfix" / f"postfix-{line.split()[0]}.so").is_file()
    ]
    (postfix / "etc/postfix/dynamicmaps.cf").write_text("".join(loadable))


def _run(*command: str, folder: str | None = None) -> str:
    try:
        done = subprocess.run(command, cwd=folder, text=True, capture_output=True, check=True)
    except FileNotFoundError as error:
        raise LabError(f"{command[0]} is not installed; the mail servers are made from Debian packages") from error
    except subprocess.CalledProcessError as error:
        raise LabError(f"{' '.join(command)} failed: {error.stderr.strip() or error.stdout.strip()}") from error
    return done.stdout
