"""What becomes of a post: sent on, held, refused, thrown away; and who is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from gatepost_delivery.cooked import cleansed, cooked
from gatepost_delivery.dmarc import Policies
from gatepost_delivery.dmarc_record import Policy
from gatepost_delivery.fields import split
from gatepost_delivery.lookups import Lookups
from gatepost_delivery.values import Done
from gatepost_lists import DirectoryTrouble
from gatepost_queue import Entry, Message, create
from gatepost_queue.sqlite.queue import SqliteQueue
from labs.dns import Server
from labs.post import LISTID, NOW, POST, SITE_OWNER, Called, Site
from labs.queue import Clock

MEMBER = "anne@example.org"
STRANGER = "stranger@example.net"
BY_STRANGER = POST.replace(b"anne@example.org", STRANGER.encode())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with closing(Site(tmp_path)) as opened:
        yield opened


def sent_on(done: Done) -> bytes:
    """What members get; the only thing that became of the post."""
    (put,) = done.puts
    (entry,) = put.entries
    assert entry.metadata["to_members"]
    assert done.entries == ()
    assert isinstance(put.message.content, bytes)
    return put.message.content


def notices(done: Done) -> dict[str, EmailMessage]:
    """Messages that gatepost wrote, by their recipient; none of them may make mail come back."""
    found = {}
    for put in done.puts:
        (entry,) = put.entries
        assert (entry.queue, entry.metadata) == ("out", {"envsender": "", "verp": False})
        assert isinstance(put.message.content, bytes)
        message = message_from_bytes(put.message.content, policy=default)
        assert isinstance(message, EmailMessage)
        assert message["Auto-Submitted"].startswith("auto-")
        found[",".join(entry.recipients)] = message
    return found


def test_a_member_s_post_is_sent_on(site: Site) -> None:
    (put,) = site.post().puts
    mailing_list = Called(display_name="Ant")
    assert put.message.content == cooked(cleansed(split(POST)), mailing_list)
    assert put.entries == (
        Entry(
            queue="out",
            listid=LISTID,
            metadata={"envsender": "ant-bounces@lists.example", "verp": False, "to_members": True},
        ),
    )
    assert (put.message.trace, put.message.envsender, put.message.received) == ("abc", "anne@example.org", NOW - 5)


def test_every_nth_post_is_sent_with_verp(site: Site) -> None:
    def verps(interval: int, posts: int) -> list[bool]:
        done = [site.post(verp_interval=interval) for _ in range(posts)]
        return [put.entries[0].metadata["verp"] for one in done for put in one.puts]

    assert verps(0, 3) == [False] * 3
    assert verps(1, 3) == [True] * 3
    assert verps(3, 6) == [False, False, True] * 2


def test_a_member_seen_in_from_alone(site: Site) -> None:
    assert b"X-BeenThere" in sent_on(site.post(sender="srs0=abcd=ef=example.org=somebody@forwarder.example"))


def by(author: str) -> bytes:
    return POST.replace(b"Anne <anne@example.org>", author.encode())


@pytest.mark.parametrize("author", ["attacker@attacker.example", "SRS0=ab=cd=example.org=anne@attacker.example"])
def test_who_only_says_that_he_forwards_a_member_s_mail_is_held(author: str, site: Site) -> None:
    done = site.post(by(author), "SRS0=ab=cd=example.org=anne@attacker.example")
    assert [entry.queue for entry in done.entries] == ["held"]
    assert not [put for put in done.puts if put.entries[0].queue == "out" and "to_members" in put.entries[0].metadata]


def test_a_member_s_mail_that_was_forwarded_is_sent_on(site: Site) -> None:
    assert b"X-BeenThere" in sent_on(site.post(sender="SRS0=ab=cd=example.org=anne@forwarder.example"))


TWO = (f"Anne <anne@example.org>, {STRANGER}", f"{STRANGER}, anne@example.org", f'"Odd, {STRANGER}, anne@example.org')


@pytest.mark.parametrize("author", [*TWO, f"anne@example.org, x@y@z, {STRANGER}", "a (odd, anne@example.org"])
def test_a_member_who_is_one_of_several_authors_may_post(site: Site, author: str) -> None:
    site.set("default_nonmember_action=reject")
    assert b"X-BeenThere" in sent_on(site.post(by(author), STRANGER))


@pytest.mark.parametrize(
    "author", [*TWO, f"{STRANGER} <anne@example.org>", f"x@y@z, Ban {STRANGER} (, anne@example.org"]
)
def test_a_ban_finds_each_of_several_authors(site: Site, author: str) -> None:
    site.store.add_ban(STRANGER)
    assert site.post(by(author)) == Done()


@pytest.mark.parametrize("author", TWO)
def test_each_of_several_authors_counts_for_dmarc(site: Site, author: str) -> None:
    site.known.policies["example.net"] = Policy.REJECT
    content = sent_on(site.post(by(author)))
    assert b' via Ant" <ant@lists.example>' in content
    assert b"anne@example.org" in content
    assert sorted(site.known.asked) == ["example.net", "example.org"]


def test_a_refusal_goes_to_each_of_several_authors(site: Site) -> None:
    site.set("default_nonmember_action=reject")
    content = by(f'bo@example.net, {STRANGER}, "odd')
    assert set(notices(site.post(content, STRANGER))) == {STRANGER}


def test_a_stranger_s_post_is_held(site: Site) -> None:
    site.own("olga@example.org")
    done = site.post(BY_STRANGER, STRANGER, to_list=True)
    (held,) = done.entries
    assert (held.queue, held.listid, held.recipients) == ("held", LISTID, ("ant@lists.example",))
    assert held.metadata["reason"]
    assert {name: held.metadata[name] for name in ("request", "held_since", "subject", "to_list")} == {
        "request": "post",
        "held_since": NOW,
        "subject": "hello",
        "to_list": True,
    }
    assert set(notices(done)) == {"olga@example.org"}


def test_without_owners_the_site_s_owner_is_told(site: Site) -> None:
    assert set(notices(site.post(BY_STRANGER, STRANGER))) == {SITE_OWNER}


@pytest.mark.parametrize(("hold_notices", "told"), [("off", set()), ("members", {MEMBER}), ("all", {MEMBER, STRANGER})])
def test_who_hears_that_a_post_waits(site: Site, hold_notices: str, told: set[str]) -> None:
    site.set("emergency=yes", f"hold_notices={hold_notices}")
    heard = notices(site.post()).keys() | notices(site.post(BY_STRANGER, STRANGER)).keys()
    assert heard - {SITE_OWNER} == told


def test_a_member_hears_it_at_a_linked_address_and_at_a_wrapped_one(site: Site) -> None:
    site.set("emergency=yes")
    site.store.link(MEMBER, "anne@work.example")
    for sender in ("anne@work.example", f"prvs=1234abcdef={MEMBER}", "srs0=ab=cd=example.org=anne@forwarder.example"):
        assert sender in notices(site.post(by(f"{MEMBER}, anne@work.example"), sender))
        site.now += 86_400


def test_who_only_says_that_he_forwards_a_member_s_mail_does_not(site: Site) -> None:
    site.set("emergency=yes")
    wrapped = "srs0=ab=cd=example.org=anne@attacker.example"
    assert notices(site.post(by(wrapped), wrapped)).keys() == {SITE_OWNER}


def test_it_is_told_once_a_day_and_without_a_word_of_the_sender_s(site: Site) -> None:
    site.set("hold_notices=all")
    content = (
        b"From: WORDS <stranger@example.net>, WORDS@example.org\r\nSender: WORDS@example.net\r\nSubject: WORDS\r\n"
        b"Message-ID: <WORDS@example.net>\r\nReferences: <WORDS@example.net>\r\nDate: WORDS\r\n\r\nWORDS\r\n"
    )
    told = notices(site.post(content, STRANGER))[STRANGER]
    assert "WORDS" not in told.as_string()
    assert told["Auto-Submitted"] == "auto-replied"
    assert STRANGER not in notices(site.post(content, STRANGER))
    site.now += 86_400
    assert STRANGER in notices(site.post(content, STRANGER))


def test_a_refusal_too_repeats_nothing(site: Site) -> None:
    content = BY_STRANGER.replace(b"hello", b"WORDS").replace(b"<1@", b"<WORDS@").replace(b"Anne", b"WORDS")
    site.set("default_nonmember_action=reject")
    for done in (site.post(content, STRANGER, rejected="No."), site.post(content, STRANGER)):
        assert "WORDS" not in notices(done)[STRANGER].as_string()


def test_that_a_post_waits_is_told_to_nobody_but_an_author(site: Site) -> None:
    site.set("hold_notices=all")
    assert set(notices(site.post(BY_STRANGER, "victim@example.com"))) == {SITE_OWNER}
    assert notices(site.post(BY_STRANGER, "victim@example.com", rejected="No.")) == {}


@pytest.mark.parametrize(
    ("sender", "field"),
    [
        ("mailer-daemon@example.net", b""),
        (STRANGER, b"Auto-Submitted: auto-replied\r\n"),
        (STRANGER, b"Precedence: bulk\r\n"),
        (STRANGER, b"List-Id: <bee.example.net>\r\n"),
    ],
)
def test_who_may_not_be_answered_is_told_nothing(site: Site, sender: str, field: bytes) -> None:
    site.set("hold_notices=all")
    done = site.post(field + BY_STRANGER, sender)
    assert [entry.queue for entry in done.entries] == ["held"]
    assert set(notices(done)) == {SITE_OWNER}
    site.set("default_nonmember_action=reject")
    assert site.post(field + BY_STRANGER, sender) == Done()


def test_the_null_sender_may_not_post(site: Site) -> None:
    assert site.post(sender="") == Done()


def test_a_refusal_is_told_once_a_day(site: Site) -> None:
    site.set("default_nonmember_action=reject")
    done = site.post(BY_STRANGER, STRANGER)
    assert done.entries == ()
    assert set(notices(done)) == {STRANGER}
    assert site.post(BY_STRANGER, STRANGER) == Done()
    site.now += 86_400
    assert set(notices(site.post(BY_STRANGER, STRANGER))) == {STRANGER}


def test_a_refusal_goes_to_nobody_but_an_author(site: Site) -> None:
    site.set("default_nonmember_action=reject")
    assert site.post(BY_STRANGER, "victim@example.com") == Done()
    assert set(notices(site.post(BY_STRANGER, f"prvs=1234abcdef={STRANGER}"))) == {f"prvs=1234abcdef={STRANGER}"}


def test_a_discarded_post_leaves_nothing(site: Site) -> None:
    site.set("default_nonmember_action=discard")
    assert site.post(BY_STRANGER, STRANGER) == Done()


def test_a_loop_ends(site: Site) -> None:
    once = sent_on(site.post())
    assert site.post(once) == Done()


def test_a_loop_through_two_lists_ends(site: Site) -> None:
    once = sent_on(site.post())
    bee = Called("bee", "lists.example", "bee.lists.example", "Bee")
    assert site.post(cooked(split(once), bee)) == Done()


def test_a_moderator_lets_a_post_through(site: Site) -> None:
    (held,) = site.post(BY_STRANGER, STRANGER, to_list=True).entries
    again = {name: value for name, value in held.metadata.items() if name not in ("listid", "original_size")}
    assert b"hello" in sent_on(site.post(BY_STRANGER, STRANGER, **again, approved=True))


def test_a_moderator_s_refusal_is_told_each_time(site: Site) -> None:
    for _ in range(2):
        done = site.post(BY_STRANGER, STRANGER, rejected="Please write to the board.")
        assert done.entries == ()
        assert "Please write to the board." in notices(done)[STRANGER].get_content()


def test_what_nobody_has_decided_is_thrown_away(site: Site) -> None:
    site.own("olga@example.org")
    assert set(notices(site.post(BY_STRANGER, STRANGER, waited_days=30))) == {"olga@example.org"}
    assert site.post(BY_STRANGER, STRANGER, waited_days=30) == Done()  # the owners hear it once a day
    told = notices(site.post(waited_days=30))
    assert set(told) == {MEMBER}
    assert "No moderator has decided about it in 30 days." in told[MEMBER].get_content()
    site.now += 86_400
    site.set("hold_notices=off")
    assert set(notices(site.post(waited_days=30))) == {"olga@example.org"}


def test_a_list_that_is_gone_holds_its_mail(site: Site) -> None:
    site.store.remove_list("ant@lists.example")
    (held,) = site.post(approved=True).entries
    assert (held.queue, held.metadata["request"], held.metadata["subject"]) == ("held", "post", "hello")
    assert held.metadata["reason"] == "no list has this name"
    assert "approved" not in held.metadata
    assert site.post(rejected="") == Done()
    assert site.post(waited_days=30) == Done()


def test_a_directory_in_trouble_raises(site: Site, tmp_path: Path) -> None:
    site.directory.close()
    (tmp_path / "gatepost.db").rename(tmp_path / "away.db")
    with pytest.raises(DirectoryTrouble):
        site.post()


@pytest.mark.parametrize("policy", [Policy.QUARANTINE, Policy.REJECT])
def test_from_is_munged_where_the_author_s_domain_asks_for_refusal(site: Site, policy: Policy) -> None:
    site.known.policies["example.org"] = policy
    message = message_from_bytes(sent_on(site.post()), policy=default)
    assert message["From"] == "Anne via Ant <ant@lists.example>"
    assert message["Reply-To"] == "Anne <anne@example.org>"
    assert message["List-Id"] == "Ant <ant.lists.example>"


def test_the_dns_is_asked_about_the_author_s_domain(site: Site) -> None:
    with Server() as server:
        server.records["_dmarc.example.org"] = {"TXT": ["v=DMARC1; p=reject"]}
        site.posts = replace(site.posts, policies=Policies(Lookups([server.address])))
        assert b"From: Anne via Ant <ant@lists.example>" in sent_on(site.post())
        assert server.names_asked() == ["_dmarc.example.org"]


def test_a_munged_post_has_all_of_the_list_s_fields(site: Site) -> None:
    site.known.policies["example.org"] = Policy.REJECT
    signature = b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; h=from:list-id; b=x\r\n"
    assert b"\r\nList-Id: Ant\r\n" in sent_on(site.post(signature + POST))
    assert not site.good.asked


def test_a_post_is_wrapped(site: Site) -> None:
    site.known.policies["example.org"] = Policy.REJECT
    message = message_from_bytes(sent_on(site.post(dmarc="wrap")), policy=default)
    (inner,) = message.iter_parts()
    assert inner["From"] == "Anne <anne@example.org>"
    assert message["From"] == "Anne via Ant <ant@lists.example>"
    assert message["X-BeenThere"] == "ant@lists.example"


def test_a_policy_of_none_changes_nothing(site: Site) -> None:
    assert sent_on(site.post()) == sent_on(site.post(dmarc="off"))
    assert site.known.asked == ["example.org"]


def test_an_unknown_policy_counts_as_reject(site: Site) -> None:
    site.known.trouble = "_dmarc.example.org: no answer"
    assert b"From: Anne via Ant <ant@lists.example>" in sent_on(site.post())


def test_a_post_without_from_is_sent_on_as_it_is(site: Site) -> None:
    content = POST.replace(b"From: Anne <anne@example.org>\r\n", b"")
    assert b"From:" not in sent_on(site.post(content))
    assert not site.known.asked


def test_through_a_queue(site: Site, tmp_path: Path) -> None:
    create(f"sqlite:///{tmp_path}/queue.db")
    with closing(SqliteQueue(tmp_path / "queue.db", clock=Clock(NOW))) as queue:
        message = Message(content=POST, envsender="anne@example.org", received=NOW, trace="abc")
        queue.put(message, [Entry(queue="in", listid=LISTID, recipients=("ant@lists.example",))]).result()
        (claimed,) = queue.claim("in", "in-1", 60).result()
        done = site.posts(claimed, lambda *_: claimed)
        queue.done(claimed, done.entries, done.puts).result()
        (out,) = queue.claim("out", "out-1", 60).result()
    assert out.trace == "abc"
    assert out.metadata["envsender"] == "ant-bounces@lists.example"
    assert out.content.startswith(b"X-BeenThere: ant@lists.example\r\n")
