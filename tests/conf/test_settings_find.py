"""Which file is read."""

from pathlib import Path

import pytest

from gatepost_conf import settings_file
from gatepost_conf.settings import SettingsError, find


@pytest.fixture
def system_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "etc" / "gatepost.toml"
    path.parent.mkdir()
    monkeypatch.setattr(settings_file, "SYSTEM_FILE", path)
    return path


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    path = tmp_path / "work"
    path.mkdir()
    return path


def test_the_order(cwd: Path, system_file: Path) -> None:
    system_file.touch()
    assert find(None, {}, cwd) == system_file
    (cwd / "gatepost.toml").touch()
    assert find(None, {}, cwd) == cwd / "gatepost.toml"
    assert find(None, {"GATEPOST_CONFIG": "env.toml"}, cwd) == cwd / "env.toml"
    assert find("named.toml", {"GATEPOST_CONFIG": "env.toml"}, cwd) == cwd / "named.toml"
    assert find("/srv/named.toml", {}, cwd) == Path("/srv/named.toml")


def test_an_empty_variable_is_none(cwd: Path, system_file: Path) -> None:
    system_file.touch()
    assert find(None, {"GATEPOST_CONFIG": ""}, cwd) == system_file


def test_none_at_all(cwd: Path, system_file: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        find(None, {}, cwd)
    assert caught.value.problems == [
        f"no configuration file: looked for {cwd}/gatepost.toml and {system_file};"
        " name one with --config FILE or $GATEPOST_CONFIG, or write one with `gatepost init`"
    ]


def test_one_that_may_not_be_looked_at_is_not_passed_over(cwd: Path, system_file: Path) -> None:
    # A link to itself cannot be followed, by root neither.
    (cwd / "gatepost.toml").symlink_to(cwd / "gatepost.toml")
    system_file.touch()
    assert find(None, {}, cwd) == cwd / "gatepost.toml"
