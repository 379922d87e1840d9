"""Several recipients at the header stage: a Postfix that asks the milter, and one that sends to it and comes again."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cases import RELAY_DOMAINS, build_store
from labs.milter import Milter, milter_settings
from labs.milter.servers import postfix_asking, sendmail_asking, stranger
from labs.milter.service import ANNE, CLOSED, OWNER, STRANGER
from labs.mta import Client, Postfix, Sink, wait_until

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]

ELSEWHERE = "joe@elsewhere.example"
SEPARATELY = "452 4.5.3 send to this recipient separately"


class Way(NamedTuple):
    """From a sending server to the one that asks the milter, and from there to the sink."""

    sending: Postfix
    sink: Sink

    def send(self, recipients: list[str], author: str, marker: str) -> None:
        """Hand a stranger's message to the sending server."""
        with Client(("127.0.0.1", self.sending.port)) as client:
            client.hello()
            assert [reply.code for reply in client.mail(STRANGER, recipients)] == [250] * len(recipients)
            assert client.data(f"From: {author}\r\nSubject: {marker}\r\n\r\nhi\r\n".encode())[0].code == 250

    def recipients(self, marker: str) -> set[str]:
        """Who has got the message."""
        found = [each for each in self.sink.delivered if marker.encode() in each.message]
        return {recipient for each in found for recipient in each.recipients}

    def come_again(self, marker: str, expected: set[str], done: str, seen: int) -> None:
        """Have the sending server send what was put off, until its log says that this is done, and look who has got it.

        A message is put off only once all of it has been tried, so one that is hurried too early is hurried again.
        """

        def is_done() -> bool:
            self.sending.flush()
            return bool(re.search(done, self.sending.log()[seen:]))

        wait_until(is_done, 60, lambda: f"{marker} reached {self.recipients(marker)}")
        wait_until(lambda: self.recipients(marker) == expected, 60, lambda: str(self.recipients(marker)))


@pytest.fixture(scope="module")
def milter(mtalab: object) -> Iterator[Milter]:
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        build_store(Path(name) / "gatepost.db")
        with Milter(Path(name), milter_settings('stage = "headers"')) as running:
            yield running


@pytest.fixture(scope="module")
def way(milter: Milter) -> Iterator[Way]:
    with (
        Sink() as sink,
        postfix_asking(milter.port("milter"), relay_transport=f"lmtp:inet:127.0.0.1:{sink.port}") as asking,
        Postfix(
            {
                "relay_domains": " ".join(RELAY_DOMAINS),
                "relay_transport": f"smtp:[127.0.0.1]:{asking.port}",
                "minimal_backoff_time": "1s",
            }
        ) as sending,
    ):
        yield Way(sending, sink)


@pytest.mark.parametrize("other", [OWNER, ELSEWHERE, "open@lists.example"])
def test_a_member_in_from_reaches_all_though_one_is_put_off(other: str, way: Way) -> None:
    marker, seen = f"member-{other}", len(way.sending.log())
    way.send([CLOSED, other], ANNE, marker)
    put_off = way.sending.wait_log(r"to=<(\S+)>.*status=deferred .*said: (.*) \(in reply to RCPT", after=seen)
    assert put_off[2].startswith(SEPARATELY)
    way.come_again(marker, {CLOSED, other}, rf"to=<{put_off[1]}>.*status=sent", seen)


@pytest.mark.parametrize("other", [OWNER, ELSEWHERE, "open@lists.example"])
def test_a_stranger_reaches_the_others_alone_and_his_own_server_tells_him(other: str, way: Way) -> None:
    marker, seen = f"stranger-{other}", len(way.sending.log())
    way.send([CLOSED, other], STRANGER, marker)
    way.sending.wait_log(rf"to=<\S+>.*status=deferred .*said: {SEPARATELY}", after=seen)
    way.come_again(marker, {other}, rf"to=<{other}>.*status=sent", seen)
    way.come_again(marker, {other}, rf"to=<{CLOSED}>.*status=bounced .*said: 550 5.7.2 you may not post", seen)


@pytest.mark.parametrize("sender", ["", STRANGER])
@pytest.mark.parametrize("other", [OWNER, ELSEWHERE])
@pytest.mark.parametrize("name", ["postfix", "sendmail"])
def test_by_setting_he_is_refused_at_rcpt(name: str, other: str, sender: str, tmp_path: Path) -> None:
    build_store(tmp_path / "gatepost.db")
    settings = milter_settings('stage = "headers"', 'mixed_recipients = "reject"')
    with Milter(tmp_path, settings) as milter:
        port = milter.port("milter")
        with postfix_asking(port) if name == "postfix" else sendmail_asking(port) as server:
            told = []
            for recipients in ([other, CLOSED], [CLOSED, other]):
                with stranger(server) as client:
                    told.append([f"{reply.code} {reply.status}" for reply in client.mail(sender, recipients)])
    refused = "550 5.7.2" if sender else "452 4.5.3"
    assert told == [["250 2.1.5", refused], ["250 2.1.5", "452 4.5.3"]]
