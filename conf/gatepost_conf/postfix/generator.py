"""All that `gatepost conf postfix` prints or writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gatepost_conf.pieces import Piece
from gatepost_conf.postfix import lookups, main_cf, maps, typed
from gatepost_conf.postfix.machine import Machine
from gatepost_conf.postfix.programs import Run, ask_machine, run_program
from gatepost_conf.postfix.tables import compile_tables, type_of
from gatepost_conf.site import Site
from gatepost_conf.writing import locked, put, staged


@dataclass(frozen=True, slots=True)
class Generated:
    """The pieces, the type of the tables among them, and what somebody should know."""

    pieces: list[Piece]
    map_type: str
    warnings: tuple[str, ...]


_FIRST = "Before that: gatepost conf postfix --write {}, which must be there."


class Way(NamedTuple):
    """A way to tell Postfix of the lists: its piece's name, what it is, and its lines of main.cf."""

    name: str
    what: str
    lines: str

    @property
    def commands(self) -> str:
        """What root types for it."""
        return typed.postconf(self.lines) + typed.RELOAD


def generate(site: Site, folder: Path | None = None, run: Run = run_program) -> Generated:
    """What Postfix needs, with the tables in `folder`, by default in [postfix] maps_dir. Raises FolderError."""
    machine = machine_of(site, run)
    map_type = type_of(site, run)
    made = maps.maps(site, map_type)
    place = (folder or site.maps_dir).absolute()
    warnings = (
        made.warnings if place.resolve() == site.maps_dir.resolve() else (*made.warnings, _elsewhere(place, site))
    )
    return Generated([*commands(site, machine, place, map_type), *_tables(made, place, map_type)], map_type, warnings)


def machine_of(site: Site, run: Run = run_program) -> Machine:
    """The Postfix of this machine, and what it does with the site's domains."""
    own_names = {name for names in site.domains for name in (names.domain.mail_host, names.domain.alias_domain) if name}
    return ask_machine(sorted(own_names), run)


def ways(site: Site, machine: Machine, folder: Path, map_type: str) -> Iterator[Way]:
    """The ways that there are, what to take by default first. Raises FolderError where the next is the one by files."""
    if served := lookups.dialled_first(site.socketmap):
        live = main_cf.main_cf(site, machine, lookups.live(served, folder, machine))
        yield Way("main.cf.live.sh", "gatepost itself answers for the tables", live)
    in_files = main_cf.main_cf(site, machine, lookups.in_files(folder, map_type))
    by_files = f"the tables below, for a Postfix that cannot reach gatepost\n{_FIRST.format(folder)}"
    yield Way("main.cf.tables.sh", by_files, in_files)
    verifying = main_cf.main_cf_verifying(site, machine)
    yield Way("main.cf.verify.sh", "where domains hold lists alone: gatepost is asked about each address", verifying)


def commands(site: Site, machine: Machine, folder: Path, map_type: str) -> list[Piece]:
    """What root types to set main.cf, in the one way or the other, and master.cf. Raises FolderError."""
    of_whom = "" if machine.found else "\nNo Postfix was found here: the lines begin with its defaults."
    pieces: list[Piece] = []
    for way in ways(site, machine, folder, map_type):
        head = "or type these" if pieces else "type these, as root"
        pieces.append(Piece(way.name, f"{head}: {way.what}{of_whom}", way.commands))
    return [*pieces, Piece("master.cf.sh", _about_master(site), typed.postconf_master(main_cf.master_cf(site)))]


def _about_master(site: Site) -> str:
    where = 'let it say who sent the mail: xforward = ["127.0.0.0/8"] in [lmtp]'
    if site.lmtp_service != main_cf.STOCK_SERVICE:
        return f"type this too; {where}"
    return f'if you like, type this, and put lmtp_service = "{main_cf.OWN_SERVICE}" into [postfix];\n{where}'


def _tables(made: maps.Maps, folder: Path, map_type: str) -> list[Piece]:
    after = f", then postmap {map_type}:{folder}/{{}}" if map_type in maps.COMPILED else ""
    return [Piece(name, f"{folder / name}{after.format(name)}", text) for name, text in made.texts.items()]


def _elsewhere(folder: Path, site: Site) -> str:
    return f"the tables in {folder} do not follow the lists; those in maps_dir of [postfix] do, {site.maps_dir}"


def write(generated: Generated, folder: Path, warn: Callable[[str], None], run: Run = run_program) -> list[Path]:
    """Write the pieces and compile the tables, all or nothing. Raises CannotWriteError and PostmapError."""
    with locked(folder), staged(folder) as stage:
        paths = [folder / put(piece, stage).name for piece in generated.pieces]
        for warning in compile_tables(stage, generated.map_type, run):
            warn(warning)
    return paths
