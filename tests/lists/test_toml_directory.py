"""A directory in a TOML file: every mistake in it has words, and a file that changes counts at once."""

import os
from pathlib import Path

import pytest

from gatepost_lists import Answer, DirectoryTrouble, Question, Verdict, judge, parse_address
from gatepost_lists.toml_directory import TomlDirectory

ONE_LIST = """
[domains."lists.example"]
[lists."ann@lists.example"]
default_nonmember_action = "reject"
members = ["bob@people.example"]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lists.toml"


def ask(directory: TomlDirectory, sender: str = "bob@people.example", recipient: str = "ann@lists.example") -> Verdict:
    return judge(Question(sender, recipient), directory)


def trouble(path: Path) -> str:
    with pytest.raises(DirectoryTrouble) as caught, TomlDirectory(path).snapshot():
        pass
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


DOMAIN = '[domains."lists.example"]\n'
LIST = DOMAIN + '[lists."ann@lists.example"]\n'
NO_ACTION = "'no' is none of hold, reject, discard, accept, defer"
IN_LIST = '[lists."ann@lists.example"] '


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = 1", "the file: unknown key 'colour'"),
        ("domains = 1", "[domains]: expected a table, found 1"),
        ("lists = []", "[lists]: expected a table, found []"),
        ("site = 'x'", "[site]: expected a table, found 'x'"),
        ("[domains]\nx = 1", '[domains."x"]: expected a table, found 1'),
        ('[domains."a..b"]', "[domains.\"a..b\"]: 'a..b' is no domain name"),
        (DOMAIN + "color = 1", "[domains.\"lists.example\"]: unknown key 'color'"),
        (DOMAIN + "shared = 'no'", "[domains.\"lists.example\"] shared: expected true or false, found 'no'"),
        (DOMAIN + "alias_domain = 1", '[domains."lists.example"] alias_domain: expected text, found 1'),
        (DOMAIN + "alias_domain = '-'", "[domains.\"lists.example\"] alias_domain: '-' is no domain name"),
        (
            DOMAIN + "alias_domain = 'lists.example'",
            '[domains."lists.example"]: lists.example is the name of two domains, or of one and its alias',
        ),
        (
            DOMAIN + '[domains."Lists.Example."]',
            '[domains."Lists.Example."]: lists.example is the name of two domains, or of one and its alias',
        ),
        (
            DOMAIN + "[domains.b]\nalias_domain = 'lists.example'",
            '[domains."b"]: lists.example is the name of two domains, or of one and its alias',
        ),
        ("[lists]\nann = {}", "[lists.\"ann\"]: 'ann' is no address of a list"),
        ('[lists."a:n@x"]', "[lists.\"a:n@x\"]: the name of a list may not have ':': 'a:n'"),
        ('[lists."a@x"]', "[lists.\"a@x\"]: there is no [domains.'x']"),
        (LIST + '[lists."ANN@lists.example"]', '[lists."ANN@lists.example"]: ann@lists.example is there twice'),
        (LIST + "emergancy = true", IN_LIST.strip() + ": unknown key 'emergancy'"),
        (LIST + "emergency = 1", IN_LIST + "emergency: expected true or false, found 1"),
        (LIST + "max_message_size = -1", IN_LIST + "max_message_size: '-1' is no number of KiB (0 for no limit)"),
        (LIST + "max_message_size = true", IN_LIST + "max_message_size: expected a number, found True"),
        (LIST + "default_nonmember_action = 'no'", IN_LIST + f"default_nonmember_action: {NO_ACTION}"),
        (LIST + "default_member_action = 1", IN_LIST + "default_member_action: expected text, found 1"),
        (
            LIST + "subscription_policy = 'closed'",
            IN_LIST + "subscription_policy: 'closed' is none of open, confirm, moderate, confirm_then_moderate",
        ),
        (LIST + "display_name = 1", IN_LIST + "display_name: expected text, found 1"),
        (
            LIST + 'description = "a\\nb"',
            IN_LIST + r"description: 'a\nb' has a character that a line of text may not have",
        ),
        (LIST + "members = 'bob'", IN_LIST + "members: expected a list, found 'bob'"),
        (LIST + "members = ['bob']", IN_LIST + "members: 'bob' has no domain"),
        (LIST + "members = [1]", IN_LIST + "members: expected text, found 1"),
        (LIST + "owners = ['bob']", IN_LIST + "owners: 'bob' has no domain"),
        (LIST + "moderators = [[]]", IN_LIST + "moderators: expected text, found []"),
        (
            LIST + "nonmembers = [{ adress = 'b@c' }]",
            IN_LIST + "nonmembers: expected an address, or { address, moderation_action }, found {'adress': 'b@c'}",
        ),
        (
            LIST + "nonmembers = [{ address = 'b@c', moderation_action = 'no' }]",
            IN_LIST + f"nonmembers: {NO_ACTION}",
        ),
        (
            LIST + "reject_these_nonmembers = ['^(']",
            IN_LIST + "reject_these_nonmembers: '^(' is no regular expression: "
            "missing ), unterminated subpattern at position 1",
        ),
        (
            LIST + "hold_these_nonmembers = ['@other@lists.example']",
            IN_LIST + "hold_these_nonmembers: '@other@lists.example': '@list@host' has a meaning in "
            "accept_these_nonmembers only",
        ),
        (LIST + "accept_these_nonmembers = [1]", IN_LIST + "accept_these_nonmembers: expected text, found 1"),
        (LIST + "bans = ['bob']", IN_LIST + "bans: 'bob' is neither an address nor a ^regex"),
        ("[site]\nbans = [1]", "[site] bans: expected text, found 1"),
        ("[site]\ncolor = 1", "[site]: unknown key 'color'"),
        ("[site]\nlinked = ['a@b']", "[site] linked: expected a list of addresses, found 'a@b'"),
        ("[site]\nlinked = [['a']]", "[site] linked: 'a' has no domain"),
        ("[site]\nlinked = [['a@b', 'c@d'], ['c@d', 'e@f']]", "[site] linked: c@d is in two groups"),
    ],
)
def test_every_mistake_has_its_words(path: Path, text: str, message: str) -> None:
    path.write_text(text)
    assert trouble(path) == message


def test_all_mistakes_at_once(path: Path) -> None:
    path.write_text(LIST + "emergency = 1\nmembers = ['bob', 'joe']\n[site]\nbans = ['^(']")
    assert trouble(path).count("; ") == 3


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        (b"[domains", "Expected ']'"),
        (b"x = 1\nx = 2", "Cannot overwrite a value"),
        (b"x = '\xff'", "invalid start byte"),
        (b"x = " + b"[" * 100_000, "recursion"),
        (b"\x00", "Invalid statement"),
    ],
)
def test_what_is_no_toml(path: Path, octets: bytes, message: str) -> None:
    path.write_bytes(octets)
    assert message in trouble(path)


def test_a_file_that_is_not_there_or_is_a_folder(path: Path) -> None:
    assert trouble(path) == "No such file or directory"
    path.mkdir()
    assert trouble(path) == "Is a directory"


def test_an_empty_file_is_a_directory_without_lists(path: Path) -> None:
    path.write_text("")
    assert ask(TomlDirectory(path)).test == "not-ours"


def test_it_recovers_when_the_file_is_back(path: Path) -> None:
    directory = TomlDirectory(path)
    answers = [ask(directory).answer]
    path.write_text(ONE_LIST)
    answers.append(ask(directory).answer)
    path.write_text("[domains")
    answers.append(ask(directory).answer)
    path.write_text(ONE_LIST)
    answers.append(ask(directory).answer)
    path.unlink()
    answers.append(ask(directory).answer)
    assert answers == [Answer.DEFER, Answer.ACCEPT, Answer.DEFER, Answer.ACCEPT, Answer.DEFER]


def test_every_change_counts_for_the_next_question(path: Path) -> None:
    directory = TomlDirectory(path)
    for name in ("bob", "joe") * 20:  # the same length, within one tick of the clock
        path.write_text(ONE_LIST.replace("bob", name))
        assert ask(directory, f"{name}@people.example").test == "member"


def test_a_file_that_has_been_left_alone_is_not_read_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(ONE_LIST)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    directory = TomlDirectory(path)
    assert ask(directory).test == "member"
    monkeypatch.setattr(Path, "read_text", None)
    assert ask(directory).test == "member"


def test_a_snapshot_sees_one_state(path: Path) -> None:
    path.write_text(ONE_LIST)
    directory = TomlDirectory(path)
    with directory.snapshot():
        path.write_text("")
        assert directory.find(parse_address("ann@lists.example")).mailing_list is not None
    assert ask(directory).test == "not-ours"


def test_asked_outside_a_snapshot(path: Path) -> None:
    path.write_text(ONE_LIST)
    with pytest.raises(DirectoryTrouble, match="asked outside a snapshot"):
        TomlDirectory(path).find(parse_address("ann@lists.example"))


def test_a_list_may_be_named_by_its_alias_domain(path: Path) -> None:
    path.write_text('[domains."lists.example"]\nalias_domain = "l.example"\n[lists."Ann@L.Example"]\n')
    assert ask(TomlDirectory(path), recipient="ann@lists.example").mailing_list == "ann@lists.example"


def test_the_first_address_of_a_sender_that_is_a_member_decides(path: Path) -> None:
    path.write_text(
        LIST
        + 'members = [{ address = "in@people.example", moderation_action = "hold" }, "other@people.example"]\n'
        + '[site]\nlinked = [["out@people.example", "other@people.example"]]\n'
    )
    directory = TomlDirectory(path)
    with directory.snapshot():
        found = directory.find(parse_address("ann@lists.example")).mailing_list
        assert found is not None
        standing = directory.standing(found, ("out@people.example", "in@people.example"))
    assert (standing.member, standing.linked, standing.member_action) == (True, True, None)
