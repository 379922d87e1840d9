"""Every test of the judge, answering and passing on: the plain cases, with addresses as everybody writes them."""

from __future__ import annotations

from cases.case import Case, accept, not_ours, refuse
from gatepost_lists import Stage

ANNE, STRANGER = "anne@people.example", "stranger@people.example"
CLOSED, OPEN = "closed@lists.example", "open@lists.example"
PATTERNS, SMALL, EMERGENCY = "patterns@lists.example", "small@lists.example", "emergency@lists.example"
MODERATED, SECOND_POSTMASTER = "moderated@lists.example", "postmaster@second.example"
DATA = Stage.DATA
# Why a stock Postfix cannot be told a case at RCPT, or answers it without asking; seen with Postfix 3.7.
AT_DATA = "a question of the DATA stage"
RULES = "asked under other rules than the default"
SYNTAX = "Postfix refuses the syntax"
NOT_RELAYED = "Postfix takes no mail for such a domain"
NOT_UTF8 = "Postfix refuses such octets unless smtputf8_enable = no"
TOO_LONG = "longer than a line of SMTP that Postfix reads"
_KIB = 1024

PLACES: tuple[Case, ...] = (
    not_ours("a domain that nobody knows", ANNE, "closed@elsewhere.example"),
    not_ours("a domain that nobody knows, banned sender", "outlaw@people.example", "closed@elsewhere.example"),
    not_ours("a subdomain of ours", ANNE, "closed@sub.lists.example"),
    not_ours("a longer domain", ANNE, "closed@xlists.example", not_smtp=NOT_RELAYED),
    not_ours("no domain at all", ANNE, "closed", not_smtp="Postfix takes it for a local mailbox"),
    not_ours("shared domain, ordinary mailbox", ANNE, "joe@shared.example"),
    not_ours("shared domain, ordinary mailbox, banned sender", "outlaw@people.example", "joe@shared.example"),
    not_ours("shared domain, ordinary mailbox, null sender", "", "joe@shared.example"),
    not_ours("shared domain, mailbox that reads like a sub-address", ANNE, "joe-owner@shared.example"),
    not_ours("shared domain, mailbox with an extension", ANNE, "joe+talk@shared.example"),
    not_ours("shared domain, ordinary mailbox at DATA", "", "joe@shared.example", stage=DATA, not_smtp=AT_DATA),
    not_ours(
        "domain shared by the rules",
        STRANGER,
        "nobody@lists.example",
        rules={"shared_domains": frozenset(["lists.example"])},
        not_smtp=RULES,
    ),
    not_ours(
        "domain shared by the rules, by its alias",
        STRANGER,
        "nobody@l.example",
        rules={"shared_domains": frozenset(["lists.example"])},
        not_smtp=RULES,
    ),
    not_ours("postmaster who is no list", STRANGER, "postmaster@lists.example"),
    not_ours("postmaster who is no list, by the alias", STRANGER, "postmaster@l.example"),
    not_ours("postmaster in capitals", STRANGER, "PostMaster@lists.example"),
    not_ours("postmaster, banned sender", "outlaw@people.example", "postmaster@lists.example"),
    not_ours("postmaster, null sender", "", "postmaster@lists.example"),
    refuse("nothing like a list", ANNE, "nobody@lists.example", "list-known"),
    refuse("by the alias", ANNE, "nobody@l.example", "list-known"),
    refuse("sub-address of no list", ANNE, "nobody-bounces@lists.example", "list-known"),
    refuse("extension of no list", ANNE, "nobody+closed@lists.example", "list-known"),
    refuse("no sub-address of Mailman 3", ANNE, "closed-admin@lists.example", "list-known"),
    refuse("a sub-address alone", ANNE, "-owner@lists.example", "list-known", not_smtp=SYNTAX),
    refuse("the name of a sub-address", ANNE, "owner@lists.example", "list-known"),
    refuse("two sub-addresses", ANNE, "closed-owner-bounces@lists.example", "list-known"),
    refuse("a list of the other domain", ANNE, "closed@second.example", "list-known"),
    refuse("postmaster with an extension", ANNE, "postmaster+x@lists.example", "list-known"),
    refuse("postmaster's sub-address", ANNE, "postmaster-owner@lists.example", "list-known"),
    refuse("null sender", "", "nobody@lists.example", "list-known"),
    refuse("probe sender", "double-bounce@mx.example", "nobody@lists.example", "list-known"),
    refuse("banned sender", "outlaw@people.example", "nobody@lists.example", "list-known"),
    refuse("with size", ANNE, "nobody@lists.example", "list-known", size=50 * _KIB),
    refuse("at DATA", ANNE, "nobody@lists.example", "list-known", stage=DATA, not_smtp=AT_DATA),
)

PROBES: tuple[Case, ...] = (
    accept("null sender", "", CLOSED, "probe", CLOSED),
    accept("null sender to a sub-address", "", "closed-owner@lists.example", "probe", CLOSED, subaddress="owner"),
    accept("null sender, too big", "", SMALL, "probe", SMALL, size=11 * _KIB),
    accept("null sender by the alias", "", "closed@l.example", "probe", CLOSED),
    accept("null sender in a shared domain", "", "talk@shared.example", "probe", "talk@shared.example"),
    accept("double-bounce", "double-bounce@mx.example", CLOSED, "probe", CLOSED),
    accept("double-bounce in capitals", "Double-Bounce@MX.example", CLOSED, "probe", CLOSED),
    accept("double-bounce with a time stamp", "double-bounceH1WZ@mx.example", CLOSED, "probe", CLOSED),
    accept(
        "another probe sender",
        "callout@mx.example",
        CLOSED,
        "probe",
        CLOSED,
        rules={"probe_senders": ("callout@*",)},
        not_smtp=RULES,
    ),
    refuse(
        "no probe sender by these rules",
        "double-bounce@mx.example",
        CLOSED,
        "closed-list",
        CLOSED,
        rules={"probe_senders": ()},
        not_smtp=RULES,
    ),
    refuse("almost a probe sender", "single-bounce@mx.example", CLOSED, "closed-list", CLOSED),
    refuse("null sender with data", "", CLOSED, "probe", CLOSED, stage=DATA, not_smtp=AT_DATA),
    refuse("null sender with data, open list", "", OPEN, "probe", OPEN, stage=DATA, not_smtp=AT_DATA),
    refuse("null sender with data, emergency", "", EMERGENCY, "probe", EMERGENCY, stage=DATA, not_smtp=AT_DATA),
    accept(
        "null sender with data, where it may post",
        "",
        CLOSED,
        "probe",
        CLOSED,
        stage=DATA,
        rules={"null_sender_posts": True},
        not_smtp=AT_DATA,
    ),
    refuse(
        "double-bounce with data",
        "double-bounce@mx.example",
        CLOSED,
        "closed-list",
        CLOSED,
        stage=DATA,
        not_smtp=AT_DATA,
    ),
    accept(
        "null sender with data to -bounces",
        "",
        "closed-bounces@lists.example",
        "subaddress",
        CLOSED,
        subaddress="bounces",
        stage=DATA,
        not_smtp=AT_DATA,
    ),
    accept(
        "null sender with data to -owner",
        "",
        "closed-owner@lists.example",
        "subaddress",
        CLOSED,
        subaddress="owner",
        stage=DATA,
        not_smtp=AT_DATA,
    ),
    accept(
        "null sender with data to -request",
        "",
        "closed-request@lists.example",
        "subaddress",
        CLOSED,
        subaddress="request",
        stage=DATA,
        not_smtp=AT_DATA,
    ),
    accept(
        "null sender with data to a list postmaster",
        "",
        SECOND_POSTMASTER,
        "subaddress",
        SECOND_POSTMASTER,
        stage=DATA,
        not_smtp=AT_DATA,
    ),
    accept("member with data", ANNE, CLOSED, "member", CLOSED, stage=DATA, not_smtp=AT_DATA),
    refuse("stranger with data", STRANGER, CLOSED, "closed-list", CLOSED, stage=DATA, not_smtp=AT_DATA),
    refuse("banned with data", "banned@people.example", CLOSED, "banned", CLOSED, stage=DATA, not_smtp=AT_DATA),
)

MEMBERS: tuple[Case, ...] = (
    accept("of the list", ANNE, CLOSED, "member", CLOSED),
    accept("by the alias domain", ANNE, "closed@l.example", "member", CLOSED),
    accept("with an extension in the recipient", ANNE, "closed+x@lists.example", "member", CLOSED, extension="x"),
    accept("by a linked address", "cris@home.example", CLOSED, "member", CLOSED),
    accept("by another linked address", "cris@work.example", CLOSED, "member", CLOSED),
    accept("whose address has an extension", "dora+lists@people.example", CLOSED, "member", CLOSED),
    accept("with an apostrophe", "o'hara@people.example", CLOSED, "member", CLOSED),
    accept("of an IDNA domain", "fritz@xn--bcher-kva.example", CLOSED, "member", CLOSED),
    accept("beyond ASCII", "jürgen@people.example", CLOSED, "member", CLOSED),
    accept("who is an owner too", "chief@people.example", CLOSED, "member", CLOSED),
    accept("moderation action reject", "bart@people.example", CLOSED, "member", CLOSED),
    accept("moderation action hold", "held@people.example", CLOSED, "member", CLOSED),
    accept("default_member_action reject", ANNE, MODERATED, "member", MODERATED),
    refuse(
        "moderation action reject, refused by the rules",
        "bart@people.example",
        CLOSED,
        "member",
        CLOSED,
        rules={"reject_moderated_members": True},
        not_smtp=RULES,
    ),
    refuse(
        "default_member_action reject, refused by the rules",
        ANNE,
        MODERATED,
        "member",
        MODERATED,
        rules={"reject_moderated_members": True},
        not_smtp=RULES,
    ),
    accept(
        "of his own action, by the rules",
        "trusted@people.example",
        MODERATED,
        "member",
        MODERATED,
        rules={"reject_moderated_members": True},
        not_smtp=RULES,
    ),
    accept(
        "moderation action hold, by the rules",
        "held@people.example",
        CLOSED,
        "member",
        CLOSED,
        rules={"reject_moderated_members": True},
        not_smtp=RULES,
    ),
    refuse("stranger", STRANGER, CLOSED, "closed-list", CLOSED),
    refuse("stranger by the alias", STRANGER, "closed@l.example", "closed-list", CLOSED),
    refuse(
        "stranger with an extension in the recipient",
        STRANGER,
        "closed+x@lists.example",
        "closed-list",
        CLOSED,
        extension="x",
    ),
    refuse("stranger in a shared domain", STRANGER, "talk@shared.example", "closed-list", "talk@shared.example"),
    accept("in a shared domain", ANNE, "talk@shared.example", "member", "talk@shared.example"),
    refuse("owner who is no member", "olga@people.example", CLOSED, "closed-list", CLOSED),
    refuse("moderator who is no member", "mona@people.example", CLOSED, "closed-list", CLOSED),
    refuse("member of another list", "otto@people.example", CLOSED, "closed-list", CLOSED),
    refuse("a member's address with another extension", "dora+other@people.example", CLOSED, "closed-list", CLOSED),
    refuse("a member's address without its extension", "dora@people.example", CLOSED, "closed-list", CLOSED),
    refuse("a member's name elsewhere", "anne@elsewhere.example", CLOSED, "closed-list", CLOSED),
    refuse("a member's name in a subdomain", "anne@sub.people.example", CLOSED, "closed-list", CLOSED),
    refuse("the list itself", CLOSED, CLOSED, "closed-list", CLOSED),
)

ACTIONS: tuple[Case, ...] = (
    accept("by default", STRANGER, OPEN, "nonmember-action", OPEN),
    accept("all by default", STRANGER, "other@lists.example", "nonmember-action", "other@lists.example"),
    *(
        accept(
            f"default {action}",
            STRANGER,
            f"{action}ing@second.example",
            "nonmember-action",
            f"{action}ing@second.example",
        )
        for action in ("hold", "discard", "accept", "defer")
    ),
    refuse("default reject", STRANGER, "rejecting@second.example", "closed-list", "rejecting@second.example"),
    accept("default reject, member", ANNE, "rejecting@second.example", "member", "rejecting@second.example"),
    accept("member of an open list", ANNE, OPEN, "nonmember-action", OPEN),
    *(
        accept(f"says {action}", f"nm-{action}@people.example", CLOSED, "nonmember-record", CLOSED)
        for action in ("hold", "discard", "accept", "defer")
    ),
    refuse("says reject", "nm-reject@people.example", CLOSED, "nonmember-record", CLOSED),
    refuse("says reject on an open list", "nm-reject@people.example", OPEN, "nonmember-record", OPEN),
    refuse("no action of its own", "nm-default@people.example", CLOSED, "closed-list", CLOSED),
    refuse("of another list", "nm-accept@people.example", PATTERNS, "closed-list", PATTERNS),
)
