"""What the commands of this part get from the command line that mounts them.

The command line puts a ConfContext into click's context (`meta`), where `pass_conf` finds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from click.decorators import pass_meta_key

if TYPE_CHECKING:
    from gatepost_conf.settings import Settings
    from gatepost_conf.site import Site

META_KEY = "gatepost_conf.commands"
pass_conf = pass_meta_key(META_KEY, doc_description="the ConfContext")


@dataclass(frozen=True)
class ConfContext:
    """The settings, the absolute path of their file, and that of the command `gatepost`; each found when needed.

    queue_folders: those in which the services write the queue.
    """

    settings: Callable[[], Settings]
    settings_file: Callable[[], Path]
    program: Callable[[], Path]
    queue_folders: Callable[[], tuple[Path, ...]]

    def site(self) -> Site:
        """The settings, and all names that the directory has now. Raises SettingsError, DirectoryTrouble."""
        from gatepost_conf.reading import read_site  # noqa: PLC0415 - for those commands alone that need the lists

        return read_site(self.settings(), self.settings_file(), self.program(), self.queue_folders())
