"""What MAIL and RCPT carry, and how a verdict becomes a reply."""

import pytest

from gatepost_lists import Answer, Verdict, cannot_tell, unreadable
from gatepost_milter import Outcome, Reply
from gatepost_milter.transaction import announced_size, names_of, reply_of, without_brackets


@pytest.mark.parametrize(
    ("address", "bare"),
    [
        ("<anne@people.example>", "anne@people.example"),
        ("anne@people.example", "anne@people.example"),
        (" <anne@people.example> ", "anne@people.example"),
        ("<>", ""),
        (" <> ", ""),
        ("", ""),
        ("<anne@people.example", "<anne@people.example"),
        ("anne@people.example>", "anne@people.example>"),
        ("<", "<"),
        ("<<>>", "<>"),
        ("<\udcff@people.example>", "\udcff@people.example"),
    ],
)
def test_brackets(address: str, bare: str) -> None:
    assert without_brackets(address) == bare


@pytest.mark.parametrize(
    ("parameters", "size"),
    [
        ([], 0),
        (["SIZE=1000"], 1000),
        (["BODY=8BITMIME", "size=7", "SIZE=9"], 7),
        (["SIZE="], 0),
        (["SIZE"], 0),
        (["SIZE=-5"], 0),
        (["SIZE=1e9"], 0),
        (["SIZE=\N{ARABIC-INDIC DIGIT FIVE}"], 0),
        (["SIZE=" + "9" * 19], int("9" * 19)),
        (["SIZE=" + "9" * 5000], 0),
        (["XSIZE=5", "SIZE=\udcff", "SIZE=6"], 6),
    ],
)
def test_announced_size(parameters: list[str], size: int) -> None:
    assert announced_size(parameters) == size


def test_replies() -> None:
    refused = Verdict(Answer.REJECT, 550, "5.7.2", "you may not post to this mailing list", "closed-list")
    assert reply_of(refused) == Reply(Outcome.REJECT, "550", "5.7.2", "you may not post to this mailing list")
    assert reply_of(cannot_tell("why"))[:3] == (Outcome.TEMPFAIL, "451", "4.3.0")
    assert reply_of(unreadable("why"))[:3] == (Outcome.REJECT, "553", "5.1.3")
    for answer in (Answer.ACCEPT, Answer.NOT_OURS):
        assert reply_of(Verdict(answer, 550, "5.1.2", "text", "test")) == Reply(Outcome.CONTINUE)


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("<a@b.example>", ("<a@b.example>",)),
        ("<@x.example,@y.example:a@b.example>", ("<@x.example,@y.example:a@b.example>", "<a@b.example>")),
        ("< <a@b.example> >", ("< <a@b.example> >", "<a@b.example>")),
        ("a@b.example", ("a@b.example", "<a@b.example>")),
        ("<>", ("<>",)),
        ('<"@x:"@b.example>', ('<"@x:"@b.example>',)),
    ],
)
def test_names_of(address: str, names: tuple[str, ...]) -> None:
    assert names_of(address) == names
