"""A client that asks thousands of questions at once: others are answered between them."""

from __future__ import annotations

import re
import signal
import socket
import threading
from pathlib import Path

import pytest

from labs.running import RunningPolicy, netstring, receive_all, send_what_fits, socketmap_settings
from wire.policy_dialogues import request

MANY = 10_000
FLOOD, ANNE = "flood@example.org", "anne@example.org"


def question(door: str, sender: str) -> bytes:
    if door == "policy":
        return request(b"nobody@lists.example", sender.encode())
    return netstring(f"verdict {sender} | nobody@lists.example")


@pytest.mark.parametrize("door", ["policy", "socketmap"])
def test_others_are_answered_between_the_questions_of_one(store: Path, door: str) -> None:
    """Both have asked all they have when the service, which was held up, looks at them: first at the one with more."""
    settings = socketmap_settings("sqlite:///gatepost.db")
    with (
        RunningPolicy(store.parent, settings) as service,
        service.connect(door) as flood,
        service.connect(door) as anne,
    ):
        anne.sendall(question(door, ANNE))
        answer = anne.recv(1000)
        flood.sendall(question(door, FLOOD))
        assert flood.recv(1000) == answer
        service.signal(signal.SIGSTOP)
        rest = send_what_fits(flood, question(door, FLOOD) * MANY)
        send_all(anne, question(door, ANNE))
        service.signal(signal.SIGCONT)
        sending = threading.Thread(target=send_all, args=(flood, rest))
        sending.start()
        assert receive_all(anne) == answer
        assert receive_all(flood) == answer * MANY
        sending.join()
        senders = re.findall(rf"event=verdict door={door} .* sender=(\S+@example\.org) ", service.output)
    assert senders.index(ANNE, 2) < 200


def send_all(connection: socket.socket, octets: bytes) -> None:
    """All that a client has to say."""
    connection.sendall(octets)
    connection.shutdown(socket.SHUT_WR)
