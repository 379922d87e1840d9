"""A list with too much held mail gets no more of it for now; all else goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gatepost_lists.store import versions
from gatepost_lists.store.admin import Store
from gatepost_queue import Entry, Message, open_queue
from labs.lmtp import RunningLmtp, lmtp_settings
from labs.mta import Reply
from labs.mta.processes import wait_until
from labs.running import PATIENCE

MEMBER, STRANGER = "anne@example.org", "stranger@example.net"


@pytest.fixture
def lmtp(tmp_path: Path) -> Iterator[RunningLmtp]:
    """Its lists, with their member, hold what strangers write; of ant two messages may wait, of bee none does."""
    versions.create(tmp_path / "gatepost.db")
    with Store(tmp_path / "gatepost.db") as store:
        store.add_domain("lists.example")
        for name in ("ant", "bee"):
            store.create_list(f"{name}@lists.example")
            store.add_members(f"{name}@lists.example", [MEMBER])
    with RunningLmtp(tmp_path, lmtp_settings("sqlite:///gatepost.db", "max_held_messages = 2")) as running:
        yield running


def hold(lmtp: RunningLmtp, listid: str) -> None:
    with closing(open_queue(f"sqlite:///{lmtp.folder}/queue.db")) as queue:
        message = Message(content=b"x", envsender=STRANGER, received=1_800_000_000.0)
        queue.put(message, [Entry(queue="held", listid=listid)]).result(PATIENCE)


def send(lmtp: RunningLmtp, sender: str, *recipients: str, author: str = "") -> list[Reply]:
    with lmtp.client() as client:
        assert {reply.code for reply in client.mail(sender, [f"{name}@lists.example" for name in recipients])} == {250}
        return client.data(f"From: {author or sender}\r\nSubject: hello\r\n\r\nHello.\r\n".encode(), len(recipients))


def test_what_would_be_held_comes_later_and_all_else_now(lmtp: RunningLmtp) -> None:
    for _ in range(2):
        hold(lmtp, "ant.lists.example")
    # the queue is asked now and then
    wait_until(lambda: send(lmtp, STRANGER, "ant")[0][:2] == (452, "4.2.2"), PATIENCE, lambda: lmtp.output)
    assert [reply.code for reply in send(lmtp, STRANGER, "ant", "bee", "ant-owner")] == [452, 250, 250]
    assert [reply.code for reply in send(lmtp, MEMBER, "ant")] == [250]
    assert [reply.code for reply in send(lmtp, STRANGER, "ant", author=MEMBER)] == [250]
    lmtp.wait_line(r"event=verdict door=lmtp .*list=ant@lists.example test=max-held verdict=defer code=452")
    with Store(lmtp.folder / "gatepost.db") as store:
        store.set_list("ant@lists.example", "default_nonmember_action=discard")
    assert [reply.code for reply in send(lmtp, STRANGER, "ant")] == [250]
