"""The commands domain, list, member and ban."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli.conftest import CommandLine
from gatepost_lists.store.admin import Store
from gatepost_lists.store.changes import BounceSource

ANN = "ann@lists.example"


def test_domains(gatepost: CommandLine) -> None:
    assert gatepost("domain", "add", "example.org", "--shared") == "example.org: added\n"
    assert gatepost("domain", "add", "example.org") == "example.org: is there already\n"
    assert gatepost("domain", "add", "example.org", "--no-shared") == "example.org: changed\n"
    assert gatepost("domain", "ls") == "example.org\t\tno\nlists.example\tl.example\tno\n"
    assert gatepost.json("domain", "ls") == [
        {"mail_host": "example.org", "alias_domain": None, "shared": False},
        {"mail_host": "lists.example", "alias_domain": "l.example", "shared": False},
    ]
    assert gatepost("domain", "remove", "example.org") == "example.org: removed\n"
    assert "no domain example.org" in gatepost.refused(67, "domain", "remove", "example.org")
    hint = "to remove them too: gatepost domain remove lists.example --with-lists\n"
    assert gatepost.refused(65, "domain", "remove", "lists.example").endswith(hint)
    assert "alias of lists.example" in gatepost.refused(65, "domain", "add", "l.example")


def test_creating_and_removing_lists(gatepost: CommandLine) -> None:
    assert gatepost("list", "create", "Bob@lists.example") == "bob@lists.example: created\n"
    assert gatepost("list", "create", "bob@lists.example") == "bob@lists.example: is there already\n"
    assert gatepost("list", "ls") == "ann@lists.example\treject\t\nbob@lists.example\thold\t\n"
    assert gatepost("list", "remove", "bob@lists.example") == "bob@lists.example: removed\n"
    assert "no list bob@" in gatepost.refused(67, "list", "remove", "bob@lists.example")


def test_a_domain_goes_with_all_its_lists(gatepost: CommandLine) -> None:
    gatepost("list", "create", "bee@lists.example")
    gatepost("domain", "add", "other.example")
    said = gatepost("domain", "remove", "lists.example", "--with-lists")
    assert said == "ann@lists.example: removed\nbee@lists.example: removed\nlists.example: removed\n"
    assert gatepost("domain", "ls") == "other.example\t\tno\n"
    assert gatepost.json("list", "ls") == []
    assert gatepost("domain", "remove", "other.example", "--with-lists") == "other.example: removed\n"


def test_a_list_in_an_unknown_domain_comes_with_a_hint(gatepost: CommandLine) -> None:
    said = gatepost.refused(65, "list", "create", "bob@other.example")
    assert said == "gatepost: no domain other.example\nhint: make it with: gatepost domain add other.example\n"


def test_an_odd_name_comes_with_a_warning(gatepost: CommandLine) -> None:
    result = gatepost.run("list", "create", "ann-owner@lists.example")
    assert (result.exit_code, result.stdout) == (0, "ann-owner@lists.example: created\n")
    assert result.stderr.startswith("warning: ann-owner@lists.example reads like an address of the list ann@")


def test_showing_and_setting_attributes(gatepost: CommandLine) -> None:
    both = ("accept_these_nonmembers+=^a", "accept_these_nonmembers+=b@example.org", "emergency=yes")
    assert gatepost("list", "set", ANN, *both) == f"{ANN}: changed\n"
    assert gatepost("list", "set", ANN, *both) == f"{ANN}: that is how it was already\n"
    lines = gatepost("list", "show", ANN).splitlines()
    assert lines[:2] == ["list_id\tann.lists.example", f"fqdn_listname\t{ANN}"]
    assert {"accept_these_nonmembers\t^a", "accept_these_nonmembers\tb@example.org", "emergency\tyes"} < set(lines)
    shown = gatepost.json("list", "show", ANN)
    assert shown["accept_these_nonmembers"] == ["^a", "b@example.org"]
    assert gatepost.json("list", "ls") == [shown]
    assert gatepost("list", "set", ANN, "accept_these_nonmembers-=^a") == f"{ANN}: changed\n"
    assert "has no '^a'" in gatepost.refused(67, "list", "set", ANN, "accept_these_nonmembers-=^a")
    for entry in ("Cy@BÜCHER.example", "@Ann@L.example"):
        gatepost("list", "set", ANN, f"accept_these_nonmembers+={entry}")
        assert gatepost("list", "set", ANN, f"accept_these_nonmembers-={entry}.") == f"{ANN}: changed\n"
    assert "no regular expression" in gatepost.refused(65, "list", "set", ANN, "hold_these_nonmembers=^(")
    assert "hint: there are accept_these" in gatepost.refused(65, "list", "set", ANN, "nonsense=1")


def test_members(gatepost: CommandLine) -> None:
    added = gatepost("member", "add", ANN, "Bo <Bo@Example.org>", "cy@example.org")
    assert added == "Bo@Example.org: added\ncy@example.org: added\n"
    assert gatepost("member", "add", ANN, "bo@example.org") == "bo@example.org: is there already\n"
    changed = gatepost("member", "add", ANN, "bo@example.org", "--moderation-action", "reject")
    assert changed == "bo@example.org: changed\n"
    gatepost("member", "add", ANN, "cy@example.org", "--role", "owner")
    assert gatepost("member", "ls", ANN) == (
        "Bo@Example.org\tBo\tmember\treject\t\ncy@example.org\t\tmember\t\t\ncy@example.org\t\towner\t\t\n"
    )
    assert gatepost.json("member", "ls", ANN, "--role", "owner") == [
        {
            "email": "cy@example.org",
            "original": "cy@example.org",
            "display_name": "",
            "role": "owner",
            "moderation_action": None,
            "delivery_status": "enabled",
        }
    ]
    assert gatepost.json("member", "ls", ANN, "--role", "nonmember") == []
    assert gatepost("member", "remove", ANN, "cy@example.org", "--role", "owner") == "cy@example.org: removed\n"
    assert "is no owner of" in gatepost.refused(67, "member", "remove", ANN, "cy@example.org", "--role", "owner")
    assert "'nobody' has no domain" in gatepost.refused(65, "member", "add", ANN, "nobody")
    assert "no list bob@" in gatepost.refused(67, "member", "add", "bob@lists.example", "a@b.example")


def test_delivery(gatepost: CommandLine) -> None:
    gatepost("member", "add", ANN, "bo@example.org", "cy@example.org")
    show = ("member", "delivery", ANN, "Bo@example.org")
    assert gatepost(*show) == "delivery_status\tenabled\nbounce_score\t0\nlast_bounce\t\nlog\t\n"
    fresh = {"delivery_status": "enabled", "bounce_score": 0, "last_bounce": None, "log": []}
    assert gatepost.json(*show) == fresh
    with Store(gatepost.store) as store:
        store.register_bounce(ANN, "bo@example.org", BounceSource.REFUSED, "550 5.1.1 gone", 1e9)
        store.register_bounce(ANN, "cy@example.org", BounceSource.REFUSED, "550 5.1.1 gone", 1e9)
    lines = ["delivery_status\tenabled", "bounce_score\t1", "last_bounce\t2001-09-09T01:46:40Z"]
    assert gatepost(*show).splitlines() == [*lines, "log\t2001-09-09T01:46:40Z  refused: 550 5.1.1 gone"]
    assert gatepost(*show, "--disable").startswith("delivery_status\tby_moderator\nbounce_score\t1\n")
    assert gatepost("member", "ls", ANN) == ("bo@example.org\t\tmember\t\tby_moderator\ncy@example.org\t\tmember\t\t\n")
    assert [one["delivery_status"] for one in gatepost.json("member", "ls", ANN)] == ["by_moderator", "enabled"]
    enabled = gatepost.json(*show, "--enable")
    assert [event["why"].partition(":")[0] for event in enabled.pop("log")][-2:] == ["by_moderator", "enabled"]
    assert enabled == {name: value for name, value in fresh.items() if name != "log"}
    assert gatepost.json(*show, "--enable")["delivery_status"] == "enabled"


def test_delivery_to_who_is_no_member(gatepost: CommandLine) -> None:
    gatepost("member", "add", ANN, "olga@example.org", "--role", "owner")
    for change in ((), ("--enable",), ("--disable", "--json")):
        assert "is no member of" in gatepost.refused(67, "member", "delivery", ANN, "olga@example.org", *change)
    assert "no list bob@" in gatepost.refused(67, "member", "delivery", "bob@lists.example", "olga@example.org")


def test_links(gatepost: CommandLine) -> None:
    gatepost("member", "add", ANN, "bo@example.org")
    pair = ("bo@example.org", "bo@work.example")
    assert gatepost("member", "link", *pair) == "bo@example.org and bo@work.example: linked\n"
    assert gatepost("member", "link", *pair) == "bo@example.org and bo@work.example: are linked already\n"
    assert gatepost("check", "bo@work.example", ANN).startswith("250 2.1.5 ")
    assert gatepost("member", "unlink", "bo@work.example") == "bo@work.example: unlinked\n"
    assert gatepost.run("check", "bo@work.example", ANN).exit_code == 77
    assert "is on no list" in gatepost.refused(67, "member", "link", "zoe@example.org", "bo@example.org")


def test_bans(gatepost: CommandLine) -> None:
    assert gatepost("ban", "add", "m@example.net", "^spam") == "m@example.net: banned\n^spam: banned\n"
    assert gatepost("ban", "add", "m@example.net") == "m@example.net: is banned already\n"
    gatepost("ban", "add", "m@example.net", "--list", ANN)
    assert gatepost("ban", "ls") == f"^spam\t\nm@example.net\t\nm@example.net\t{ANN}\n"
    assert gatepost.json("ban", "ls", "--list", ANN) == [{"pattern": "m@example.net", "list": ANN}]
    assert "no ban of x@example.net" in gatepost.refused(67, "ban", "remove", "^spam", "x@example.net")
    assert gatepost("ban", "remove", "^spam", "m@example.net") == "^spam: lifted\nm@example.net: lifted\n"
    assert gatepost("ban", "ls") == f"m@example.net\t{ANN}\n"
    assert "no regular expression" in gatepost.refused(65, "ban", "add", "good@example.net", "^(")
    assert gatepost.json("ban", "ls") == [{"pattern": "m@example.net", "list": ANN}]


def test_what_reads_like_a_glob_comes_with_a_warning(gatepost: CommandLine) -> None:
    def warned(*arguments: str) -> list[str]:
        result = gatepost.run(*arguments)
        assert result.exit_code == 0, result.output
        return result.stderr.splitlines()

    (said,) = warned("list", "set", ANN, "hold_these_nonmembers+=*@Spam.example\nx@spam.example")
    assert said.startswith("warning: '*@spam.example' stands for that very address")
    assert said.endswith(r"write '^.*@spam\\.example$'")
    assert gatepost.json("list", "show", ANN)["hold_these_nonmembers"] == ["*@spam.example", "x@spam.example"]
    assert len(warned("list", "create", "bob@lists.example", "accept_these_nonmembers=*a@b.example\na*@b.example")) == 2
    assert len(warned("ban", "add", "*@spam.example", "^.*@spam", "x@spam.example")) == 1
    for setting in (
        "hold_these_nonmembers-=*@spam.example",
        "hold_these_nonmembers=^.*@spam",
        "accept_these_nonmembers=@a*@lists.example",
        "description=*",
    ):
        assert warned("list", "set", ANN, setting) == []
    assert warned("ban", "remove", "*@spam.example") == []


def test_importing_a_file_and_standard_input(gatepost: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "members.txt"
    file.write_bytes(b"\xef\xbb\xbfBo <bo@example.org>\n\ncy@example.org\n")
    assert gatepost("member", "import", ANN, str(file)) == "2 new, 0 there already, 0 refused\n"
    again = gatepost("member", "import", ANN, "-", "--moderation-action", "hold", stdin="bo@example.org\n")
    assert again == "0 new, 1 there already (1 changed), 0 refused\n"
    result = gatepost.run(
        "member", "import", ANN, "-", "--role", "nonmember", stdin=b"dee@example.org\nb\xff@x.y\nzoe\n"
    )
    assert (result.exit_code, result.stdout) == (65, "1 new, 0 there already, 2 refused\n")
    assert result.stderr.splitlines() == [
        r"line 2: 'b\\xff@x.y': it is no UTF-8",
        "line 3: 'zoe': 'zoe' has no domain",
    ]
    assert len(gatepost("member", "ls", ANN).splitlines()) == 3


@pytest.mark.parametrize(("file", "why"), [("none.txt", "No such file"), (".", "Is a directory")])
def test_importing_what_cannot_be_read(gatepost: CommandLine, file: str, why: str) -> None:
    assert re.search(rf"{re.escape(file)}: {why}", gatepost.refused(66, "member", "import", ANN, file))


def test_octets_that_are_no_utf8(gatepost: CommandLine) -> None:
    assert gatepost("member", "add", ANN, "J\udcfc <j@example.org>") == "j@example.org: added\n"
    assert gatepost.json("member", "ls", ANN)[0]["display_name"] == "J"
    assert "may not have" in gatepost.refused(65, "ban", "remove", "^\udcfc")
    assert "may not have" in gatepost.refused(65, "ban", "add", "^\udcfc")
