"""Real mail servers that ask the milter, configured with what docs/milter.md tells their operators to write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cases import RELAY_DOMAINS
from labs.mta import Client, Instance, Postfix, Sendmail
from labs.running import ROOT

# A client that is no friend of the servers: they trust 127.0.0.1.
STRANGERS_HOST = "127.0.0.9"
_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_RELAYED = "".join(f"RELAY_DOMAIN(`{domain}')dnl\n" for domain in RELAY_DOMAINS if domain.isascii())


def written(kind: str, containing: str, replaced: Mapping[str, str], page: str = "milter.md") -> str:
    """The one block of the page that is of this kind and has this text in it, with what differs here replaced."""
    text_of_page = (ROOT / "docs" / page).read_text(encoding="utf-8")
    (block,) = (text for word, text in _FENCE.findall(text_of_page) if word == kind and containing in text)
    for before, after in replaced.items():
        assert before in block, f"{before!r} is not in {block!r}"
        block = block.replace(before, after)
    return str(block)


def postfix_asking(port: int, **more: str) -> Postfix:
    """A Postfix that asks the milter at this port; more are main.cf settings."""
    lines = written("main.cf", "smtpd_milters = inet:", {"127.0.0.1:8032": f"127.0.0.1:{port}"})
    return postfix_with(lines, **more)


def sendmail_asking(port: int, **more: Any) -> Sendmail:
    """A Sendmail that asks the milter at this port; more are arguments of Sendmail."""
    macros = written("sendmail.mc", "S=inet:", {"8032@127.0.0.1": f"{port}@127.0.0.1"})
    return sendmail_with(macros, **more)


def postfix_with(lines: str, **more: str) -> Postfix:
    """A Postfix with these lines of main.cf, and more settings; it takes mail for all domains of the cases."""
    pairs = (line.partition(" = ") for line in lines.splitlines())
    settings = {name: value for name, _, value in pairs}
    return Postfix({"relay_domains": " ".join(RELAY_DOMAINS), "mynetworks": "127.0.0.1", **settings, **more})


def sendmail_with(macros: str, **more: Any) -> Sendmail:
    """A Sendmail with these lines of sendmail.mc, and more arguments; it relays for all domains of the cases."""
    return Sendmail(macros=macros + _RELAYED, **more)


def stranger(server: Instance) -> Client:
    """A stranger who has greeted the server."""
    client = Client(("127.0.0.1", server.port), STRANGERS_HOST)
    client.hello()
    return client
