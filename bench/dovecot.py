"""Dovecot's LMTP server, beside which the receiver is measured.

Rules: Debian's packages are unpacked below bench/out, and run from there with a configuration of our own: every address
has a mailbox in Maildir format; all else, how often it syncs included, is as Dovecot has it by default.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from bench.debian import unpack
from bench.processes import free_port, serving
from bench.programs import OUT, BenchError, build

_ROOT = OUT / "dovecot"
_LIBRARIES = _ROOT / "usr/lib/dovecot"
_PACKAGES = ("dovecot-core", "dovecot-lmtpd")
# Whose the mailboxes are where the bench is run by root: Dovecot delivers nothing as root.
_OWNER = "mail"
_CONFIGURATION = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
libexec_dir = {libraries}
mail_plugin_dir = {libraries}/modules
import_environment = LD_LIBRARY_PATH={library_path} LD_PRELOAD={preload} DOVECOT_UNPACKED={root}
protocols = lmtp
ssl = no
default_login_user = {runner}
default_internal_user = {runner}
default_internal_group = {group}
mail_location = maildir:~/Maildir
first_valid_uid = 1
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u allow_all_users=yes
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


def fetch() -> None:
    """Fetch and unpack the packages, unless that has been done. Raises BenchError where it cannot be."""
    unpack(_PACKAGES, _ROOT)


@contextlib.contextmanager
def lmtp_server(folder: Path) -> Iterator[str]:
    """Dovecot with its files in `folder`; yields its address. Raises BenchError where it cannot reach its mailboxes."""
    folder.mkdir()
    port = free_port()
    owner = pwd.getpwnam(_OWNER) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    _give_mail_folder(folder / "mail", owner)
    runner = pwd.getpwuid(os.geteuid())
    configuration = folder / "dovecot.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            folder=folder,
            libraries=_LIBRARIES,
            library_path=_library_path(),
            preload=build("dovecot_paths"),
            root=_ROOT,
            runner=runner.pw_name,
            group=grp.getgrgid(runner.pw_gid).gr_name,
            uid=owner.pw_uid,
            gid=owner.pw_gid,
            port=port,
        )
    )
    environment = os.environ | {"LD_LIBRARY_PATH": _library_path()}
    with serving(_command(configuration), port, folder / "stderr", environment):
        yield f"inet:127.0.0.1:{port}"


def _library_path() -> str:
    return ":".join(map(str, (_LIBRARIES, _LIBRARIES / "modules/old-stats", *_ROOT.glob("usr/lib/*-linux-gnu*"))))


def _give_mail_folder(folder: Path, owner: pwd.struct_passwd) -> None:
    folder.mkdir()
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    closed = [parent for parent in folder.parents if not parent.stat().st_mode & 0o001]
    if os.geteuid() == 0 and closed:
        raise BenchError(f"the user {owner.pw_name}, as whom Dovecot delivers, cannot enter {closed[-1]}")


def _command(configuration: Path) -> list[str | Path]:
    """doveconf reads the configuration, and becomes the master: Dovecot itself would look for an installed doveconf."""
    dovecot = (_ROOT / "usr/sbin/dovecot", "-F", "-c", configuration)
    return [_ROOT / "usr/bin/doveconf", "-f", "service=master", "-c", configuration, "-m", "master", "-e", *dovecot]
