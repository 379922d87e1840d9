"""The names of all domains and lists, by both engines."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cases.world import WORLD
from gatepost_lists import Directory, DirectoryTrouble, DomainNames, parse_address
from gatepost_lists.addresses import normal_domain
from gatepost_lists.store.sqlite import SqliteDirectory
from gatepost_lists.store.versions import create
from gatepost_lists.subaddresses import local_parts, readings


@pytest.fixture(params=["in_toml", "in_sqlite"])
def directory(request: pytest.FixtureRequest) -> Directory:
    found: Directory = request.getfixturevalue(request.param)
    return found


def test_every_domain_with_its_lists_in_order(directory: Directory) -> None:
    domains = sorted(domain._replace(mail_host=normal_domain(domain.mail_host)) for domain in WORLD.domains)
    lists: dict[str, list[str]] = {domain.mail_host: [] for domain in domains}
    for local, host, _ in (parse_address(mailing_list.fqdn_listname) for mailing_list in WORLD.lists):
        lists[host].append(local)
    with directory.snapshot():
        found = list(directory.names())
    assert found == [DomainNames(domain, tuple(sorted(lists[domain.mail_host]))) for domain in domains]


def test_every_local_part_leads_to_its_list(directory: Directory) -> None:
    with directory.snapshot():
        for domain, list_names in directory.names():
            for name in list_names:
                for local in local_parts(name):
                    for host in filter(None, domain[:2]):
                        place = directory.find(parse_address(f"{local}@{host}"))
                        assert place.mailing_list is not None
                        # a list whose own name reads like a sub-address has it
                        assert place.mailing_list.list_name in {name, local}


def test_a_list_with_a_plus_is_found_at_its_name_alone() -> None:
    assert local_parts("c++") == ("c++",)
    assert all(reading.list_name != "c++" for reading in readings(parse_address("c++-owner@lists.example")))


def test_a_store_without_domains(tmp_path: Path) -> None:
    create(tmp_path / "gatepost.db")
    with closing(SqliteDirectory(tmp_path / "gatepost.db")) as directory, directory.snapshot():
        assert list(directory.names()) == []


def test_a_store_in_trouble(tmp_path: Path) -> None:
    create(tmp_path / "gatepost.db")
    with closing(SqliteDirectory(tmp_path / "gatepost.db")) as directory, directory.snapshot():
        with closing(sqlite3.connect(tmp_path / "gatepost.db")) as other:
            other.executescript("DROP TABLE member; DROP TABLE mailinglist")
        assert list(directory.names()) == []  # a snapshot is what it was
    with directory.snapshot(), pytest.raises(DirectoryTrouble, match=r"gatepost\.db: no such table"):
        list(directory.names())
