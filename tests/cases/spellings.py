"""One address in many spellings: what passes must pass in all of them, and what is refused be refused in all."""

from __future__ import annotations

from cases.case import Case, accept, not_ours, refuse, unreadable
from cases.spine import ANNE, CLOSED, NOT_RELAYED, NOT_UTF8, RULES, STRANGER, SYNTAX, TOO_LONG

_ROUTING = "Postfix refuses the routing in it"

# spelling of closed@lists.example, and why Postfix cannot be told it
_RECIPIENTS: tuple[tuple[str, str, str], ...] = (
    ("upper case", "CLOSED@LISTS.EXAMPLE", ""),
    ("mixed case", "Closed@Lists.Example", ""),
    ("trailing dot", "closed@lists.example.", ""),
    ("two trailing dots", "closed@lists.example..", SYNTAX),
    ("quoted", '"closed"@lists.example', ""),
    ("quoted in capitals", '"CLOSED"@lists.example', ""),
    ("a part of it quoted", '"clo"sed@lists.example', SYNTAX),
    ("quoted pair", r'"clos\ed"@lists.example', ""),
    ("quoted pairs alone", r'"\c\l\o\s\e\d"@lists.example', ""),
    ("backslash without quotes", r"c\losed@lists.example", ""),
    ("quoted, trailing dot", '"closed"@lists.example.', ""),
    ("source route", "@relay.example:closed@lists.example", ""),
    ("long source route", "@a.example,@b.example:closed@lists.example", ""),
    ("source route, quoted", '@relay.example:"closed"@lists.example.', ""),
    ("brackets", "<closed@lists.example>", ""),
    ("brackets with space", " < closed@lists.example > ", ""),
    ("two pairs of brackets", "<<closed@lists.example>>", SYNTAX),
    ("space around", "  closed@lists.example  ", ""),
    ("space around the at sign", "closed @ lists.example", ""),
    ("comment behind the local part", "closed(comment)@lists.example", ""),
    ("comment before the local part", "(comment)closed@lists.example", ""),
    ("comment behind the domain", "closed@lists.example(comment)", ""),
    ("comment with an address in it", "closed@lists.example(joe@elsewhere.example)", ""),
    ("nested comment", "closed(a(b)c)@lists.example", ""),
    ("full-width dot", "closed@lists\N{FULLWIDTH FULL STOP}example", NOT_RELAYED),
    ("ideographic dot", "closed@lists\N{IDEOGRAPHIC FULL STOP}example", NOT_RELAYED),
    ("full-width letters in the domain", "closed@ｌｉｓｔｓ.example", NOT_RELAYED),
    ("soft hyphen in the domain", "closed@li\N{SOFT HYPHEN}sts.example", NOT_RELAYED),
    ("all of it quoted", '"closed@lists.example"', ""),
    ("percent without a domain", "closed%lists.example", ""),
    ("bang path without a domain", "lists.example!closed", ""),
)
# the same, where the mail server appends elsewhere.example to what has no domain
_AT_ORIGIN: tuple[tuple[str, str], ...] = (
    ("percent at the origin", "closed%lists.example@elsewhere.example"),
    ("two percent signs at the origin", "closed%lists.example%elsewhere.example@elsewhere.example"),
    ("percent at the origin in capitals", "Closed%Lists.Example@Elsewhere.Example."),
    ("bang path at the origin", "lists.example!closed@elsewhere.example"),
    ("an address quoted at the origin", '"closed@lists.example"@elsewhere.example'),
    ("an address as local part at the origin", "closed@lists.example@elsewhere.example"),
    ("quoted percent at the origin", '"closed%lists.example"@elsewhere.example'),
)
_ORIGIN = {"origin": "elsewhere.example"}
# the same by way of a domain that is the mail server's own: its other names, address literals, shared domains
_THROUGH: tuple[tuple[str, str], ...] = (
    ("percent at another domain", "closed%lists.example@elsewhere.example"),
    ("bang path at another domain", "lists.example!closed@elsewhere.example"),
    ("an address quoted at another domain", '"closed@lists.example"@elsewhere.example'),
    ("percent at an address literal", "closed%lists.example@[127.0.0.1]"),
    ("percent at a shared domain", "closed%lists.example@shared.example"),
    ("two percent signs at another domain", "closed%lists.example%b.example@elsewhere.example"),
    ("bang path before percent", "b.example!closed%lists.example@elsewhere.example"),
    ("bang path to a percent sign", "b.example!closed%lists.example"),
)

RECIPIENTS: tuple[Case, ...] = (
    *(
        refuse(f"recipient, {name}", STRANGER, text, "closed-list", CLOSED, not_smtp=no)
        for name, text, no in _RECIPIENTS
    ),
    *(accept(f"recipient, {name}", ANNE, text, "member", CLOSED, not_smtp=no) for name, text, no in _RECIPIENTS),
    *(
        refuse(f"recipient, {name}", STRANGER, text, "closed-list", CLOSED, rules=_ORIGIN, not_smtp=RULES)
        for name, text in _AT_ORIGIN
    ),
    *(
        accept(f"recipient, {name}", ANNE, text, "member", CLOSED, rules=_ORIGIN, not_smtp=RULES)
        for name, text in _AT_ORIGIN
    ),
    *(
        refuse(f"recipient, {name}", STRANGER, text, "closed-list", CLOSED, not_smtp=_ROUTING)
        for name, text in _THROUGH
    ),
    *(accept(f"recipient, {name}", ANNE, text, "member", CLOSED, not_smtp=_ROUTING) for name, text in _THROUGH),
    refuse(
        "bare name at the origin",
        STRANGER,
        "closed",
        "closed-list",
        CLOSED,
        rules={"origin": "lists.example"},
        not_smtp=RULES,
    ),
    refuse(
        "bare sub-address name at the origin",
        STRANGER,
        "nobody-owner",
        "list-known",
        rules={"origin": "lists.example"},
        not_smtp=RULES,
    ),
    not_ours("percent to no list", STRANGER, "nobody%lists.example@elsewhere.example", not_smtp=_ROUTING),
    not_ours("percent to another domain", STRANGER, "joe%b.example@elsewhere.example", not_smtp=_ROUTING),
    not_ours("a bang path that leads nowhere", STRANGER, "closed!@elsewhere.example", not_smtp=SYNTAX),
    unreadable("one percent 22 times", STRANGER, "talk" + "%shared.example" * 22 + "@a.example", not_smtp=_ROUTING),
    unreadable("percent 22 times", STRANGER, "closed" + "%b.example%c.example" * 11 + "@a.example", not_smtp=_ROUTING),
    refuse("percent at our domain", STRANGER, "joe%elsewhere.example@lists.example", "list-known", not_smtp=_ROUTING),
    refuse("octets that are no UTF-8", ANNE, "closed\udcff@lists.example", "list-known", not_smtp=NOT_UTF8),
    refuse("octets that are no UTF-8, alone", ANNE, "\udcff\udcfe@lists.example", "list-known", not_smtp=NOT_UTF8),
    not_ours("octets that are no UTF-8 in the domain", ANNE, "closed@lists\udcff.example", not_smtp=NOT_RELAYED),
    refuse("5,000 characters", ANNE, "x" * 4986 + "@lists.example", "list-known", not_smtp=TOO_LONG),
    refuse(
        "an extension of 5,000 characters",
        STRANGER,
        f"closed+{'x' * 5000}@lists.example",
        "closed-list",
        CLOSED,
        extension="x" * 5000,
        not_smtp=TOO_LONG,
    ),
    not_ours("a domain of 5,000 characters", ANNE, "closed@" + "x." * 2500 + "example", not_smtp=TOO_LONG),
    not_ours("a domain of 5,000 characters beyond ASCII", ANNE, "closed@" + "ü." * 2500 + "example", not_smtp=TOO_LONG),
    refuse("5,000 source routes", STRANGER, "@a.example:" * 5000 + CLOSED, "closed-list", CLOSED, not_smtp=TOO_LONG),
    refuse("a look-alike letter", ANNE, "сlosed@lists.example", "list-known"),
    refuse("a control character", ANNE, "clo\x01sed@lists.example", "list-known"),
    unreadable("nothing", ANNE, "", not_smtp=SYNTAX),
    unreadable("brackets alone", ANNE, "<>", not_smtp=SYNTAX),
    unreadable("no local part", ANNE, "@lists.example"),
    unreadable("an empty local part in quotes", ANNE, '""@lists.example'),
    unreadable("a comment for a local part", ANNE, "(closed)@lists.example"),
    unreadable("a source route that leads nowhere", ANNE, "@relay.example:", not_smtp=SYNTAX),
    unreadable("a source route without an end", ANNE, "@relay.example,@b.example", not_smtp=SYNTAX),
    unreadable("at signs alone", ANNE, "@@", not_smtp=SYNTAX),
    unreadable("null sender", "", "@lists.example"),
)
