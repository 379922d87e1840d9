"""One world of lists, as data: what every engine is filled with before the cases are asked.

Rules: the world is the same in every engine, so no list here depends on what only one of them can hold. People live at
people.example unless the case is about their domain. Names say what they are for: `closed` refuses non-members, whoever
is `banned` is banned, `nm-hold` has a nonmember record that says hold.
"""

from __future__ import annotations

from typing import NamedTuple

from gatepost_lists import Action, Domain, Role


class Person(NamedTuple):
    """One address on one list. action is the record's own moderation action, None for the list's default."""

    address: str
    role: Role = Role.MEMBER
    action: Action | None = None


class ListOf(NamedTuple):
    """A list: its posting address, the attributes that are not the default, who is on it, who is banned there."""

    fqdn_listname: str
    attributes: dict[str, bool | int | str | tuple[str, ...]]
    people: tuple[Person, ...] = ()
    bans: tuple[str, ...] = ()


class World(NamedTuple):
    """All that a directory knows. bans are in force everywhere; linked are groups of addresses of one user each."""

    domains: tuple[Domain, ...]
    lists: tuple[ListOf, ...]
    bans: tuple[str, ...]
    linked: tuple[tuple[str, ...], ...]


def _nonmember(name: str, action: Action | None) -> Person:
    return Person(f"{name}@people.example", Role.NONMEMBER, action)


_REJECT: dict[str, bool | int | str | tuple[str, ...]] = {"default_nonmember_action": "reject"}
_ANNE = Person("anne@people.example")

_CLOSED = ListOf(
    "closed@lists.example",
    _REJECT,
    (
        _ANNE,
        Person("bart@people.example", action=Action.REJECT),
        Person("held@people.example", action=Action.HOLD),
        Person("dora+lists@people.example"),
        Person("cris@people.example"),
        Person("iris@people.example"),
        Person("both@people.example"),
        Person("bad-member@people.example"),
        Person("o'hara@people.example"),
        Person("fritz@bücher.example"),
        Person("jürgen@people.example"),
        Person("prvs=0123456789=wrapped@people.example"),
        Person("olga@people.example", Role.OWNER),
        Person("mona@people.example", Role.MODERATOR),
        Person("chief@people.example"),
        Person("chief@people.example", Role.OWNER),
        *(_nonmember(f"nm-{action}", action) for action in Action),
        _nonmember("nm-default", None),
        _nonmember("both", Action.REJECT),
        _nonmember("banned-nm", Action.ACCEPT),
        _nonmember("iris-work", Action.REJECT),
    ),
    (
        "banned@people.example",
        "bad-member@people.example",
        "banned-nm@people.example",
        r"^.*@spam\.example$",
        "^Shout",
        "^bäd",
    ),
)

_PATTERNS = ListOf(
    "patterns@lists.example",
    {
        "default_nonmember_action": "reject",
        "accept_these_nonmembers": (
            "friend@people.example",
            r"^.*@friends\.example$",
            "@other@lists.example",
            "^zoë@",
            r"^(?!mallory)[a-z]+@guarded\.example$",
            "accept-hold@people.example",
            "accept-reject@people.example",
            "accept-discard@people.example",
        ),
        "hold_these_nonmembers": (
            "hold@people.example",
            r"^.*@hold\.example$",
            "accept-hold@people.example",
            "hold-reject@people.example",
            "hold-discard@people.example",
        ),
        "reject_these_nonmembers": (
            "reject@people.example",
            r"^.*@reject\.example$",
            "accept-reject@people.example",
            "hold-reject@people.example",
            "reject-discard@people.example",
            "member-reject@people.example",
            "^UPPER@",
            "^.*�",
        ),
        "discard_these_nonmembers": (
            "discard@people.example",
            r"^.*@discard\.example$",
            "accept-discard@people.example",
            "hold-discard@people.example",
            "reject-discard@people.example",
            "member-discard@people.example",
        ),
    },
    (
        _ANNE,
        Person("member-reject@people.example"),
        Person("member-discard@people.example"),
        Person("nm-accept@reject.example", Role.NONMEMBER, Action.ACCEPT),
        Person("nm-reject@friends.example", Role.NONMEMBER, Action.REJECT),
        Person("nm-default@reject.example", Role.NONMEMBER),
        Person("banned@friends.example", Role.NONMEMBER),
    ),
    ("banned@friends.example",),
)

# An open list where some are refused all the same: a rejection must come before default_nonmember_action.
_OPEN = ListOf(
    "open@lists.example",
    {"reject_these_nonmembers": (r"^.*@reject\.example$",)},
    (_ANNE, _nonmember("nm-reject", Action.REJECT)),
    ("banned@people.example",),
)

_EMERGENCY = ListOf(
    "emergency@lists.example",
    {
        "default_nonmember_action": "reject",
        "emergency": True,
        "max_message_size": 10,
        "reject_these_nonmembers": (r"^.*@reject\.example$",),
    },
    (_ANNE, _nonmember("nm-reject", Action.REJECT)),
    ("banned@people.example",),
)

_SMALL = ListOf(
    "small@lists.example",
    {
        "default_nonmember_action": "reject",
        "max_message_size": 10,
        "accept_these_nonmembers": ("friend@people.example",),
    },
    (_ANNE, _nonmember("nm-accept", Action.ACCEPT)),
    ("banned@people.example",),
)

_MODERATED = ListOf(
    "moderated@lists.example",
    {"default_nonmember_action": "reject", "default_member_action": "reject"},
    (_ANNE, Person("trusted@people.example", action=Action.ACCEPT)),
)


def _closed(fqdn_listname: str, *people: Person) -> ListOf:
    return ListOf(fqdn_listname, _REJECT, (_ANNE, *people))


WORLD = World(
    domains=(
        Domain("lists.example", "l.example"),
        Domain("shared.example", shared=True),
        Domain("xn--bcher-kva.example"),
        Domain("second.example"),
    ),
    lists=(
        _CLOSED,
        _PATTERNS,
        _OPEN,
        _EMERGENCY,
        _SMALL,
        _MODERATED,
        *(
            ListOf(f"{action}ing@second.example", {"default_nonmember_action": str(action)}, (_ANNE,))
            for action in Action
        ),
        ListOf("other@lists.example", {}, (Person("otto@people.example"),)),
        _closed("team@lists.example"),
        _closed("team-owner@lists.example", Person("tess@people.example")),
        _closed("sole-request@lists.example"),
        _closed("project.news@lists.example"),
        _closed("under_score@lists.example"),
        _closed("c++@lists.example"),
        _closed("plus@lists.example"),
        _closed("plus+news@lists.example", Person("tess@people.example")),
        _closed("grüße@lists.example"),
        _closed("leser@bücher.example"),
        _closed("talk@shared.example"),
        _closed("postmaster@second.example"),
    ),
    bans=("outlaw@people.example", r"^.*@outlaws\.example$"),
    linked=(
        ("cris@people.example", "cris@home.example", "cris@work.example"),
        ("iris@people.example", "iris-work@people.example"),
        ("otto@people.example", "otto@home.example"),
    ),
)

LISTS = {mailing_list.fqdn_listname: mailing_list for mailing_list in WORLD.lists}

# What a mail server must take mail for, so that it asks about every recipient of the cases.
RELAY_DOMAINS = (
    "lists.example",
    "l.example",
    "shared.example",
    "second.example",
    "bücher.example",
    "xn--bcher-kva.example",
    "elsewhere.example",
)
