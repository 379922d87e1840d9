"""All that `gatepost conf postfix` prints or writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gatepost_conf.pieces import Piece
from gatepost_conf.postfix import lookups, main_cf, maps
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


def generate(site: Site, folder: Path | None = None, run: Run = run_program) -> Generated:
    """What Postfix needs, with the tables in `folder`, by default in [postfix] maps_dir. Raises FolderError."""
    own_names = {name for names in site.domains for name in (names.domain.mail_host, names.domain.alias_domain) if name}
    machine = ask_machine(sorted(own_names), run)
    map_type = type_of(site, run)
    made = maps.maps(site, map_type)
    place = (folder or site.maps_dir).absolute()
    warnings = (
        made.warnings if place.resolve() == site.maps_dir.resolve() else (*made.warnings, _elsewhere(place, site))
    )
    return Generated([*snippets(site, machine, place, map_type), *_tables(made, place, map_type)], map_type, warnings)


def snippets(site: Site, machine: Machine, folder: Path, map_type: str) -> list[Piece]:
    """The lines for main.cf and master.cf."""
    of_whom = "" if machine.found else "\nNo Postfix was found here: the lines begin with its defaults."
    files = main_cf.main_cf(site, machine, lookups.in_files(folder, map_type))
    found = [
        Piece("main.cf.snippet", f"put these lines into main.cf, in place of those with the same names{of_whom}", files)
    ]
    if served := lookups.dialled_first(site.socketmap):
        text = main_cf.main_cf(site, machine, lookups.live(served, folder, machine))
        found.append(Piece("main.cf.live.snippet", f"or these: gatepost itself answers for the tables{of_whom}", text))
    text = main_cf.main_cf_verifying(site, machine)
    comment = f"or these, where domains hold lists alone: gatepost is asked about each address{of_whom}"
    found.append(Piece("main.cf.verify.snippet", comment, text))
    return [*found, Piece("master.cf.snippet", _about_master(site), main_cf.master_cf(site))]


def _about_master(site: Site) -> str:
    where = 'let it say who sent the mail: xforward = ["127.0.0.0/8"] in [lmtp]'
    if site.lmtp_service != main_cf.STOCK_SERVICE:
        return f"put this into master.cf; {where}"
    return f'if you like, put this into master.cf, and lmtp_service = "{main_cf.OWN_SERVICE}" into [postfix];\n{where}'


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
