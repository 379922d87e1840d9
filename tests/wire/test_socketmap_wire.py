"""Socketmap dialogues over real sockets: whole, octet by octet, and with another request behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from labs.running import RunningPolicy, socketmap_settings
from wire.socketmap_dialogues import DIALOGUES, DIRECTORY, FOUND, MEMBER, Dialogue


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPolicy]:
    folder: Path = tmp_path_factory.mktemp("wire")
    (folder / "lists.toml").write_text(DIRECTORY, "utf-8")
    with RunningPolicy(
        folder, socketmap_settings("toml:///lists.toml", '[site]\nowner = "owner@site.example"')
    ) as running:
        yield running


named = pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda dialogue: dialogue.name)


@named
def test_whole(service: RunningPolicy, dialogue: Dialogue) -> None:
    assert service.play("socketmap", [dialogue.sent], hangs_up=dialogue.hangs_up) == dialogue.replied


@named
def test_octet_by_octet(service: RunningPolicy, dialogue: Dialogue) -> None:
    step = 1 if len(dialogue.sent) < 10_000 else 1000
    pieces = [dialogue.sent[at : at + step] for at in range(0, len(dialogue.sent), step)]
    assert service.play("socketmap", pieces, hangs_up=dialogue.hangs_up) == dialogue.replied


@named
def test_with_more_behind(service: RunningPolicy, dialogue: Dialogue) -> None:
    expected = dialogue.replied if dialogue.hangs_up else dialogue.replied + FOUND
    assert service.play("socketmap", [dialogue.sent + MEMBER], hangs_up=dialogue.hangs_up) == expected
