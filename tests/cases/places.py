"""Which list and which part of it an address means: sub-addresses, extensions, lists with names of every kind."""

from __future__ import annotations

from cases.case import Case, accept, refuse
from cases.spine import ANNE, AT_DATA, CLOSED, SECOND_POSTMASTER, STRANGER
from gatepost_lists import Stage

_SUBADDRESSES = {
    "bounces": "bounces",
    "confirm": "confirm",
    "join": "join",
    "subscribe": "join",
    "leave": "leave",
    "unsubscribe": "leave",
    "owner": "owner",
    "request": "request",
}


def _sub(name: str, recipient: str, subaddress: str, extension: str = "", mailing_list: str = CLOSED) -> Case:
    return accept(name, STRANGER, recipient, "subaddress", mailing_list, subaddress=subaddress, extension=extension)


SUBADDRESSES: tuple[Case, ...] = (
    *(_sub(f"-{word}", f"closed-{word}@lists.example", known) for word, known in _SUBADDRESSES.items()),
    *(_sub(f"-{word} by the alias", f"closed-{word}@l.example", known) for word, known in _SUBADDRESSES.items()),
    *(_sub(f"-{word}+x", f"closed-{word}+x@lists.example", known, "x") for word, known in _SUBADDRESSES.items()),
    _sub("VERP", "closed-bounces+bob=people.example@lists.example", "bounces", "bob=people.example"),
    _sub("VERP in mixed case", "closed-bounces+Bob=People.Example@lists.example", "bounces", "Bob=People.Example"),
    _sub(
        "VERP of an address with a plus",
        "closed-bounces+bob+x=people.example@lists.example",
        "bounces",
        "bob+x=people.example",
    ),
    _sub("VERP probe token", "closed-bounces+5e8b2c@lists.example", "bounces", "5e8b2c"),
    _sub("confirm token", "closed-confirm+0a1B2c3D4e@lists.example", "confirm", "0a1B2c3D4e"),
    _sub("confirm, empty token", "closed-confirm+@lists.example", "confirm"),
    _sub("in capitals", "CLOSED-OWNER@LISTS.EXAMPLE", "owner"),
    _sub("with a trailing dot", "closed-owner@lists.example.", "owner"),
    _sub("quoted", '"closed-owner"@lists.example', "owner"),
    _sub("in a shared domain", "talk-join@shared.example", "join", mailing_list="talk@shared.example"),
    _sub("of a list beyond ASCII", "grüße-join@lists.example", "join", mailing_list="grüße@lists.example"),
    _sub(
        "of a list in an IDNA domain", "leser-join@bücher.example", "join", mailing_list="leser@xn--bcher-kva.example"
    ),
    accept(
        "with size", STRANGER, "closed-request@lists.example", "subaddress", CLOSED, subaddress="request", size=9999
    ),
    accept(
        "at DATA",
        STRANGER,
        "closed-leave@lists.example",
        "subaddress",
        CLOSED,
        subaddress="leave",
        stage=Stage.DATA,
        not_smtp=AT_DATA,
    ),
    accept("member", ANNE, "closed-owner@lists.example", "subaddress", CLOSED, subaddress="owner"),
)


def _closed(name: str, recipient: str, mailing_list: str, extension: str = "") -> tuple[Case, ...]:
    """A posting address of a closed list: a stranger is refused, a member accepted."""
    return (
        refuse(name, STRANGER, recipient, "closed-list", mailing_list, extension=extension),
        accept(name, ANNE, recipient, "member", mailing_list, extension=extension),
    )


NAMES: tuple[Case, ...] = (
    *_closed("a list that is named like a sub-address", "team-owner@lists.example", "team-owner@lists.example"),
    accept(
        "a list that is named like a sub-address, its own member",
        "tess@people.example",
        "team-owner@lists.example",
        "member",
        "team-owner@lists.example",
    ),
    refuse("the list above it", "tess@people.example", "team@lists.example", "closed-list", "team@lists.example"),
    _sub(
        "of a list that is named like one",
        "team-owner-owner@lists.example",
        "owner",
        mailing_list="team-owner@lists.example",
    ),
    _sub("of the list above it", "team-bounces@lists.example", "bounces", mailing_list="team@lists.example"),
    *_closed(
        "a list that is named like the sub-address of none", "sole-request@lists.example", "sole-request@lists.example"
    ),
    refuse("the list that it seems to be of", ANNE, "sole@lists.example", "list-known"),
    *_closed("a name with a dot", "project.news@lists.example", "project.news@lists.example"),
    refuse("a name with another mark for the dot", ANNE, "project-news@lists.example", "list-known"),
    _sub(
        "of a name with a dot", "project.news-owner@lists.example", "owner", mailing_list="project.news@lists.example"
    ),
    *_closed("a name with an underscore", "under_score@lists.example", "under_score@lists.example"),
    *_closed("a name that ends in plus signs", "c++@lists.example", "c++@lists.example"),
    refuse("a name cut at its plus sign", ANNE, "c@lists.example", "list-known"),
    refuse("the sub-address of a name with a plus sign", ANNE, "c++-owner@lists.example", "list-known"),
    *_closed("a name with a plus sign", "plus+news@lists.example", "plus+news@lists.example"),
    *_closed("a name that is another's extension", "plus+other@lists.example", "plus@lists.example", "other"),
    accept(
        "a name with a plus sign, its own member",
        "tess@people.example",
        "plus+news@lists.example",
        "member",
        "plus+news@lists.example",
    ),
    *_closed("a name beyond ASCII", "grüße@lists.example", "grüße@lists.example"),
    *_closed("a name beyond ASCII in capitals", "GRÜßE@lists.example", "grüße@lists.example"),
    *_closed("a name beyond ASCII, decomposed", "gru\N{COMBINING DIAERESIS}ße@lists.example", "grüße@lists.example"),
    *_closed("an IDNA domain", "leser@bücher.example", "leser@xn--bcher-kva.example"),
    *_closed("an IDNA domain in A-labels", "leser@xn--bcher-kva.example", "leser@xn--bcher-kva.example"),
    accept("a list postmaster", STRANGER, SECOND_POSTMASTER, "subaddress", SECOND_POSTMASTER),
    accept("a list postmaster, member", ANNE, SECOND_POSTMASTER, "subaddress", SECOND_POSTMASTER),
    _sub("of a list postmaster", "postmaster-owner@second.example", "owner", mailing_list=SECOND_POSTMASTER),
    *_closed("an empty extension", "closed+@lists.example", CLOSED),
    *_closed("an extension with a sub-address in it", "closed+x-owner@lists.example", CLOSED, "x-owner"),
    *_closed("an extension in mixed case", "closed+MixedCase@lists.example", CLOSED, "MixedCase"),
)
