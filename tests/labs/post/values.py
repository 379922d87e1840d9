"""A list as the modules without I/O see it, and a post as the receiver keeps it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Called:
    """What a list is called, and what it is about."""

    list_name: str = "ant"
    mail_host: str = "lists.example"
    list_id: str = "ant.lists.example"
    display_name: str = "Ant"
    description: str = ""

    @property
    def fqdn_listname(self) -> str:
        return f"{self.list_name}@{self.mail_host}"


ANT = Called()
POST = (
    b"Return-Path: <anne@example.org>\r\nReceived: from there\r\n\tby here; now\r\nFrom: Anne <anne@example.org>\r\n"
    b"To: ant@lists.example\r\nSubject: hello\r\nMessage-ID: <1@example.org>\r\n\r\nHello!\r\n"
)
