"""gatepost and a Postfix, which brings mail to gatepost, takes its mail, and delivers to people's mailboxes.

People live at people.example; who has no mailbox there is refused at RCPT. Mail to gone.example is accepted, and comes
back in a report. Lists are at lists.example.
"""

from __future__ import annotations

import itertools
import mailbox
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import localtime, make_msgid
from pathlib import Path
from typing import Any

from cli.conftest import CommandLine
from gatepost_lists import parse_address_list
from labs.delivery.peer import Peer
from labs.delivery.service import delivery_settings
from labs.dns import Server
from labs.mta import Client, Postfix, wait_until
from labs.running import PATIENCE, Gatepost

PEOPLE = ("anne", "bo", "olga", "stranger", "site")


class Mailbox:
    """What a mail reader sees: each message once, in whatever order it asks for them."""

    def __init__(self, address: str, folder: Path, trouble: Callable[[], str]) -> None:
        self.address = address
        self._maildir = mailbox.Maildir(folder)
        self._trouble = trouble

    def read(self, subject: str) -> EmailMessage:
        """The first message with this in its subject, which is then gone; waits for it."""
        said = lambda: f"nothing with {subject!r} for {self.address}: {self._trouble()}"  # noqa: E731
        return wait_until(lambda: self._take(subject), PATIENCE, said)

    def subjects(self) -> list[str]:
        """Of all that is left."""
        return sorted(str(message["Subject"]) for _, message in self._messages())

    def _take(self, subject: str) -> EmailMessage | None:
        for key, message in self._messages():
            if subject in str(message["Subject"]):
                self._maildir.remove(key)
                return message
        return None

    def _messages(self) -> Iterator[tuple[str, EmailMessage]]:
        for key in self._maildir.keys():  # noqa: SIM118 - it is no dict
            message = message_from_bytes(self._maildir.get_bytes(key), policy=policy.default)
            assert isinstance(message, EmailMessage)
            yield key, message


class Town:
    """Use `town()`."""

    def __init__(self, folder: Path, postfix: Postfix, gatepost: Gatepost) -> None:
        self.postfix = postfix
        self.gatepost = gatepost
        self.command = CommandLine(folder)

    def mailbox(self, name: str) -> Mailbox:
        """The mailbox of somebody in people.example."""
        folder = self.postfix.path("mail", "people.example", name)
        return Mailbox(f"{name}@people.example", folder, self._trouble)

    def make_list(self, name: str, *members: str, owner: str = "olga@people.example") -> str:
        """A list that stops mail to an address at once when a bounce and a probe have come back; its address."""
        address = f"{name}@lists.example"
        self.command("list", "create", address, "bounce_score_threshold=1", f"display_name={name.title()}")
        self.command("member", "add", "--role", "owner", address, owner)
        if members:
            self.command("member", "add", address, *members)
        return address

    def send(self, sender: str, recipient: str, subject: str, text: str = "Hello.\n", **headers: str) -> EmailMessage:
        """Write to somebody, as a mail client does; underscores in the names of headers stand for hyphens."""
        message = EmailMessage(policy.SMTP)
        fields = {
            "From": sender,
            "To": recipient,
            "Subject": subject,
            "Message_ID": make_msgid(domain="people.example"),
        }
        for name, value in (fields | headers).items():
            message[name.replace("_", "-")] = value
        message["Date"] = localtime()
        message.set_content(text)
        with Client(("127.0.0.1", self.postfix.port), "127.0.0.9") as client:
            client.hello()
            [told] = client.mail(sender, [recipient])
            assert told.code == 250, told
            [told] = client.data(bytes(message))
            assert told.code == 250, told
        return message

    def reply(self, sender: str, message: EmailMessage, text: str) -> None:
        """Answer a message: to whom it asks for, below a quotation of it."""
        to = parse_address_list(str(message["Reply-To"] or message["From"]), 1000)[0].address
        quoted = "".join(f"> {line}\n" for line in message.get_content().splitlines())
        message_id = str(message["Message-ID"])
        subject = f"Re: {message['Subject']}"
        self.send(sender, to, subject, f"{text}\n\n{quoted}", In_Reply_To=message_id, References=message_id)

    def json(self, *arguments: str) -> Any:
        """What a command prints as JSON."""
        return self.command.json(*arguments)

    def calm_down(self) -> None:
        """Wait until nothing is under way, here or there. What is held waits on."""
        seen = -1
        while seen != (seen := len(self.postfix.log())):
            wait_until(lambda: not self._moving(), PATIENCE, self._trouble)

    def _moving(self) -> bool:
        waiting = self.json("queue", "ls")
        return any(one["queue"] != "held" for one in waiting) or bool(self.postfix.queue())

    def _trouble(self) -> str:
        return f"{self.gatepost.output}\n{self.postfix.log()}"


def _message_id() -> str:
    return make_msgid(domain="people.example")


@contextmanager
def town(folder: Path) -> Iterator[Town]:
    """All of it, running; every second post of a list goes by VERP."""
    with ExitStack() as stack:
        gone = stack.enter_context(Peer(RCPT="550 5.1.1 nobody of that name lives here any more"))
        names = stack.enter_context(Server())
        postfix = _postfix()
        lmtp = postfix.reserve_port()
        postfix.write(
            "etc/transport", f"lists.example lmtp:inet:127.0.0.1:{lmtp}\ngone.example smtp:[127.0.0.1]:{gone.port}\n"
        )
        for name, part in itertools.product(PEOPLE, ("tmp", "new", "cur")):
            postfix.make_dir(f"mail/people.example/{name}/{part}", "nobody", "nogroup")
        more = (
            "verp_delivery_interval = 2",
            f'nameservers = ["{names.address}"]\n[lmtp]\nlisten = ["inet:127.0.0.1:{lmtp}"]',
        )
        settings = delivery_settings(postfix.port, *more).replace('dmarc = "off"\n', "")
        gatepost = Gatepost(folder, settings, "lmtp", "delivery")
        made = Town(folder, postfix, gatepost)
        made.command("init")
        made.command("domain", "add", "lists.example")
        stack.enter_context(postfix)
        stack.enter_context(gatepost)
        yield made


def _postfix() -> Postfix:
    boxes = "".join(f"{name}@people.example people.example/{name}/\n" for name in PEOPLE)
    return Postfix(
        {
            "relay_domains": "lists.example gone.example",
            "transport_maps": "texthash:{etc}/transport",
            "virtual_mailbox_domains": "people.example",
            "virtual_mailbox_base": "{dir}/mail",
            "virtual_mailbox_maps": "texthash:{etc}/mailboxes",
            "virtual_uid_maps": "static:65534",
            "virtual_gid_maps": "static:65534",
        },
        maps={"mailboxes": boxes},
    )
