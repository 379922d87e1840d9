"""`gatepost run` as somebody who starts it sees it: what it prints, and with what it ends."""

from __future__ import annotations

import signal
from pathlib import Path

from running import Gatepost

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
NAMES = ["delivery", "lmtp", "metrics", "milter", "policy", "socketmap"]


def wait_ready(gatepost: Gatepost) -> None:
    for name in NAMES:
        gatepost.wait_line(rf"^{name} ready")


def test_that_the_settings_were_read_is_said_once(tmp_path: Path) -> None:
    with Gatepost(tmp_path, EVERY_PART) as gatepost:
        wait_ready(gatepost)
        assert gatepost.output.count("settings read") == 1
        assert f'event="settings read" file={tmp_path}/gatepost.toml' in gatepost.output
        assert len(set(gatepost.output.splitlines())) == len(gatepost.output.splitlines()), "a line came twice"
        gatepost.signal(signal.SIGHUP)
        for part in ("policy", "milter", "lmtp", "delivery"):
            gatepost.wait_line(f'event="settings read" part={part} file=')
        assert gatepost.output.count("settings read") == 5
