"""Where the unpacked mail servers are kept: the users that they change to must be able to enter."""

import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from labs.mta import LabError
from labs.mta.place import folder_for

RECIPE = "0123456789abcdef"


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that everybody may enter, as a checkout and as the machine's folder for caches."""
    monkeypatch.delenv("GATEPOST_MTALAB", raising=False)
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for part in ("home/checkout", "cache"):
            (folder / part).mkdir(parents=True)
        yield folder


def place(public: Path) -> str:
    folder = folder_for(RECIPE, public / "home/checkout", public / "cache")
    assert folder.is_dir()
    return str(folder.relative_to(public))


def test_below_the_checkout(public: Path) -> None:
    assert place(public) == "home/checkout/tests/.cache/mtalab"


@pytest.mark.parametrize("closed", ["home", "home/checkout", "home/checkout/tests/.cache"])
def test_outside_a_checkout_that_others_may_not_enter(public: Path, closed: str) -> None:
    (public / closed).mkdir(parents=True, exist_ok=True)
    (public / closed).chmod(0o700)
    assert place(public) == "cache/gatepost-mtalab-0123456789ab"
    assert stat.S_IMODE((public / "cache/gatepost-mtalab-0123456789ab").stat().st_mode) == 0o755
    assert place(public) == "cache/gatepost-mtalab-0123456789ab"


def test_no_folder_that_somebody_else_may_have_made(public: Path) -> None:
    (public / "home").chmod(0o700)
    folder = public / "cache/gatepost-mtalab-0123456789ab"
    folder.mkdir()
    folder.chmod(0o775)
    with pytest.raises(LabError, match="nobody else may write to"):
        place(public)
    folder.rmdir()
    folder.symlink_to(public)
    with pytest.raises(LabError, match="must be a folder that belongs to root"):
        place(public)


def test_a_folder_that_is_named(public: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEPOST_MTALAB", str(public / "home/named"))
    assert place(public) == "home/named"
    (public / "home").chmod(0o700)
    with pytest.raises(LabError, match=f"may not enter {public}/home$"):
        place(public)
