"""The tables on disk: compiled aside and renamed into place, all of them or none.

Who writes reads the lists' names only when it holds the folder's lock: of several changes at once, whoever writes last
has seen them all; and where another has already written what would be written, nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from gatepost_conf.pieces import Piece
from gatepost_conf.postfix import maps
from gatepost_conf.postfix.programs import PostmapError, Run, default_map_type, postmap, run_program
from gatepost_conf.postfix.reloading import make_known
from gatepost_conf.site import Site
from gatepost_conf.writing import locked, put, staged
from gatepost_lists.directory import DirectoryTrouble


def type_of(site: Site, run: Run = run_program) -> str:
    """The type of the site's tables: the one in the settings, else Postfix's default."""
    return site.map_type or default_map_type(run)


def compile_tables(folder: Path, map_type: str, run: Run = run_program) -> tuple[str, ...]:
    """Compile the tables in a folder, if their type is one that is compiled; what somebody should know of it.

    Where there is no postmap the tables are good for a machine that has one. Raises PostmapError.
    """
    if map_type not in maps.COMPILED or postmap([f"{map_type}:{folder / name}" for name in maps.NAMES], run):
        return ()
    return (f"there is no postmap here: run it where Postfix is, on {map_type}:{maps.LMTP} and the other tables",)


def rewrite(folder: Path, read_site: Callable[[], Site], run: Run = run_program) -> tuple[str, ...]:
    """Write the tables anew where they differ from what the lists say now; what somebody should know of it.

    Raises CannotWriteError, PostmapError and what read_site raises; the tables are as they were then.
    """
    with locked(folder):
        site = read_site()
        map_type = type_of(site, run)
        made = maps.maps(site, map_type)
        if _are_there(folder, made.texts, map_type):
            return made.warnings
        with staged(folder) as stage:
            for name, text in made.texts.items():
                put(Piece(name, "", text), stage)
            return (*made.warnings, *compile_tables(stage, map_type, run))


def follow(folder: Path, read_site: Callable[[], Site], run: Run = run_program, changed: str = "") -> tuple[str, ...]:
    """Let the tables follow a change of names that is made, where there is such a folder; what somebody should know.

    changed: the posting address of a list that came or went, or the name of a domain: Postfix gets to know of it. The
    change stands whatever becomes of the tables: nothing is raised but what no one foresaw.
    """
    try:
        written = rewrite(folder, read_site, run) if folder.is_dir() else ()
        return (*written, *(make_known(changed, folder, read_site, run) if changed else ()))
    except (OSError, PostmapError, DirectoryTrouble) as error:
        return (f"Postfix's tables in {folder} are as they were: {error}",)


def _are_there(folder: Path, texts: Mapping[str, str], map_type: str) -> bool:
    """Whether the folder holds these texts, each compiled after it was written."""
    suffix = maps.COMPILED.get(map_type, "")
    try:
        return all(
            (folder / f"{name}{suffix}").stat().st_mtime_ns >= (folder / name).stat().st_mtime_ns
            and (folder / name).read_text("utf-8") == text
            for name, text in texts.items()
        )
    except (OSError, UnicodeDecodeError):
        return False
