"""Mail to -owner goes to owners and moderators, and comes to an end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gatepost_delivery.values import Done
from gatepost_lists import Role
from labs.post import LISTID, POST, SITE_OWNER, Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with closing(Site(tmp_path)) as opened:
        yield opened


def recipients(done: Done) -> list[tuple[str, ...]]:
    (put,) = done.puts
    return [entry.recipients for entry in put.entries]


def test_owners_and_moderators_get_it_in_chunks(site: Site) -> None:
    site.own("olga@example.org", "Otto@Example.org")
    site.own("mona@example.org", "olga@example.org", role=Role.MODERATOR)
    (put,) = site.to_owners().puts
    assert sorted(email for entry in put.entries for email in entry.recipients) == [
        "Otto@Example.org",
        "mona@example.org",
        "olga@example.org",
    ]
    assert [len(entry.recipients) for entry in put.entries] == [2, 1]
    for entry in put.entries:
        assert (entry.queue, entry.listid) == ("out", LISTID)
        assert entry.metadata == {"envsender": SITE_OWNER, "verp": False}
    assert put.message.trace == "abc"
    assert put.message.content == b"X-BeenThere: ant-owner@lists.example\r\n" + POST.partition(b"\r\n")[2]


def test_without_owners_the_site_s_owner_gets_it(site: Site) -> None:
    assert recipients(site.to_owners()) == [(SITE_OWNER,)]


def test_of_a_list_that_is_gone_the_site_s_owner_gets_it(site: Site) -> None:
    site.own("olga@example.org")
    site.store.remove_list("ant@lists.example")
    assert recipients(site.to_owners()) == [(SITE_OWNER,)]


def test_a_report_makes_no_report(site: Site) -> None:
    (put,) = site.to_owners(sender="").puts
    assert [entry.metadata["envsender"] for entry in put.entries] == [""]


def test_what_comes_back_ends(site: Site) -> None:
    site.own("ant-owner@lists.example")
    (put,) = site.to_owners().puts
    assert isinstance(put.message.content, bytes)
    assert site.to_owners(b"Received: again\r\n" + put.message.content.replace(b"ant-", b"ANT-")) == Done()
