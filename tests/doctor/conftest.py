"""One right set-up for all: a running gatepost and a running Postfix that is told about it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from labs.doctor import Site, SpoiltPostfix
from labs.mta import Lab, Port, Postfix
from labs.needs import mail_servers


@pytest.fixture(scope="session")
def lab() -> Lab:
    """The unpacked mail servers, with their programs where this process finds them."""
    return mail_servers()


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def dead() -> Iterator[int]:
    """A port where nobody listens."""
    with Port() as free:
        yield free.number


@pytest.fixture(scope="module")
def programs(lab: Lab) -> Iterator[Lab]:
    # Postfix and Exim bring a sendmail too.
    folders = [str(lab.sendmail / "usr/libexec/sendmail"), str(lab.postfix / "usr/sbin"), str(lab.exim / "usr/sbin")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)]))
        patch.setenv("LD_LIBRARY_PATH", lab.library_path)
        yield lab


@pytest.fixture(scope="module")
def site(programs: Lab) -> Iterator[Site]:
    with Site() as running:
        yield running


@pytest.fixture(scope="module")
def postfix(site: Site) -> Iterator[Postfix]:
    with Postfix(site.main_cf()) as running:
        yield running


@pytest.fixture
def spoilt(site: Site, postfix: Postfix, tmp_path_factory: pytest.TempPathFactory) -> SpoiltPostfix:
    """A copy of the running Postfix's configuration."""
    return SpoiltPostfix(site, postfix.path("etc"), tmp_path_factory.mktemp("postfix"))
