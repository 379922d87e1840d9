"""A real Postfix, Exim or Sendmail that does not want mail from us: nothing is lost, and no member is blamed for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from gatepost_lists.store.admin import Store
from gatepost_lists.store.changes import DeliveryState, DeliveryStatus
from gatepost_queue import Waiting
from labs.delivery import ANNE, LIST, SITE_OWNER, RunningDelivery, delivery_settings, members
from labs.mta import Exim, Postfix, Sendmail, wait_until
from labs.running import PATIENCE

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]

EVERYBODY = [ANNE, *members(3)]
# Of Exim, what asks whether it may relay, and for whom.
RELAY_FROM_HOSTS = "accept condition = ${if exists{{dir}/open}}\n"


class Refusing(NamedTuple):
    """A mail server that refuses us, with replies that begin so, until it is mended."""

    server: Postfix | Exim | Sendmail
    reply: str
    mend: Callable[[], object]


def mend(server: Postfix, refusing: str, taking: str) -> None:
    """Put words of a running Postfix's main.cf in the place of others."""
    server.write("etc/main.cf", server.path("etc/main.cf").read_text().replace(refusing, taking))
    server.reload()


def postfix() -> Refusing:
    """Its mynetworks do not have us."""
    server = Postfix(
        {
            "mynetworks": "127.0.0.99/32",
            "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
            "default_transport": "discard:",
        }
    )

    return Refusing(server, "554 5.7.1 <", lambda: mend(server, "127.0.0.99/32", "127.0.0.0/8"))


def postfix_at_mail() -> Refusing:
    """It says so before there is any recipient."""
    deny = "check_sender_access inline:{lists.example=REJECT,<>=REJECT}"
    server = Postfix(
        {
            "smtpd_delay_reject": "no",
            "smtpd_sender_restrictions": deny,
            "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
            "default_transport": "discard:",
        }
    )

    return Refusing(server, "554 5.7.1 <ant-bounces", lambda: mend(server, "=REJECT", "=DUNNO"))


def exim(reply: str) -> Refusing:
    """It may not relay for us, or does not like us for another reason that it has no status for."""
    server = Exim(acl_rcpt=f"{RELAY_FROM_HOSTS}deny message = {reply}")
    return Refusing(server, f"550 {reply}", lambda: server.write("open", ""))


def sendmail() -> Refusing:
    """Its access map has us."""
    server = Sendmail(macros="FEATURE(`access_db', `text -T<TMPF> -k0 -v1 {dir}/etc/access')dnl")
    server.write("etc/access", "Connect:127.0.0.1\tREJECT\n")
    return Refusing(server, "550 5.7.1 Access denied", lambda: server.write("etc/access", "Connect:127.0.0.1\tRELAY\n"))


@pytest.mark.parametrize("verp", [0, 1], ids=["together", "by itself"])
@pytest.mark.parametrize(
    "make",
    [
        postfix,
        postfix_at_mail,
        lambda: exim("relay not permitted"),
        lambda: exim("Sender verify failed"),
        sendmail,
    ],
    ids=["postfix", "postfix at MAIL", "exim", "exim, unclear", "sendmail"],
)
def test_a_mail_server_that_refuses_us_harms_nobody(tmp_path: Path, make: Callable[[], Refusing], verp: int) -> None:
    """With a threshold of 1, one post would have sent a probe to each, and that, refused as well, disabled them."""
    server, reply, mend = make()
    # A connection of before would know nothing of what is mended.
    more = (f"verp_delivery_interval = {verp}", "max_sessions_per_connection = 1")
    with server, RunningDelivery(tmp_path, delivery_settings(server.port, *more)) as site:
        with Store(site.store) as store:
            store.set_list(LIST, "bounce_score_threshold=1")
        site.add_members(EVERYBODY[1:])
        site.post("hello")
        waiting = site.wait_queue(lambda waiting: who_waits(waiting) == [EVERYBODY, [SITE_OWNER]])
        site.wait_line("the site's owner is told")
        site.wait_line('level=error event="the mail server refuses us"')
        [post] = [one for one in waiting if list(one.recipients) == EVERYBODY]
        assert list(post.metadata["states"]) == EVERYBODY
        assert all(said.startswith(reply) for said in post.metadata["states"].values())
        with Store(site.store) as store:
            states = {store.delivery_state(LIST, email) for email in EVERYBODY}
            assert states == {DeliveryState(DeliveryStatus.ENABLED, 0, None)}
            assert store.bounce_events(LIST) == []
        mend()
        site.retry()
        site.wait_empty()
        wait_until(lambda: sent(site) == len(EVERYBODY) + 1, PATIENCE, lambda: site.output)


def who_waits(waiting: list[Waiting]) -> list[list[str]]:
    """Who is to be tried again, if nothing else waits."""
    return sorted(list(one.recipients) for one in waiting) if {one.queue for one in waiting} <= {"retry"} else []


def sent(site: RunningDelivery) -> int:
    """How many recipients the mail server has taken."""
    said = [line["outcome"].strip('"') for line in site.lines(event="transaction")]
    return sum(int(outcome.removesuffix(" sent")) for outcome in said if outcome.endswith(" sent"))
