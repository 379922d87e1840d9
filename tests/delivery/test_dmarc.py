"""The policy of a domain, asked of a DNS server that answers, does not, or does so badly."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gatepost_delivery.dmarc import Found, Policies
from gatepost_delivery.dmarc_record import Policy, Record, inherited, names_above, read_record
from gatepost_delivery.lookups import Lookups
from labs.dns import Manner, Server

NONE, QUARANTINE, REJECT = Policy
# Longer than any answer takes that comes at all, on a busy machine.
PATIENCE = 30.0
# What is waited for an answer that never comes.
IMPATIENCE = 0.2


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def publish(server: Server, **texts: str) -> None:
    """Records of the names, in which `__` stands for a dot."""
    for name, text in texts.items():
        server.records[f"_dmarc.{name.replace('__', '.')}"] = {"TXT": [text]}


def asking(server: Server, clock: Clock | None = None, seconds: float = PATIENCE) -> Policies:
    return Policies(Lookups([server.address], seconds=seconds, clock=clock or Clock()))


def policy(server: Server, domain: str) -> Policy:
    found = asking(server).strictest([domain])
    assert not found.trouble
    return found.policy


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["v=DMARC1; p=reject"], REJECT),
        (["v=DMARC1;p=quarantine;"], QUARANTINE),
        (["v = DMARC1 ; P = Reject ; rua=mailto:a@b.c"], REJECT),
        (["v=DMARC1; p=none; p=reject"], NONE),
        (["v=DMARC1; p=reject; pct=0"], REJECT),
        (["v=DMARC1; p=quarantine; t=y"], QUARANTINE),
        (["v=DMARC1"], NONE),
        (["v=DMARC1; rua=mailto:a@b.c"], NONE),
        (["v=DMARC1; p=refuse"], NONE),
        (["v=DMARC1; p=reject; sp=what"], NONE),
        (["v=dmarc1; p=reject"], None),
        (["v=DMARC1x; p=reject"], None),
        (["v=DMARC12; p=reject"], None),
        (["p=reject; v=DMARC1"], None),
        (["v=spf1 -all", "v=DMARC1; p=reject", ""], REJECT),
        (["v=DMARC1; p=reject", "v=DMARC1; p=none"], None),
        ([], None),
        (["; = ;;"], None),
        (["\N{REPLACEMENT CHARACTER}"], None),
    ],
)
def test_what_a_record_says(texts: list[str], expected: Policy | None) -> None:
    record = read_record(texts)
    assert (record and record.policy) == expected


@pytest.mark.parametrize(
    ("domain", "names"),
    [
        ("org", []),
        ("example.org", ["org"]),
        ("a.b.example.org", ["b.example.org", "example.org", "org"]),
        ("1.2.3.4.5.6.7.8", ["2.3.4.5.6.7.8", "3.4.5.6.7.8", "4.5.6.7.8", "5.6.7.8", "6.7.8", "7.8", "8"]),
        ("a.b.c.1.2.3.4.5.6.7.8", ["2.3.4.5.6.7.8", "3.4.5.6.7.8", "4.5.6.7.8", "5.6.7.8", "6.7.8", "7.8", "8"]),
    ],
)
def test_the_names_of_a_walk(domain: str, names: list[str]) -> None:
    assert list(names_above(domain)) == names


@pytest.mark.parametrize(
    ("found", "counts"),
    [
        ([], None),
        ([("example.org", "u")], "example.org"),
        ([("b.example.org", "u"), ("example.org", "u")], "example.org"),
        ([("b.example.org", "u"), ("example.org", "u"), ("org", "u")], "org"),
        ([("b.example.org", "u"), ("example.org", "u"), ("org", "y")], "example.org"),
        ([("b.example.org", "u"), ("org", "y")], "org"),
        ([("b.example.org", "n")], "b.example.org"),
        ([("b.example.org", "y")], "b.example.org"),
    ],
)
def test_whose_record_counts_for_a_b_example_org(found: list[tuple[str, str]], counts: str | None) -> None:
    records = [(name, Record(psd=psd, policy=REJECT)) for name, psd in found]
    record = inherited("a.b.example.org", records)
    assert record is (dict(records)[counts] if counts else None)


def test_the_domain_s_own_record_ends_the_search(server: Server) -> None:
    publish(server, news__example__org="v=DMARC1; p=none", example__org="v=DMARC1; p=reject")
    assert policy(server, "news.example.org") is NONE
    assert server.names_asked() == ["_dmarc.news.example.org"]


def test_a_subdomain_inherits(server: Server) -> None:
    publish(server, example__org="v=DMARC1; p=reject")
    assert policy(server, "a.b.example.org") is REJECT
    assert server.names_asked() == [
        "_dmarc.a.b.example.org",
        "_dmarc.b.example.org",
        "_dmarc.example.org",
        "_dmarc.org",
    ]


def test_a_long_name_is_asked_for_in_eight_questions(server: Server) -> None:
    publish(server, example__org="v=DMARC1; p=quarantine")
    assert policy(server, "a.b.c.d.e.f.g.h.i.j.example.org") is QUARANTINE
    assert len(server.asked) == 8
    assert server.names_asked()[1] == "_dmarc.f.g.h.i.j.example.org"


def test_a_policy_for_subdomains(server: Server) -> None:
    publish(server, example__org="v=DMARC1; p=reject; sp=none", example__net="v=DMARC1; p=none; sp=quarantine")
    assert policy(server, "news.example.org") is NONE
    assert policy(server, "example.org") is REJECT
    assert policy(server, "news.example.net") is QUARANTINE
    assert policy(server, "example.net") is NONE


@pytest.mark.parametrize("kind", ["A", "AAAA", "MX"])
def test_a_policy_for_subdomains_that_are_not_there(server: Server, kind: str) -> None:
    publish(server, example__org="v=DMARC1; p=none; sp=none; np=reject")
    server.records["there.example.org"] = {kind: [{"A": "192.0.2.1", "AAAA": "2001:db8::1", "MX": "0 ."}[kind]]}
    assert policy(server, "there.example.org") is NONE
    assert policy(server, "gone.example.org") is REJECT


def test_whether_a_subdomain_is_there_is_asked_only_where_it_matters(server: Server) -> None:
    publish(server, example__org="v=DMARC1; p=reject; np=reject")
    assert policy(server, "gone.example.org") is REJECT
    assert not server.names_asked("A")


def test_a_public_suffix_s_policy_counts_where_the_organization_has_none(server: Server) -> None:
    publish(server, bank="v=DMARC1; p=reject; psd=y", two__bank="v=DMARC1; p=none")
    assert policy(server, "www.one.bank") is REJECT
    assert policy(server, "www.two.bank") is NONE


def test_psd_n_ends_the_walk(server: Server) -> None:
    publish(server, dept__example__org="v=DMARC1; p=reject; psd=n", example__org="v=DMARC1; p=none")
    assert policy(server, "a.dept.example.org") is REJECT
    assert "_dmarc.example.org" not in server.names_asked()


def test_two_records_at_one_name_are_none(server: Server) -> None:
    server.records["_dmarc.a.example.org"] = {"TXT": ["v=DMARC1; p=none", "v=DMARC1; p=quarantine"]}
    publish(server, example__org="v=DMARC1; p=reject")
    assert policy(server, "a.example.org") is REJECT


def test_a_record_of_many_strings_comes_over_tcp(server: Server) -> None:
    publish(server, example__org=f"v=DMARC1; rua=mailto:{'x' * 3000}@example.org; p=reject")
    server.manners["_dmarc.example.org"] = Manner.TRUNCATED
    assert policy(server, "example.org") is REJECT
    assert server.asked == [("_dmarc.example.org", "TXT", "udp"), ("_dmarc.example.org", "TXT", "tcp")]


@pytest.mark.parametrize(
    "domain", ["", ".", "a..b", "x" * 64 + ".org", "[192.0.2.1]", "ü.de", "x." * 130 + "org", "org"]
)
def test_odd_domains_have_no_policy(server: Server, domain: str) -> None:
    assert policy(server, domain) is NONE


@pytest.mark.parametrize("manner", [Manner.SERVFAIL, Manner.REFUSED])
def test_an_answer_that_cannot_be_had_counts_as_reject(server: Server, manner: Manner) -> None:
    server.manners["_dmarc.example.org"] = manner
    found = asking(server).strictest(["example.org"])
    assert found.policy is REJECT
    assert "_dmarc.example.org" in found.trouble


@pytest.mark.parametrize("manner", [Manner.SILENT, Manner.GARBAGE])
def test_a_silent_server_is_not_waited_for_beyond_the_limit(server: Server, manner: Manner) -> None:
    server.manners["_dmarc.example.org"] = manner
    policies = Policies(Lookups([server.address], seconds=IMPATIENCE))
    assert policies.strictest(["example.org"]).policy is REJECT


def test_no_server_at_all() -> None:
    with Server() as server:
        address = server.address
    assert Policies(Lookups([address], seconds=IMPATIENCE)).strictest(["example.org"]).policy is REJECT


def test_trouble_above_leaves_an_own_record_alone(server: Server) -> None:
    publish(server, example__org="v=DMARC1; p=none")
    server.manners["_dmarc.org"] = Manner.SERVFAIL
    assert policy(server, "example.org") is NONE
    assert asking(server).strictest(["a.example.org"]).policy is REJECT


def test_the_strictest_of_several_counts(server: Server) -> None:
    publish(server, one__example="v=DMARC1; p=none", two__example="v=DMARC1; p=quarantine")
    policies = asking(server)
    assert policies.strictest(["one.example", "two.example"]) == Found(QUARANTINE)
    assert policies.strictest(["one.example"]) == Found(NONE)
    assert policies.strictest([]) == Found(NONE)


@pytest.mark.parametrize(("ttl", "kept"), [(0, 60), (300, 300), (10**9, 86400)])
def test_an_answer_is_kept_as_long_as_it_says(ttl: int, kept: int) -> None:
    clock = Clock()
    with Server(ttl=ttl) as server:
        publish(server, example__org="v=DMARC1; p=none")
        policies = asking(server, clock)
        assert policies.strictest(["example.org"]).policy is NONE
        publish(server, example__org="v=DMARC1; p=reject")
        clock.now += kept - 1
        assert policies.strictest(["example.org"]).policy is NONE
        clock.now += 1
        assert policies.strictest(["example.org"]).policy is REJECT


@pytest.mark.parametrize(("ttl", "kept"), [(0, 60), (300, 300), (10**9, 3600)])
@pytest.mark.parametrize("name_is_there", [False, True])
def test_that_there_is_none_is_kept_too(ttl: int, kept: int, name_is_there: bool) -> None:
    clock = Clock()
    with Server(negative_ttl=ttl) as server:
        if name_is_there:
            server.records["_dmarc.example.org"] = {"A": ["192.0.2.1"]}
        policies = asking(server, clock)
        assert policies.strictest(["example.org"]).policy is NONE
        publish(server, example__org="v=DMARC1; p=reject")
        clock.now += kept - 1
        assert policies.strictest(["example.org"]).policy is NONE
        clock.now += 1
        assert policies.strictest(["example.org"]).policy is REJECT


def test_trouble_is_kept_for_a_minute(server: Server) -> None:
    clock = Clock()
    publish(server, example__org="v=DMARC1; p=none")
    server.manners["_dmarc.example.org"] = Manner.SERVFAIL
    policies = asking(server, clock)
    assert policies.strictest(["example.org"]).policy is REJECT
    asked = len(server.asked)
    del server.manners["_dmarc.example.org"]
    clock.now += 59
    assert policies.strictest(["example.org"]).policy is REJECT
    assert len(server.asked) == asked
    clock.now += 1
    assert policies.strictest(["example.org"]) == Found(NONE)
