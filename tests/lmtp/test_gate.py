"""The gate without a wire: its settings read again."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from gatepost_lists import Directory, Judging, Rules, open_directory
from gatepost_lists.errors import BadUrlError
from gatepost_lmtp import Options
from gatepost_lmtp.gate import Asker, Gate
from gatepost_queue import open_queue
from gatepost_service.log import VerdictLog
from gatepost_service.metrics import Tally
from labs.waited import at_once
from wire.lmtp_words import DIRECTORY


def no_directory() -> Directory:
    raise BadUrlError("no engine")


def test_a_reload_that_fails_leaves_all_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "lists.toml").write_text(DIRECTORY, "utf-8")
    judging = Judging(lambda: open_directory(f"toml:///{tmp_path}/lists.toml"), Rules(), log_verdicts=False)
    options = Options(judging, lambda: open_queue("sqlite:///never-opened"), "mx.example", "postmaster@mx.example")
    gate = Gate(options, VerdictLog(), Tally())
    with pytest.raises(BadUrlError):
        gate.reload(replace(options, judging=Judging(no_directory, Rules(), observe=True)))
    told, _ = at_once(partial(gate.rcpt, Asker("cris@example.org", 0, "", ""), "closed@lists.example"))
    assert (told.code, told.status) == (550, "5.7.2")
    gate.close()
