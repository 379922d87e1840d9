"""What the tests with real mail servers share."""

import pytest

from mtalab import Lab
from needs import mail_servers


@pytest.fixture(scope="session")
def mtalab() -> Lab:
    """The unpacked mail servers, fetched if they are not there."""
    return mail_servers()
