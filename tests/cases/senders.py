"""Senders in every spelling, and with what mailers wrap around them."""

from __future__ import annotations

from cases.case import Case, accept, refuse
from cases.spine import CLOSED, NOT_UTF8, PATTERNS, RULES, SYNTAX, TOO_LONG

# spelling of NAME@people.example, and why Postfix cannot be told it; NAME is filled in
_SPELLINGS: tuple[tuple[str, str, str], ...] = (
    ("upper case", "{NAME}@PEOPLE.EXAMPLE", ""),
    ("trailing dot", "{name}@people.example.", ""),
    ("quoted", '"{name}"@people.example', ""),
    ("quoted pair", r'"\{name}"@people.example', ""),
    ("source route", "@relay.example:{name}@people.example", ""),
    ("brackets", "<{name}@people.example>", ""),
    ("space around", " {name}@people.example ", ""),
    ("comment", "{name}(comment)@people.example", ""),
    ("full-width dot", "{name}@people\N{FULLWIDTH FULL STOP}example", ""),
    ("BATV", "prvs=0123456789={name}@people.example", ""),
    ("BATV in capitals", "PRVS=0123ABCDEF={NAME}@people.example", ""),
    ("BATV with the tag behind", "prvs={name}/0123456789@people.example", ""),
    ("BATV of Barracuda", "btv1==0123456789a=={name}@people.example", ""),
    ("BATV of SparkPost", "msprvs1=18273ABcd_ef-={name}@people.example", ""),
    ("BATV, quoted", '"prvs=0123456789={name}"@people.example', ""),
    ("SRS0", "SRS0=HHHH=TT=people.example={name}@forwarder.example", ""),
    ("SRS0 in lower case", "srs0=hhhh=tt=people.example={name}@forwarder.example", ""),
    ("SRS0 with plus", "SRS0+HHHH=TT=people.example={name}@forwarder.example", ""),
    ("SRS0 with minus", "SRS0-HHHH=TT=people.example={name}@forwarder.example", ""),
    ("SRS1", "SRS1=HHHH=first.example==HHHH=TT=people.example={name}@second.example", ""),
    ("SRS1 with plus inside", "SRS1=HHHH=first.example=+HHHH=TT=people.example={name}@second.example", ""),
    ("SRS0 of BATV", "SRS0=HHHH=TT=people.example=prvs=0123456789={name}@forwarder.example", ""),
    ("BATV of SRS0", "prvs=0123456789=SRS0=HHHH=TT=people.example={name}@forwarder.example", ""),
)


def _spelt(text: str, name: str) -> str:
    return text.replace("{name}", name).replace("{NAME}", name.upper())


SPELLINGS: tuple[Case, ...] = (
    *(
        accept(f"sender, {name}", _spelt(text, "anne"), CLOSED, "member", CLOSED, not_smtp=no)
        for name, text, no in _SPELLINGS
    ),
    *(
        refuse(f"sender, {name}", _spelt(text, "banned"), CLOSED, "banned", CLOSED, not_smtp=no)
        for name, text, no in _SPELLINGS
    ),
    *(
        refuse(f"sender, {name}", _spelt(text, "reject"), PATTERNS, "reject-these-nonmembers", PATTERNS, not_smtp=no)
        for name, text, no in _SPELLINGS
    ),
)

SENDERS: tuple[Case, ...] = (
    accept("whose address is a wrapped one", "prvs=0123456789=wrapped@people.example", CLOSED, "member", CLOSED),
    refuse("inside of a wrapped member", "wrapped@people.example", CLOSED, "closed-list", CLOSED),
    refuse("BATV without a tag", "prvs==anne@people.example", CLOSED, "closed-list", CLOSED),
    refuse("BATV of nobody", "prvs=0123456789=stranger@people.example", CLOSED, "closed-list", CLOSED),
    refuse(
        "SRS0 of a stranger", "SRS0=HHHH=TT=people.example=stranger@forwarder.example", CLOSED, "closed-list", CLOSED
    ),
    refuse("SRS0 that is none", "SRS0=people.example=anne@forwarder.example", CLOSED, "closed-list", CLOSED),
    refuse("the forwarder", "SRS0=HHHH=TT=people.example=anne@spam.example", CLOSED, "banned", CLOSED),
    accept("whose domain is written in Unicode", "fritz@bücher.example", CLOSED, "member", CLOSED),
    accept(
        "in SRS0 from an IDNA domain", "SRS0=HH=TT=bücher.example=fritz@forwarder.example", CLOSED, "member", CLOSED
    ),
    accept("beyond ASCII in capitals", "JÜRGEN@people.example", CLOSED, "member", CLOSED),
    accept("beyond ASCII, decomposed", "ju\N{COMBINING DIAERESIS}rgen@people.example", CLOSED, "member", CLOSED),
    refuse("whose umlaut is written out", "juergen@people.example", CLOSED, "closed-list", CLOSED),
    refuse("octets that are no UTF-8", "j\udcfcrgen@people.example", CLOSED, "closed-list", CLOSED, not_smtp=NOT_UTF8),
    refuse(
        "octets that are no UTF-8, pattern", "\udcff\udcfe@spam.example", CLOSED, "banned", CLOSED, not_smtp=NOT_UTF8
    ),
    refuse(
        "octets that are no UTF-8, regex",
        "\udcff@people.example",
        PATTERNS,
        "reject-these-nonmembers",
        PATTERNS,
        not_smtp=NOT_UTF8,
    ),
    accept(
        "octets that are no UTF-8, regex",
        "\udcff@friends.example",
        PATTERNS,
        "accept-these-nonmembers",
        PATTERNS,
        not_smtp=NOT_UTF8,
    ),
    refuse("5,000 characters", "x" * 4985 + "@people.example", CLOSED, "closed-list", CLOSED, not_smtp=TOO_LONG),
    refuse("5,000 characters, pattern", "x" * 4987 + "@spam.example", CLOSED, "banned", CLOSED, not_smtp=TOO_LONG),
    accept(
        "5,000 characters, regex",
        "x" * 4983 + "@friends.example",
        PATTERNS,
        "accept-these-nonmembers",
        PATTERNS,
        not_smtp=TOO_LONG,
    ),
    refuse(
        "wrapped 3,000 times",
        "prvs=0123456789=" * 3000 + "stranger@people.example",
        CLOSED,
        "closed-list",
        CLOSED,
        not_smtp=TOO_LONG,
    ),
    refuse("no address at all", "anne", CLOSED, "closed-list", CLOSED),
    accept(
        "completed with the origin",
        "anne",
        CLOSED,
        "member",
        CLOSED,
        rules={"origin": "people.example"},
        not_smtp=RULES,
    ),
    accept(
        "sender, percent at the origin",
        "anne%people.example@mx.example",
        CLOSED,
        "member",
        CLOSED,
        rules={"origin": "mx.example"},
        not_smtp=RULES,
    ),
    refuse("a source route without an end", "@relay.example", CLOSED, "closed-list", CLOSED),
    refuse("a member's address with a space", "an ne@people.example", CLOSED, "closed-list", CLOSED, not_smtp=SYNTAX),
    accept("brackets alone", "<>", CLOSED, "probe", CLOSED),
    accept("space alone", "  ", CLOSED, "probe", CLOSED),
)
