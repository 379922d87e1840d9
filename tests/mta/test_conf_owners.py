"""Tables that root writes for the service's user, compiled by a real postmap, which takes on the source's owner."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost_conf.postfix import maps
from gatepost_lists.store.admin import Store
from gatepost_lists.store.versions import create
from labs.mta import Postfix
from labs.running import COMMAND

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]

USER = "news"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of the service's user that everybody can reach, with a store and a place for the tables."""
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        path = Path(name)
        path.chmod(0o755)
        create(path / "gatepost.db")
        with Store(path / "gatepost.db") as store:
            store.add_domain("lists.example")
        (path / "maps").mkdir()
        for place in (path, *path.iterdir()):
            shutil.chown(place, USER, USER)
        yield path


@pytest.mark.parametrize("map_type", sorted(maps.COMPILED))
def test_tables_that_root_writes_are_the_folder_s_owner_s(folder: Path, map_type: str) -> None:
    settings = folder / "gatepost.toml"
    settings.write_text(
        f'[lists]\ndirectory = "sqlite:///gatepost.db"\n[postfix]\nmaps_dir = "maps"\nmap_type = "{map_type}"\n'
    )
    with Postfix({}) as postfix:
        environment = {**os.environ, **postfix.environment}
        environment["PATH"] = f"{postfix.lab.postfix}/usr/sbin:{os.environ['PATH']}"
        for arguments in (
            ("list", "create", "ann@lists.example"),
            ("conf", "postfix", "--write", str(folder / "maps")),
        ):
            done = subprocess.run(
                [*COMMAND, "--config", settings, *arguments],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert (done.returncode, done.stderr) == (0, "")
    written = {path.name: path.owner() for path in (folder / "maps").iterdir()}
    assert {f"{name}{maps.COMPILED[map_type]}" for name in maps.NAMES} <= written.keys()
    assert set(written.values()) == {USER}
