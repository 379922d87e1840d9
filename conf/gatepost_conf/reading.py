"""The site as it is now: the settings, and the names that the directory has at this moment."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from gatepost_conf import pymilter
from gatepost_conf.site import Site, site_of
from gatepost_lists.open import open_directory

if TYPE_CHECKING:
    from gatepost_conf.settings import Settings


def read_site(settings: Settings, settings_file: Path, program: Path, queue_folders: Iterable[Path] = ()) -> Site:
    """Ask the directory for all its names; the rest is site_of's.

    Raises DirectoryTrouble, and BadUrlError where no engine serves its URL.
    """
    with closing(open_directory(settings.lists.directory)) as directory, directory.snapshot():
        return site_of(settings, settings_file, program, directory.names(), pymilter.is_installed(), queue_folders)
