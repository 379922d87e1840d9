"""What the tests with real mail servers share."""

import os

import pytest

from mtalab import Lab, setup


@pytest.fixture(scope="session")
def mtalab() -> Lab:
    """The unpacked mail servers, fetched if they are not there."""
    if os.geteuid() != 0:
        pytest.skip("real mail servers change to other users, which only root may do")
    return setup()
