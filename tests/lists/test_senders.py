"""Senders: what is looked up for one, wrapped or not; and the globs of probe senders."""

import pytest

from gatepost_lists.senders import Sender, compile_globs, mailbox, parse_sender, read_sender


@pytest.mark.parametrize("text", ["", " ", "<>", "< >", " <> "])
def test_the_null_sender(text: str) -> None:
    assert parse_sender(text) == ()


@pytest.mark.parametrize("text", ["Ann@People.Example", '"ann"@people.example.', "@a.example:ann@people.example"])
def test_one_address(text: str) -> None:
    assert parse_sender(text) == ("ann@people.example",)


@pytest.mark.parametrize(
    "wrapped",
    [
        "prvs=0123456789=ann@people.example",
        "PRVS=0123456789=Ann@People.Example",
        "prvs=ann/0123456789@people.example",
        "btv1==0123456789==ann@people.example",
        "msprvs1=Ab_c-1=ann@people.example",
        "SRS0=hash=tt=people.example=ann@forwarder.example",
        "srs0+hash=tt=people.example=ann@forwarder.example",
        "SRS0-hash=tt=People.Example.=ann@forwarder.example",
        "SRS1=hash=first.example==hash=tt=people.example=ann@second.example",
        "SRS1-hash=first.example=-hash=tt=people.example=ann@second.example",
        '"prvs=0123456789=ann"@people.example',
    ],
)
def test_wrapped_once(wrapped: str) -> None:
    assert parse_sender(wrapped)[1:] == ("ann@people.example",)


def test_wrapped_twice_all_layers_are_tried_the_outer_first() -> None:
    assert parse_sender("SRS0=h=t=people.example=prvs=0123=ann@forwarder.example") == (
        "srs0=h=t=people.example=prvs=0123=ann@forwarder.example",
        "prvs=0123=ann@people.example",
        "ann@people.example",
    )


def test_layers_end_somewhere() -> None:
    assert len(parse_sender("prvs=0=" * 5000 + "ann@people.example")) == 9


@pytest.mark.parametrize(
    "text",
    [
        "prvs==ann@people.example",
        "prvs=0123456789=@people.example",
        "prvs=0123456789@people.example",
        "prvs=not-a-tag=ann@people.example",
        "btv1=0123=ann@people.example",
        "srs0=people.example=ann@forwarder.example",
        "srs0x=h=t=people.example=ann@forwarder.example",
        "srs1=h=first.example=h=t=people.example=ann@second.example",
        "xsrs0=h=t=people.example=ann@forwarder.example",
    ],
)
def test_what_only_looks_wrapped(text: str) -> None:
    assert parse_sender(text) == (text,)


@pytest.mark.parametrize(
    ("text", "known_as"),
    [
        ("@", "@"),
        ('""@People.Example', '""@people.example'),
        ("@a,@b", "@a,@b"),
        ("@\udcff", "@?"),
        ("\udcff@people.example", "\N{REPLACEMENT CHARACTER}@people.example"),
    ],
)
def test_what_cannot_be_read_is_a_sender_all_the_same(text: str, known_as: str) -> None:
    assert parse_sender(text) == (known_as,)


def test_a_sender_is_completed_with_the_origin() -> None:
    assert parse_sender("Ann", "mx.example") == ("ann@mx.example",)
    assert parse_sender("ann%people.example@mx.example", "mx.example") == ("ann@people.example",)


@pytest.mark.parametrize(
    ("globs", "sender", "found"),
    [
        (("double-bounce*@*",), "double-bounce@mx.example", True),
        (("double-bounce*@*",), "double-bounceh1wz@mx.example", True),
        (("Double-Bounce*@*",), "double-bounce@mx.example", True),
        (("double-bounce*@*",), "a-double-bounce@mx.example", False),
        (("double-bounce*@*",), "double-bounce", False),
        (("a@b", "c@*"), "c@d", True),
        (("a@b", "c@*"), "a@bc", False),
        (("probe[0-9]@?.example",), "probe7@x.example", True),
        (("probe[0-9]@?.example",), "probex@x.example", False),
        ((), "anyone@mx.example", False),
        (("",), "anyone@mx.example", False),
    ],
)
def test_globs(globs: tuple[str, ...], sender: str, found: bool) -> None:
    assert bool(compile_globs(globs).match(sender)) is found


ANN = "ann@people.example"
SRS = "srs0=h=t=people.example=ann@second.example"
SRS_TWICE = "srs1=h=first.example==h=t=people.example=ann@second.example"
SRS_IN_SRS = "srs0=h=t=first.example=srs0=h=t=people.example=ann@second.example"


@pytest.mark.parametrize(
    ("text", "believed", "known_as", "claims"),
    [
        (ANN, (), [ANN], []),
        ("prvs=0123=ann@people.example", (), ["prvs=0123=ann@people.example", ANN], []),
        ("srs0=h=t=people.example=ann@people.example", (), ["srs0=h=t=people.example=ann@people.example", ANN], []),
        ("srs0=h=t=People.Example.=ann@people.example.", (), ["srs0=h=t=people.example.=ann@people.example", ANN], []),
        (SRS, (), [SRS], [ANN]),
        (SRS, ("first.example",), [SRS], [ANN]),
        (SRS, ("second.example",), [SRS, ANN], []),
        (SRS_TWICE, ("second.example",), [SRS_TWICE], [ANN]),
        (SRS_TWICE, ("first.example",), [SRS_TWICE], [ANN]),
        (SRS_TWICE, ("first.example", "second.example"), [SRS_TWICE, ANN], []),
        (SRS_IN_SRS, ("second.example",), [SRS_IN_SRS, "srs0=h=t=people.example=ann@first.example"], [ANN]),
        (SRS_IN_SRS, ("first.example",), [SRS_IN_SRS], ["srs0=h=t=people.example=ann@first.example", ANN]),
        ("srs0=h=t=people.example=prvs=0123=ann@second.example", (),
         ["srs0=h=t=people.example=prvs=0123=ann@second.example"], ["prvs=0123=ann@people.example", ANN]),
        ("prvs=0123=srs0=h=t=people.example=ann@second.example", (),
         ["prvs=0123=srs0=h=t=people.example=ann@second.example", SRS], [ANN]),
    ],
)  # fmt: skip
def test_what_was_wrapped_is_believed_of_the_wrapper_s_own_domain_and_of_forwarders(
    text: str, believed: tuple[str, ...], known_as: list[str], claims: list[str]
) -> None:
    sender = read_sender(text, forwarders=frozenset(believed))
    assert (list(sender.known_as), list(sender.claims)) == (known_as, claims)
    assert sender.every == parse_sender(text)


@pytest.mark.parametrize("null", ["", "<>"])
def test_the_null_sender_is_nobody(null: str) -> None:
    assert read_sender(null, "people.example") == Sender()


@pytest.mark.parametrize(
    "text",
    [
        "Ann@People.example",
        "ann+1@people.example",
        '"ann+a+b"@people.example.',
        "prvs=0123456789=ann+x@people.example",
        "srs0=ab=cd=people.example=ann@forwarder.example",
    ],
)
def test_one_mailbox(text: str) -> None:
    assert mailbox(text) == "ann@people.example"


@pytest.mark.parametrize(
    ("text", "expected"), [("", ""), ("<>", ""), ("+1@x.example", "+1@x.example"), ("Nobody", "nobody")]
)
def test_odd_mailboxes(text: str, expected: str) -> None:
    assert mailbox(text) == expected
