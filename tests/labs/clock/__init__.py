"""A clock that can be set for gatepost's processes while they run: the machine's own is nobody's to set.

clock = SetClock(folder, monkeypatch)  # before they are started
clock.set(3600.0)  # it is an hour later for all of them
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

# What every Python loads at its start, where it is found.
_SITE = """\
import time
from pathlib import Path

_file, _right = Path(__file__).with_name("set-by"), time.time
time.time = lambda: _right() + float(_file.read_text())
"""


class SetClock:
    """What `time.time` says here, and in each Python that is started from now on: the time, and what it was set by."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder.mkdir()
        self._file = folder / "set-by"
        self.set(0.0)
        (folder / "sitecustomize.py").write_text(_SITE)
        monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        right = time.time
        monkeypatch.setattr(time, "time", lambda: right() + float(self._file.read_text()))

    def set(self, seconds: float) -> None:
        """Set it to so many seconds behind the time; for all processes at once."""
        new = self._file.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(self._file)
