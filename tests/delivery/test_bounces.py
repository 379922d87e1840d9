"""Mail that came back, through the real queue and the real store: what counts, for whom, and what follows."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_delivery.reports import MAX_FAILED, MAX_WHY, read_report, verp_address
from gatepost_lists.store.changes import DeliveryStatus
from labs.desk import DAY, LIST, SITE_OWNER, Desk, Died, Sent, dying, dying_at
from labs.desk.reports import ODD, OLD_VACATION, READ_RECEIPT, VACATION, dsn, exim, qmail

ANNE = "anne@example.org"
VERP = "anne=example.org"
FAILED = dsn("failed", ANNE)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with closing(Desk(tmp_path)) as opened:
        yield opened


def score(desk: Desk, email: str = ANNE) -> int:
    return desk.store.delivery_state(LIST, email).bounce_score


def status(desk: Desk, email: str = ANNE) -> DeliveryStatus:
    return desk.store.delivery_state(LIST, email).delivery_status


def probed(desk: Desk) -> Sent:
    """The probe that goes to anne after bounces on as many days as the threshold says."""
    for _ in range(4):
        assert desk.bounce(FAILED, VERP) == []
        desk.clock.now += DAY
    [probe] = desk.bounce(FAILED, VERP)
    return probe


def token_of(probe: Sent) -> str:
    local, _, domain = probe.envsender.partition("@")
    assert domain == "lists.example"
    assert local.startswith("ann-bounces+")
    return local.removeprefix("ann-bounces+")


# What counts.


@pytest.mark.parametrize(
    ("content", "extension"),
    [
        (FAILED, VERP),
        (FAILED, ""),
        (FAILED, "ANNE=Example.org"),
        (dsn("failed", "forwarded@elsewhere.example"), VERP),
        (exim(ANNE), ""),
        (exim(f"elsewhere@example.net, {ANNE}"), ""),
        (exim(f'{ANNE}, "odd'), ""),
        (exim(f"elsewhere@example.net\nX-Failed-Recipients: {ANNE} (odd"), ""),
        (dsn("failed", f"{ANNE}, elsewhere@example.net"), ""),
        (dsn("failed", f"<{ANNE}> (odd"), ""),
        (
            dsn("failed", ANNE)
            .replace(b"rfc822; ", b"")
            .replace(b"rfc822;", b"")
            .replace(ANNE.encode(), f"<{ANNE}>".encode()),
            "",
        ),
        (qmail(ANNE), ""),
        (exim("elsewhere@example.net"), VERP),
        (ODD, VERP),
    ],
)
def test_a_bounce_counts_against_the_member(desk: Desk, content: bytes, extension: str) -> None:
    assert desk.bounce(content, extension) == []
    assert score(desk) == 1


def test_the_log_says_why(desk: Desk) -> None:
    desk.bounce(dsn("failed", ANNE, diagnosis="smtp; 550 5.1.1\n <anne@example.org>: gone\x07"), VERP)
    [event] = desk.store.bounce_events(LIST)
    assert (event.email, event.why) == (ANNE, "reported: 550 5.1.1 <anne@example.org>: gone")


def test_one_a_day_is_logged_whatever_a_stranger_writes(desk: Desk) -> None:
    """51 forged reports, each with another text, would have been 51 lines of the log, and five of them in a probe."""
    for number in range(51):
        desk.bounce(dsn("failed", ANNE, diagnosis=f"smtp; 550 5.1.1 see https://evil.example/{number}"), VERP)
    desk.undelivered(refused={ANNE: "550 5.1.1 gone"})
    assert [event.why for event in desk.store.bounce_events(LIST)] == [
        "reported: 550 5.1.1 see https://evil.example/0",
        "refused: 550 5.1.1 gone",
    ]


@pytest.mark.parametrize("sender", ["", "MAILER-DAEMON@mx.example.net", "postmaster@mx.example.net"])
def test_those_who_report_are_heard(desk: Desk, sender: str) -> None:
    desk.bounce(FAILED, VERP, sender=sender)
    assert score(desk) == 1


@pytest.mark.parametrize(
    ("content", "extension", "sender"),
    [
        (FAILED, VERP, "bo@example.org"),
        (ODD, "", ""),
        (VACATION, VERP, ""),
        (OLD_VACATION, VERP, ""),
        (READ_RECEIPT, VERP, ""),
        (dsn("delayed", ANNE), VERP, ""),
        (dsn("delayed", ANNE), "", ""),
        (dsn("delivered", ANNE), VERP, ""),
        (dsn("relayed", ANNE), VERP, ""),
        (dsn("failed"), VERP, ""),
        (FAILED, "nobody=example.org", ""),
        (FAILED, "=", ""),
        (FAILED, "anne=", ""),
        (FAILED, "< <anne=example.org> >", ""),
        (dsn("failed", "nobody@example.org"), "", ""),
    ],
)
def test_nothing_else_counts(desk: Desk, content: bytes, extension: str, sender: str) -> None:
    assert desk.bounce(content, extension, sender=sender) == []
    assert score(desk) == 0


def test_a_report_counts_against_each_member_whom_it_names(desk: Desk) -> None:
    desk.store.add_members(LIST, ["bo@example.org", "ce@example.org"])
    desk.bounce(dsn("failed", ANNE, "bo@example.org", "nobody@example.org"))
    assert [score(desk, email) for email in (ANNE, "bo@example.org", "ce@example.org")] == [1, 1, 0]


def test_it_counts_on_that_list_alone(desk: Desk) -> None:
    desk.store.create_list("bee@lists.example")
    desk.store.add_members("bee@lists.example", [ANNE])
    desk.bounce(FAILED, VERP)
    assert desk.store.delivery_state("bee@lists.example", ANNE).bounce_score == 0


def test_one_a_day_counts(desk: Desk) -> None:
    for _ in range(20):
        desk.bounce(FAILED, VERP)
    assert score(desk) == 1


def test_nothing_counts_where_bounces_are_not_processed(desk: Desk) -> None:
    desk.store.set_list(LIST, "process_bounces=no", "bounce_score_threshold=1")
    assert desk.bounce(FAILED, VERP) == []
    assert desk.undelivered(refused={ANNE: "550 5.1.1 gone"}) == []
    assert score(desk) == 0


def test_mail_for_a_list_that_is_gone_is_dropped(desk: Desk) -> None:
    desk.store.remove_list(LIST)
    assert desk.bounce(FAILED, VERP) == []


# Probes.


def test_at_the_threshold_a_probe_goes_out_and_delivery_goes_on(desk: Desk) -> None:
    probe = probed(desk)
    assert probe.recipients == (ANNE,)
    assert "a test of your address" in probe.subject
    assert "550" not in probe.text
    assert status(desk) is DeliveryStatus.ENABLED


def test_further_bounces_send_no_further_probe_while_one_is_out(desk: Desk) -> None:
    probed(desk)
    for _ in range(6):
        desk.clock.now += DAY
        assert desk.bounce(FAILED, VERP) == []
    desk.clock.now += DAY
    assert len(desk.bounce(FAILED, VERP)) == 1


@pytest.mark.parametrize("content", [FAILED, dsn("failed", "forwarded@elsewhere.example"), ODD])
def test_a_probe_that_comes_back_disables_delivery_and_tells_of_it(desk: Desk, content: bytes) -> None:
    probe = probed(desk)
    told = desk.bounce(content, token_of(probe).upper())
    assert {one.recipients: one.subject for one in told} == {
        ("olga@example.org",): "Ann: anne@example.org gets no more mail",
        (ANNE,): "You get no more mail from Ann",
    }
    assert {one.envsender for one in told} == {""}
    assert "--enable" in told[0].text
    assert "Reason: " in told[0].text
    assert "Reason" not in told[1].text
    assert status(desk) is DeliveryStatus.BY_BOUNCES


def test_a_probe_that_our_mail_server_refuses_disables_delivery(desk: Desk) -> None:
    probe = probed(desk)
    told = desk.undelivered(probe.envsender, refused={ANNE: "550 5.1.1 gone"})
    assert len(told) == 2
    assert status(desk) is DeliveryStatus.BY_BOUNCES


@pytest.mark.parametrize("content", [VACATION, OLD_VACATION, READ_RECEIPT, dsn("delayed", ANNE)])
def test_who_answers_a_probe_has_got_it(desk: Desk, content: bytes) -> None:
    probe = probed(desk)
    assert desk.bounce(content, token_of(probe)) == []
    assert status(desk) is DeliveryStatus.ENABLED
    assert desk.bounce(FAILED, token_of(probe)) != []


def test_a_probe_comes_back_once(desk: Desk) -> None:
    token = token_of(probed(desk))
    desk.bounce(FAILED, token)
    desk.store.set_delivery(LIST, ANNE, DeliveryStatus.ENABLED, "by hand", desk.clock.now)
    assert desk.bounce(FAILED, token) == []
    assert status(desk) is DeliveryStatus.ENABLED


def test_a_guessed_token_does_nothing(desk: Desk) -> None:
    probed(desk)
    assert desk.bounce(FAILED, "a" * 32) == []
    assert status(desk) is DeliveryStatus.ENABLED


def test_the_token_of_a_confirmation_disables_nothing(desk: Desk) -> None:
    token = desk.store.add_pending("leave", LIST, ANNE, DAY, desk.clock.now)
    assert desk.bounce(FAILED, token) == []
    assert status(desk) is DeliveryStatus.ENABLED


def test_a_probe_of_somebody_who_has_left_does_nothing(desk: Desk) -> None:
    token = token_of(probed(desk))
    desk.store.remove_members(LIST, [ANNE])
    assert desk.bounce(FAILED, token) == []


# What our own sender could not deliver.


def test_a_refused_recipient_counts_with_the_reply(desk: Desk) -> None:
    assert desk.undelivered(refused={"Anne@example.org": "550 5.1.1 gone", "bo@example.org": "550 no"}) == []
    assert score(desk) == 1
    assert [event.why for event in desk.store.bounce_events(LIST)] == ["refused: 550 5.1.1 gone"]


def test_refusals_lead_to_a_probe(desk: Desk) -> None:
    desk.store.set_list(LIST, "bounce_score_threshold=1")
    [probe] = desk.undelivered(refused={"Anne@example.org": "550 5.1.1 gone"})
    assert probe.recipients == ("Anne@example.org",)


def test_the_owners_are_told_once_of_a_message_that_expired(desk: Desk) -> None:
    [told] = desk.undelivered(expired={ANNE: "451 4.2.0 try later"})
    assert (told.envsender, told.recipients) == ("", ("olga@example.org",))
    assert "anne@example.org: 451 4.2.0 try later" in told.text
    assert "Subject: a post" in told.text
    assert desk.undelivered(expired={"bo@example.org": "451"}) == []
    assert score(desk) == 0


def test_the_owners_are_told_once_of_a_message_that_was_refused(desk: Desk) -> None:
    [told] = desk.undelivered(message_refused="554 5.7.1 spam", recipients=(ANNE, "bo@example.org"))
    assert told.recipients == ("olga@example.org",)
    assert "Reply: 554 5.7.1 spam" in told.text
    assert "bo@example.org" in told.text
    assert desk.undelivered(message_refused="554 5.7.1 spam", recipients=("ce@example.org",)) == []
    assert score(desk) == 0


# When it is us that are refused.

DENIED = "554 5.7.1 <anne@example.org>: Relay access denied"


def test_the_sites_owner_is_told_that_we_are_refused_and_nothing_counts(desk: Desk) -> None:
    desk.store.set_list(LIST, "bounce_score_threshold=1")
    [told] = desk.undelivered(client_refused={ANNE: DENIED})
    assert (told.envsender, told.recipients) == ("", (SITE_OWNER,))
    assert told.subject == "gatepost: the mail server refuses us"
    assert f"anne@example.org: {DENIED}" in told.text
    assert (score(desk), desk.store.bounce_events(LIST)) == (0, [])


def test_that_is_told_once_a_day_whatever_the_list_and_for_each_kind(desk: Desk) -> None:
    def tell(reply: str) -> int:
        return len(desk.undelivered(client_refused={ANNE: reply}))

    assert [tell(reply) for reply in (DENIED, "554 5.7.1 <bo@example.org>: Relay access denied")] == [1, 0]
    assert [tell(reply) for reply in ("530 5.7.0 log in", "550 relay not permitted", "550 no")] == [1, 1, 0]
    desk.store.create_list("bee@lists.example")
    assert desk.store.first_time_anywhere("bee@lists.example", "client refused 554 5.7.1", desk.clock.now, DAY) is False
    desk.clock.now += DAY
    assert tell(DENIED) == 1


@pytest.mark.parametrize(
    "diagnosis",
    [
        "smtp; 554 5.7.1 <anne@example.org>: Relay access denied",
        "smtp; 550-5.7.26 not authenticated",
        "550 relay denied",
    ],
)
def test_a_probe_that_comes_back_because_of_us_disables_nothing(desk: Desk, diagnosis: str) -> None:
    token = token_of(probed(desk))
    [told] = desk.bounce(dsn("failed", ANNE, diagnosis=diagnosis), token)
    assert told.recipients == (SITE_OWNER,)
    assert status(desk) is DeliveryStatus.ENABLED
    assert desk.bounce(FAILED, token) == [], "it comes back once"


def test_what_is_forged_raises_no_alarm(desk: Desk) -> None:
    denied = dsn("failed", ANNE, diagnosis=f"smtp; {DENIED}")
    assert [desk.bounce(denied, extension) for extension in (VERP, "", "a" * 32)] == [[], [], []]


# A process that dies.


@pytest.mark.parametrize("step", [1, 2])
def test_the_sites_owner_is_told_of_a_probe_that_came_back_though_the_process_dies(desk: Desk, step: int) -> None:
    token = token_of(probed(desk))
    with pytest.raises(Died):
        desk.bounce(dsn("failed", ANNE, diagnosis=f"smtp; {DENIED}"), token, wrap=dying_at(step))
    desk.clock.now += 61
    assert [told.recipients for told in desk.work("bounces")] == [(SITE_OWNER,)]


def test_the_sites_owner_is_told_though_the_process_dies(desk: Desk) -> None:
    with pytest.raises(Died):
        desk.undelivered(client_refused={ANNE: DENIED}, wrap=dying)
    desk.clock.now += 61
    assert len(desk.work("bounces")) == 1


def test_a_probe_is_sent_though_the_process_dies(desk: Desk) -> None:
    desk.store.set_list(LIST, "bounce_score_threshold=1")
    with pytest.raises(Died):
        desk.bounce(FAILED, VERP, wrap=dying)
    desk.clock.now += 61
    [probe] = desk.work("bounces")
    assert len(desk.bounce(FAILED, token_of(probe))) == 2


def test_a_probe_that_came_back_is_told_of_though_the_process_dies(desk: Desk) -> None:
    token = token_of(probed(desk))
    with pytest.raises(Died):
        desk.bounce(FAILED, token, wrap=dying)
    desk.clock.now += 61
    assert len(desk.work("bounces")) == 2
    assert status(desk) is DeliveryStatus.BY_BOUNCES


def test_the_owners_are_told_though_the_process_dies(desk: Desk) -> None:
    with pytest.raises(Died):
        desk.undelivered(expired={ANNE: "451"}, wrap=dying)
    desk.clock.now += 61
    assert len(desk.work("bounces")) == 1


# Reading reports.


@pytest.mark.parametrize(
    ("extension", "address"),
    [
        ("anne=example.org", "anne@example.org"),
        ("Anne=Example.org", "Anne@Example.org"),
        ("anne=x=example.org", "anne=x@example.org"),
        ("anne+x=example.org", "anne+x@example.org"),
        ("=example.org", ""),
        ("anne=", ""),
        ("anne", ""),
        ("", ""),
    ],
)
def test_the_last_equals_sign_is_the_at_sign(extension: str, address: str) -> None:
    assert verp_address(extension) == address


def test_what_a_report_names_has_limits() -> None:
    report = read_report(dsn("failed", *(f"m{number}@x.example" for number in range(MAX_FAILED + 50))))
    assert len(report.failed) == MAX_FAILED
    assert len(read_report(dsn("failed", ANNE, diagnosis="x" * 5000)).why) == MAX_WHY


def test_mime_as_deep_as_it_likes_is_no_report() -> None:
    nested = b"".join(
        b"Content-Type: multipart/report; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level) for level in range(400)
    )
    assert read_report(nested + FAILED).failed == ()


@pytest.mark.parametrize("head", [b"", b"From:\r\n", b"From: \xff\r\n"])
def test_a_report_may_lack_what_the_library_wants(head: bytes) -> None:
    assert read_report(head + qmail(ANNE).partition(b"\r\n")[2]).failed == (ANNE,)


def test_the_library_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        read_report(FAILED)
    assert not [record for record in caplog.records if record.name.startswith("flufl")]


@given(
    st.lists(
        st.sampled_from(
            [b"Content-Type: multipart/report; boundary=b\r\n", b"\r\n", b"--b\r\n", b"--b--\r\n", b"\0",
             b"Action: failed\r\n", b"Content-Type: message/delivery-status\r\n", b"Final-Recipient: rfc822; ", b"<",
             b">:", b"anne@example.org\r\n", b"\xff\r\n", b"Hi. This is the\r\n", b"X-Failed-Recipients: ", b"(",
             b"From: \r\n", b"A message that you sent could not be delivered\r\n", b"Diagnostic-Code: smtp;",
             b"Subject: =?x?b?=?=\r\n"]
        ),
        max_size=40,
    ).map(b"".join)
)  # fmt: skip
def test_nothing_fails_on_a_broken_report(content: bytes) -> None:
    report = read_report(content)
    assert all("@" in address for address in report.failed)
    assert report.why
    assert not (report.failed and report.may_be_bounce)
