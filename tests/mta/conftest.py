"""What the tests with real mail servers share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from labs.delivery.town import Town, town
from labs.mta import Lab
from labs.needs import mail_servers


@pytest.fixture(scope="session")
def mtalab() -> Lab:
    """The unpacked mail servers, fetched if they are not there."""
    return mail_servers()


@pytest.fixture(scope="module")
def place(mtalab: object) -> Iterator[Town]:
    """Lists behind a Postfix, whose users may enter its folder, and people who write to them."""
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with town(folder) as made:
            yield made
