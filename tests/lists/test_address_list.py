"""What an address in a header is: RFC 5322's own examples, its obsolete forms, and what is no address list at all.

`getaddresses` is Python's reader in the form that it had before CVE-2023-27043, with which Mailman grew up. Where
others are found than it finds, the case says why, or its group does.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from gatepost_lists import Mailbox, parse_address_list

LIMIT = 10_000
ALICE, BOB = "alice@example.org", "bob@example.com"


class Case(NamedTuple):
    """A header's value, what it names (names and addresses), and why, where that is not plain."""

    text: str
    found: tuple[tuple[str, str], ...]
    why: str = ""


def named(text: str, *found: tuple[str, str], why: str = "") -> Case:
    return Case(text, found, why)


def bare(text: str, *addresses: str, why: str = "") -> Case:
    """A value that has addresses alone."""
    return Case(text, tuple(("", address) for address in addresses), why)


RFC_5322 = (
    named("John Doe <jdoe@machine.example>", ("John Doe", "jdoe@machine.example"), why="A.1.1"),
    named('"Joe Q. Public" <john.q.public@example.com>', ("Joe Q. Public", "john.q.public@example.com"), why="A.1.2"),
    named(
        "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
        ("Mary Smith", "mary@x.test"),
        ("", "jdoe@example.org"),
        ("Who?", "one@y.test"),
        why="A.1.2",
    ),
    named(
        '<boss@nil.test>, "Giant; \\"Big\\" Box" <sysservices@example.net>',
        ("", "boss@nil.test"),
        ('Giant; "Big" Box', "sysservices@example.net"),
        why="A.1.2",
    ),
    named(
        "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
        ("Ed Jones", "c@a.test"),
        ("", "joe@where.test"),
        ("John", "jdoe@one.test"),
        why="A.1.3",
    ),
    named("Undisclosed recipients:;", why="A.1.3"),
    named(
        '"Mary Smith: Personal Account" <smith@home.example>',
        ("Mary Smith: Personal Account", "smith@home.example"),
        why="A.2",
    ),
    named("Jane Brown <j-brown@other.example>", ("Jane Brown", "j-brown@other.example"), why="A.3, A.4"),
    named(
        "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
        ("Pete", "pete@silly.test"),
        why="A.5: comments",
    ),
    named(
        "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n         joe@example.org,\r\n"
        "  John <jdoe@one.test> (my dear friend); (the end of the group)",
        ("Chris Jones", "c@public.example"),
        ("", "joe@example.org"),
        ("John", "jdoe@one.test"),
        why="A.5: white space and comments everywhere",
    ),
    named("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", why="A.5: an empty group"),
    named("Joe Q. Public <john.q.public@example.com>", ("Joe Q. Public", "john.q.public@example.com"), why="A.6.1"),
    named(
        "Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
        ("Mary Smith", "mary@example.net"),
        ("", "jdoe@test.example"),
        why="A.6.1: a route, an empty element, white space around a dot",
    ),
    named("John Doe <jdoe@machine(comment).  example>", ("John Doe", "jdoe@machine.example"), why="A.6.3"),
)
OBSOLETE = (
    named("Mary <@a.test,@b.test:mary@x.test>", ("Mary", "mary@x.test"), why="a long route"),
    named("Mary <,@a.test, ,@b.test,:mary@x.test>, bo@y.test", ("Mary", "mary@x.test"), ("", "bo@y.test")),
    bare("<@a.test>, <@a.test:>, <@a.test,bo@y.test", "bo@y.test", why="routes to nobody"),
    bare("@a.test,@b.test:mary@x.test", "mary@x.test", why="a route without brackets"),
    bare(", ,, a@x.test ,, b@x.test,", "a@x.test", "b@x.test", why="empty elements"),
    bare("pete . smith @ x . test", "pete.smith@x.test"),
    named("pete(a).(b)smith(c)@(d)x(e).(f)test", ("a b c d e f", "pete.smith@x.test"), why="comments everywhere"),
    bare('"pete smith"."x"@x.test, a."b c".d@x.test', '"pete smith"."x"@x.test', 'a."b c".d@x.test'),
    named("Dr. J. Q. Public, Jr. <j@x.test>", ("Jr.", "j@x.test"), why="a comma that should be in quotes"),
    bare("a@[192.0.2.1], b@[IPv6:2001:db8::1]", "a@[192.0.2.1]", "b@[IPv6:2001:db8::1]"),
    bare("a@x.test., <b@x.test.>", "a@x.test.", "b@x.test.", why="it is as it is written"),
)
GROUPS = (
    bare("a:b@x.test,c@x.test;,d@x.test", "b@x.test", "c@x.test", "d@x.test"),
    bare("one: a@x.test; two: ; three: b@x.test;", "a@x.test", "b@x.test", why="no comma between groups"),
    bare("one: two: three: a@x.test", "a@x.test", why="groups in groups, none closed"),
    bare('"a@x.test, b@x.test": c@x.test;', "c@x.test", why="a group's name"),
    named("Re: Anne <a@x.test>", ("Anne", "a@x.test")),
    bare("mailto:a@x.test", "a@x.test"),
    bare("a@x.test; b@x.test", "a@x.test", "b@x.test", why="as some mailers part addresses"),
)
COMMENTS = (
    named("a@x.test (Anne)", ("Anne", "a@x.test"), why="a comment is a name where there is no other"),
    named("(Anne) a@x.test", ("Anne", "a@x.test")),
    named("<a@x.test(Anne)>", ("Anne", "a@x.test")),
    named(
        "Anne (at work) <a@x.test>", ("Anne", "a@x.test"), why="a comment is no part of a name; getaddresses joins them"
    ),
    named("User ((nested comment)) <foo@bar.test>", ("User", "foo@bar.test")),
    named("a@x.test (b@x.test)", ("b@x.test", "a@x.test"), why="who is in a comment is no author"),
    named("a@x.test (, b@x.test, )", (", b@x.test,", "a@x.test")),
    named('a@x.test (5" disk), "Bee, C" <c@x.test>', ('5" disk', "a@x.test"), ("Bee, C", "c@x.test")),
    named("a@x.test (\\( \\\\), b@x.test (\\))", ("( \\", "a@x.test"), (")", "b@x.test")),
    named("an(x)ne@x.test", ("x", "anne@x.test"), why="it is left out, as everywhere"),
    bare("(a@x.test)"),
    bare("al(ice@exam)ple.org"),
)
QUOTED = (
    named('"Bee, Anne" <a@x.test>', ("Bee, Anne", "a@x.test")),
    named('"b@x.test" <a@x.test>', ("b@x.test", "a@x.test"), why="who is in a quoted name is no author"),
    named('"b@x.test"c <a@x.test>', ("b@x.testc", "a@x.test")),
    named('"<b@x.test>, (" <a@x.test>', ("<b@x.test>, (", "a@x.test")),
    named('"a \\"b\\" \\\\" <a@x.test>', ('a "b" \\', "a@x.test")),
    named('"A"  "B"<a@x.test>', ("A B", "a@x.test")),
    named('"A\r\n B\tC" <a@x.test>', ("A B C", "a@x.test"), why="a name has one line"),
    bare('"a b"@x.test, "a, b@c"@x.test', '"a b"@x.test', '"a, b@c"@x.test'),
    bare('"a\\"b"@x.test, "\\\\"@x.test', '"a\\"b"@x.test', '"\\\\"@x.test'),
    bare('"a\r\n b"@x.test', '"a b"@x.test', why="folded"),
    bare('"a\nb"@x.test', '"a b"@x.test', why="a line end never gets into an address"),
    bare('a@"x.test"', why="no domain"),
)
ENCODED = (
    named("=?utf-8?q?J=C3=B6rg?= <j@x.test>", ("=?utf-8?q?J=C3=B6rg?=", "j@x.test"), why="decoded later"),
    named("=?utf-8?q?Bee=2C_Anne?= <a@x.test>", ("=?utf-8?q?Bee=2C_Anne?=", "a@x.test"), why="a comma, encoded"),
    named(
        "=?utf-8?q?Bee,_Anne?= <a@x.test>", ("=?utf-8?q?Bee,_Anne?=", "a@x.test"), why="getaddresses halves the name"
    ),
    named("=?x?q?<b@x.test>,?= <a@x.test>", ("=?x?q?<b@x.test>,?=", "a@x.test"), why="a name, so no author"),
    named("=?x?b?YQ==?= =?x?B?Yg==?= <a@x.test>", ("=?x?b?YQ==?= =?x?B?Yg==?=", "a@x.test")),
    bare("=?utf-8?q?b=40x.test?=", why="decoded it would be an address"),
    bare("=?x?q?a?=@x.test", "=?x?q?a?=@x.test", why="no encoded word, but a local part as it stands"),
    bare("a@=?x?q?b?=, a@=?x?q?b?=>", "a@=?x?q?b?=", "a@=?x?q?b?=", why="nor is this one, whatever stands behind it"),
    bare("=?a@x.test,?q?b?=", "=?a@x.test", why="what is before an odd character set is none"),
    named('"=?x?q?a?=" <a@x.test>', ("=?x?q?a?=", "a@x.test")),
)
BEYOND_ASCII = (
    named("Jörg <jörg@bücher.test>", ("Jörg", "jörg@bücher.test")),
    named("J\udcf6rg <j\udcf6rg@x.test>", ("J\udcf6rg", "j\udcf6rg@x.test"), why="octets that are no UTF-8"),
    named("Anne\N{NO-BREAK SPACE}<a@x.test>", ("Anne", "a@x.test")),
    bare("a@x.test\N{NO-BREAK SPACE}", "a@x.test", why="every white space is one"),
    bare("\0a@x.test\x01, \x7fb@x.test", "a@x.test", "b@x.test", why="a control character hides nobody"),
)
# Mailers write such things, and people see addresses in them. getaddresses makes one word of several: nobody's address.
NOT_QUITE = (
    bare("Anne a@x.test", "a@x.test", why="getaddresses: 'Anne a@x.test', which is nobody; a ban would be missed"),
    bare("merwok wok@x.test", "wok@x.test", why="getaddresses keeps the space; no mail server does"),
    bare("merwok. wok .  wok@x.test", "merwok.wok.wok@x.test"),
    bare('merwok"wok"  wok@x.test, merwok"wok"@x.test', "wok@x.test", 'merwok"wok"@x.test'),
    bare("a@x.test via b@y.test", "a@x.test", "b@y.test", why="getaddresses: a domain 'x.testvia'"),
    bare("a@x.test b@y.test c@z.test", "a@x.test", "b@y.test", "c@z.test"),
    named("Anne <a@x.test> Bo <b@y.test>", ("Anne", "a@x.test"), ("Bo", "b@y.test"), why="a comma is missing"),
    bare("a@x.test <a@x.test>", "a@x.test", "a@x.test"),
    bare("b@x.test <a@x.test>", "a@x.test", "b@x.test", why="b may be banned; a is the author"),
    named("Bo b@x.test <a@x.test>", ("Bo", "a@x.test"), ("", "b@x.test")),
    named("Anne @ Work <a@x.test>", ("Anne @ Work", "a@x.test"), why="getaddresses: Anne@Work too"),
    named("J@mie <a@x.test>", ("J@mie", "a@x.test"), why="no domain without a dot before brackets"),
    named("b @ y.test <a@x.test>", ("b @ y.test", "a@x.test"), why="white space: a name"),
    bare("J@mie <>, b @ y.test <>", "J@mie", "b@y.test", why="nothing better in the brackets"),
    named("[Team] Anne <a@x.test>", ("[Team] Anne", "a@x.test"), why="getaddresses: two elements"),
    bare("Anne [mailto:a@x.test]", "a@x.test"),
    named("Anne <Bee a@x.test>, <b@x.test c@x.test>", ("Anne", "a@x.test"), ("", "b@x.test"), ("", "c@x.test")),
    named("Anne <<a@x.test>>", ("Anne", "a@x.test")),
    bare("a\\b@x.test, a\\\\b@x.test", "a\\b@x.test", "a\\\\b@x.test", why="it is as it is written"),
)
# getaddresses takes all the rest for a name or a comment: who stands there would be lost, though he may be banned.
UNCLOSED = (
    named('"Anne <a@x.test>, Bo <b@x.test>', ("Anne", "a@x.test"), ("Bo", "b@x.test")),
    named('"A <a@x.test>, "B" <b@x.test>, c@x.test', ("A", "a@x.test"), ("B", "b@x.test"), ("", "c@x.test")),
    named(
        'a@x.test, "odd, "Bee, C" <c@x.test>',
        ("", "a@x.test"),
        ("C", "c@x.test"),
        why="whose quote it is, none can tell",
    ),
    named('"odd, b@x.test, "Anne" <a@x.test>', ("", "b@x.test"), ("Anne", "a@x.test")),
    named('"odd\\, b@x.test, "Anne" <a@x.test>', ("", "b@x.test"), ("Anne", "a@x.test"), why="a comma all the same"),
    bare("(a@x.test, b@x.test", "a@x.test", "b@x.test"),
    named("(( a@x.test (Anne), b@x.test (Bo)", ("Anne", "a@x.test"), ("Bo", "b@x.test")),
    named("Anne <a@x.test, Bo <b@x.test, c@x.test", ("Anne", "a@x.test"), ("Bo", "b@x.test"), ("", "c@x.test")),
    bare("a@[x, b@x.test", "b@x.test"),
    bare("Anne a@x.test>, b@x.test), c@x.test]", "a@x.test", "b@x.test", "c@x.test"),
    named('5" disk <a@x.test>, b@x.test', ("5 disk", "a@x.test"), ("", "b@x.test")),
    bare("a@x.test\\, b@x.test", "a@x.test\\", "b@x.test", why="a backslash takes no comma"),
)
# What getaddresses finds here has no local part, or no domain.
NOBODY = (
    bare(""),
    bare(" \r\n "),
    bare("Anne"),
    bare('<>, Anne <>, Bo <bo>, @, a@, @x.test, a@., <@>, ;, :,\\, "'),
    bare("foo: ;"),
    bare("[]*-- =~$"),
    bare("a@b@c, a@b.c@c, a@172.17.0.1@c", why="several at signs (CVE-2019-16056)"),
    bare("a@malicious.test@important.test, b@x.test", "b@x.test", why="nobody's, and the next one is not lost"),
    bare("a@@x.test, @a@x.test, a@b@"),
    bare("a@x.test @ y.test", "a@x.test", why="one at sign, and another elsewhere"),
)
# alice and bob with one character between them. With brackets, bob is the author; alice counts beside him, because
# some software takes her for the author, and she may be banned. getaddresses has alice first, or nobody.
CVE_2023_27043 = (
    bare(f"{ALICE}<{BOB}>", BOB, ALICE),
    bare(f"{ALICE}(<{BOB}>", BOB, ALICE, why="an open comment is none"),
    named(f"{ALICE}(<{BOB}>)", (f"<{BOB}>", ALICE), why="bob is in a comment, and alice's is the only address"),
    bare(f"{ALICE})<{BOB}>", BOB, ALICE),
    bare(f"{ALICE}){BOB}", ALICE, BOB, why="no brackets: two addresses in their order"),
    bare(f"{ALICE}<<{BOB}>", BOB, ALICE),
    bare(f"{ALICE}><{BOB}>", BOB, ALICE),
    bare(f"{ALICE}[<{BOB}>", BOB, ALICE),
    bare(f"{ALICE}[<{BOB}>]", BOB, ALICE, why="getaddresses: one address, in which both are hidden"),
    bare(f"{ALICE}]<{BOB}>", BOB, ALICE),
    named(f"{ALICE}@<{BOB}>", (f"{ALICE}@", BOB), why="two at signs before the brackets: a name"),
    bare(f"{ALICE};<{BOB}>", ALICE, BOB, why="two elements"),
    bare(f"{ALICE},<{BOB}>", ALICE, BOB, why="two elements"),
    bare(f"{ALICE}:<{BOB}>", BOB, ALICE, why="a group's name should not be an address"),
    bare(f"{ALICE}.<{BOB}>", BOB, f"{ALICE}."),
    bare(f'{ALICE}"<{BOB}>', BOB, ALICE, why="an open quote is none; getaddresses: '<bob@example.com>'"),
    named(f'"Alice, {ALICE}" <{BOB}>', (f"Alice, {ALICE}", BOB), why="she is in a quoted name"),
    named(f"{ALICE} (Alice)", ("Alice", ALICE)),
    bare(f"{ALICE} )Alice(", ALICE),
    named(f'"Jane" <{BOB}>, "John" <{ALICE}>', ("Jane", BOB), ("John", ALICE)),
)
# What Python's own tests ask of its readers, beside the above.
CPYTHON = (
    named('"A \\(Very\\) Silly Person" <person@dom.test>', ("A (Very) Silly Person", "person@dom.test")),
    named('"Arthur \\\\Backslash\\\\ Foobar" <p@dom.test>', ("Arthur \\Backslash\\ Foobar", "p@dom.test")),
    named("John X. Doe <jxd@example.test>", ("John X. Doe", "jxd@example.test")),
    bare('""example" example"@example.test', '""example" example"@example.test'),
    bare('"\\"example\\" example"@example.test', '"\\"example\\" example"@example.test'),
    bare('"\\\\"example\\\\" example"@example.test', '"\\\\"example\\\\" example"@example.test'),
    named("\"'f@e.test' (f@e.test)\" <f@e.test>", ("'f@e.test' (f@e.test)", "f@e.test")),
    named("Foo\n\tBar <foo@example.test>", ("Foo Bar", "foo@example.test")),
    named("a@dom.test (Al Person), Bud <b@dom.test>", ("Al Person", "a@dom.test"), ("Bud", "b@dom.test")),
    named('"Sürname, Firstname" <to@example.test>', ("Sürname, Firstname", "to@example.test")),
    named('foo: ;, "Jason R. Mastaler" <jason@dom.test>', ("Jason R. Mastaler", "jason@dom.test")),
)
CASES = (
    *RFC_5322, *OBSOLETE, *GROUPS, *COMMENTS, *QUOTED, *ENCODED, *BEYOND_ASCII, *NOT_QUITE, *UNCLOSED, *NOBODY,
    *CVE_2023_27043, *CPYTHON,
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.text)
def test_case(case: Case) -> None:
    assert parse_address_list(case.text, LIMIT) == case.found


@pytest.mark.parametrize("text", [case.text for case in CASES if case not in UNCLOSED and "\\" not in case.text])
def test_the_next_element_is_read_whatever_stands_before(text: str) -> None:
    found = parse_address_list(f"{text} , Bo <bo@else.test>", LIMIT)
    assert found[-1] == Mailbox("Bo", "bo@else.test")


@pytest.mark.parametrize("case", [case for case in CASES if "\n" not in case.text], ids=lambda case: case.text)
def test_folding_makes_no_difference(case: Case) -> None:
    for fold in ("\r\n ", "\n "):
        assert parse_address_list(case.text.replace(" ", fold), LIMIT) == case.found


def test_no_more_is_read_than_the_limit() -> None:
    text = f"{ALICE}, {BOB}"
    assert parse_address_list(text, len(text)) == (Mailbox("", ALICE), Mailbox("", BOB))
    assert parse_address_list(text, len(text) - 1) == (Mailbox("", ALICE),)  # half an address is somebody else's
    assert parse_address_list(ALICE, len(ALICE) - 1) == ()
    assert parse_address_list(text, 0) == ()


# So long that nothing can be read one in another, and that all tests would stand still if time grew with its square.
LONG = 30_000
MADE_TO_HARM = [
    "(", ")", "()", '(")', "(\\", '"', '\\"', '"\\"', '"a,', '"a\\', ' "', "<", "< ", "<@a,", "<@a <@a ", "<@a@a ",
    "@,<@,", ",", "a:", "@", "a@", "a@b", "a@[", "[", "[]", ".", "a.", "a .", " ", "\r\n ", "\n", "\\", "\0", "\udcff",
    "=?", "=?x?q?", '"a"', " .a", "=?x?q?,", "=?x?q?a?=", "<a@b.c>", "a@b.c ", "(a)b@c ",
]  # fmt: skip


@pytest.mark.parametrize("piece", MADE_TO_HARM)
@pytest.mark.parametrize("before", ["", '"', '"" x"', "<", "(", "a@", "=?x?q?"])
def test_what_was_made_to_harm_does_none(before: str, piece: str) -> None:
    found = parse_address_list(before + piece * (LONG // len(piece)), LONG + 10)
    assert all(mailbox.address.count("@") == 1 for mailbox in found)
