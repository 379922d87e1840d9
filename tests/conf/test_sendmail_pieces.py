"""What is written for Sendmail, by the settings."""

from __future__ import annotations

import pytest

from gatepost_conf import sendmail
from gatepost_lists.model import Domain
from labs.conf import site

LISTS, SHARED = Domain("lists.example"), Domain("shared.example", "l.example", shared=True)
ON_SOCKETS = """\
[milter]
listen = "unix:/run/gatepost/milter"
[socketmap]
listen = ["unix:/run/gatepost/tables"]
[lmtp]
listen = ["unix:/run/gatepost/lmtp"]
"""


def texts(settings: str = "") -> dict[str, str]:
    return {piece.name: piece.text for piece in sendmail.pieces(site([LISTS, SHARED], (), settings))}


def test_domains_with_mailboxes_are_left_out_and_named() -> None:
    made = {piece.name: piece for piece in sendmail.pieces(site([LISTS, SHARED]))}
    assert made["mailertable"].text == "lists.example\tlmtp:[127.0.0.1]\nl.example\tlmtp:[127.0.0.1]\n"
    assert "shared.example" in made["mailertable"].comment
    assert "RELAY_DOMAIN(`shared.example')" not in made["lists.mc"].text


def test_over_sockets() -> None:
    found = texts(ON_SOCKETS)
    assert "S=local:/run/gatepost/milter," in found["milter.mc"]
    assert "Kverdict socket -T<TMPF> local:/run/gatepost/tables\n" in found["verdict.mc"]
    assert "A=FILE /run/gatepost/lmtp\n" in found["mailers.mc"]
    assert found["mailertable"].startswith("lists.example\tlmtpunix:localhost\n")
    assert "confDONT_BLAME_SENDMAIL" in found["milter.mc"]


@pytest.mark.parametrize(
    ("settings", "name", "text"),
    [
        ('[milter]\nlisten = "inet:[::1]:32"', "milter.mc", "S=inet6:32@::1,"),
        ('[socketmap]\nlisten = ["inet:0.0.0.0:33"]', "verdict.mc", "inet:33@127.0.0.1\n"),
        ('[lmtp]\npublic_address = "[::1]:24"', "mailertable", "lists.example\tlmtp:[IPv6:::1]\n"),
        ('[lmtp]\npublic_address = "mx.example.com:24"', "mailers.mc", "A=TCP $h 24\n"),
    ],
)
def test_addresses_as_sendmail_writes_them(settings: str, name: str, text: str) -> None:
    assert text in texts(settings)[name]


def test_what_is_not_served_is_not_asked() -> None:
    found = texts("[milter]\nenabled = false\n[socketmap]\nenabled = false")
    assert found.keys() == {"lists.mc", "mailers.mc", "mailertable"}
