"""A Postfix as Debian leaves it after `apt install postfix`, for postconf and postmap; it does not run."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from labs.conf import debian
from labs.mta import Lab
from labs.mta.instance import HOST_NAME

# What programs that are unpacked only need, and accounts that every Debian has.
_UNPACKED = """\
shlib_directory = {lab}/usr/lib/postfix
meta_directory = {lab}/etc/postfix
mail_owner = uucp
setgid_group = operator
"""


def stock_postfix(lab: Lab, folder: Path, main_cf: str = "", level: str = "3.6", smtpd: str = "") -> Path:
    """Its configuration in a folder.

    main_cf: further lines. level: compatibility_level, as older releases set it. smtpd: lines of master.cf behind that
    of the server at port 25.
    """
    text = (lab.postfix / "usr/share/postfix/main.cf.debian").read_text()
    text, found = re.subn(r"(?m)^(compatibility_level) = [\d.]+$", rf"\1 = {level}", text)
    assert found == 1
    text += debian.INSTALLED.format(host=HOST_NAME, mailname=folder / "mailname") + _UNPACKED.format(lab=lab.postfix)
    master = (lab.postfix / "usr/share/postfix/master.cf.dist").read_text()
    master = master.replace("       smtpd\n", f"       smtpd\n{smtpd}", 1)
    for name, content in {"main.cf": text + main_cf, "master.cf": master, "mailname": f"{HOST_NAME}\n"}.items():
        (folder / name).write_text(content)
        # Postfix reads a file anew until it has not changed for a second, to be sure that it has all of it.
        os.utime(folder / name, (time.time() - 60,) * 2)
    return folder
