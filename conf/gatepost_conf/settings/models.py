"""The contract of gatepost.toml: one model for each section, with its keys, their defaults and what they do.

Rules: values are strict (no string is taken for a number), unknown keys are refused, and nothing can be changed once
it is read. A default is written as it would be in the file, and read like the file's own values. What a key does stands
here and nowhere else: the commented file of `gatepost init` is made from it.
"""

import socket
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gatepost_conf.settings.values import (
    AbsolutePath,
    DirectoryUrl,
    DomainNames,
    Duration,
    Endpoint,
    Globs,
    Host,
    Listen,
    Listens,
    Nameservers,
    Natural,
    Networks,
    OptionalDomain,
    OptionalEmail,
    OptionalListen,
    OptionalOrigin,
    OptionalPath,
    Positive,
    QueueUrl,
    Seconds,
    ServiceName,
    TcpPort,
)

Mode = Literal["enforce", "observe"]
Stage = Literal["envelope", "headers"]
_SMTP_PORT = 25


def key(default: Any, does: str, example: Any = None, name: str | None = None, secret: bool = False) -> Any:
    """A key: its default as the file would have it, what it does, an example where the default shows too little.

    `name` is what the file calls it where that is not the attribute's name. A `secret` is left out of repr().
    """
    examples = None if example is None else [example]
    return Field(default=default, description=does, examples=examples, alias=name, repr=not secret)


class Section(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True
    )


class Part(Section):
    """What the section of every part has, beside its own keys."""

    enabled: bool = key(True, "false: `gatepost run` leaves this part out")
    workers: Positive = key(1, "how many processes serve this part")
    timeout: Duration = key("100s", "how long a peer may take over one request before it is dropped")
    metrics: OptionalListen = key(
        "",
        'where this part serves its metrics when it is run on its own; "": nowhere',
        example="inet:127.0.0.1:8035",
    )


def host_name() -> str:
    """This host's full name. Only a host whose own name has no dot is looked up, which may wait for the resolver."""
    name = socket.gethostname()
    return name if "." in name.strip(".") else socket.getfqdn(name)


class Site(Section):
    """The attributes hostname, owner and origin are always set; what they default to is found at the first use."""

    given_hostname: OptionalDomain = key(
        "", "what the doors call themselves; default: this host's full name", example="mx.example.com", name="hostname"
    )
    given_owner: OptionalEmail = key(
        "",
        "who answers for the site; default: postmaster at the hostname",
        example="postmaster@example.com",
        name="owner",
    )
    given_origin: OptionalOrigin = key(
        "",
        "what the mail server appends to an address without a domain (Postfix: myorigin), or a file whose first line"
        " says it, such as /etc/mailname; default: the hostname",
        example="example.com",
        name="origin",
    )

    @cached_property
    def hostname(self) -> str:
        """What the doors call themselves."""
        return self.given_hostname or host_name()

    @cached_property
    def owner(self) -> str:
        """The address of whoever answers for the site."""
        return self.given_owner or f"postmaster@{self.hostname}"

    @cached_property
    def origin(self) -> str:
        """The domain that the mail server appends to an address without one."""
        return self.given_origin or self.hostname


class Lists(Section):
    directory: DirectoryUrl = key(
        "sqlite:///var/gatepost.db",
        "where the lists are: sqlite:///RELATIVE/PATH or sqlite:////ABSOLUTE/PATH for gatepost's own store,"
        " toml:///PATH for a read-only file",
        secret=True,
    )
    mode: Mode = key("enforce", '"observe": log and count what would have been refused, and refuse nothing')
    on_trouble: Literal["defer", "accept"] = key(
        "defer", 'while the directory cannot be asked: "defer" asks the sender to come again, "accept" lets mail pass'
    )
    probe_senders: Globs = key(
        ["double-bounce*@*"],
        "globs of senders that ask only whether an address exists, beside the null sender",
    )
    null_sender_posts: Literal["refuse", "pass"] = key(
        "refuse", 'what becomes of a message from the null sender to a posting address: "refuse" or "pass"'
    )
    reject_moderated_members: bool = key(False, "also refuse members whose moderation action is reject")
    shared_domains: DomainNames = key(
        [],
        "domains that have ordinary mailboxes beside their lists, for Mailman's directories",
        example=["example.com"],
    )
    forwarders: DomainNames = key(
        [],
        "domains that are believed about whose mail they forward: what they have wrapped by SRS counts as it is",
        example=["forwarder.example"],
    )
    refuse_oversize: bool | None = key(
        None, "refuse mail over a list's max_message_size; default: as the kind of directory has it", example=True
    )
    cache_seconds: Seconds = key(
        0.0, "how long an answer of a directory on another machine may be used again; 0: never"
    )


class Log(Section):
    format: Literal["text", "json"] = key("text", '"text" is key=value; or "json"')
    file: OptionalPath = key("", 'the file to append to; "": standard error', example="var/gatepost.log")
    verdicts: bool = key(True, "false leaves out the line of each verdict")


class PolicyContext(Section):
    mode: Mode | None = key(None, "as in [lists], for requests of this context", example="observe")


class Policy(Part):
    listen: Listens = key(
        ["inet:127.0.0.1:8031"],
        "one or more of inet:HOST:PORT, inet:[::1]:PORT and unix:/path?mode=0660&owner=USER&group=GROUP",
    )
    contexts: Mapping[str, PolicyContext] = key({}, "what differs for a policy_context of Postfix, by its name")


class Socketmap(Section):
    """Served by the processes of [policy], so it has no workers or metrics of its own."""

    listen: Listens = key(["inet:127.0.0.1:8033"], "where the live tables are served; forms as in [policy]")
    enabled: bool = key(True, "false: the live tables are not served")
    timeout: Duration = key("100s", "how long a peer may take over one request before it is dropped")


class Milter(Part):
    listen: Listen = key("inet:127.0.0.1:8032", "one address; forms as in [policy]")
    stage: Stage = key("envelope", '"headers": a sender that may not post is judged again by the headers')
    failed_recipients: Literal["keep", "remove"] = key(
        "keep",
        "at the header stage: what becomes of recipients that failed while others passed, and one knows the sender",
    )
    mixed_recipients: Literal["defer", "reject"] = key(
        "defer",
        "what is told to a sender who may not post and would have to wait beside recipients that take everybody's mail:"
        ' "defer": 452, send to this one separately; "reject": 550, at once',
    )
    add_message_id: bool = key(False, "at the header stage: add a missing Message-ID")
    # libmilter's own default (smfi_settimeout): longer than a mail server lets its client pause.
    timeout: Duration = key("7210s", "how long the mail server may be silent before the connection is closed")


class Lmtp(Part):
    listen: Listens = key(["inet:127.0.0.1:8024"], "one or more addresses; forms as in [policy]")
    public_address: Endpoint = key("127.0.0.1:8024", "what mail servers are told to dial: HOST:PORT or [IPV6]:PORT")
    stage: Stage = key("envelope", '"headers": a sender that may not post is judged again by the headers')
    sender_tests: bool = key(True, "false: RCPT asks only whether the address exists")
    max_message_bytes: Positive = key(33554432, "the largest message that is taken")
    max_recipients: Positive = key(1000, "how many recipients one message may have")
    max_connections: Positive = key(1000, "how many connections are served at once")
    max_held_messages: Natural = key(
        1000,
        "how many messages of one list may wait for its moderators, before what would join them is deferred; 0: any",
    )
    max_held_bytes: Natural = key(104857600, "the same, by the sum of their sizes; 0: any")
    xforward: Networks = key([], "networks whose XFORWARD is believed", example=["127.0.0.0/8", "::1/128"])
    deduplicate: bool = key(True, "take a message that is sent again after a lost reply, and queue it once")
    # RFC 5321 section 4.5.3.2.7: a server waits at least five minutes.
    timeout: Duration = key("5m", "how long a client may be silent before the connection is closed")

    @model_validator(mode="after")
    def _is_not_where_smtp_is(self) -> "Lmtp":
        if any(address.port == _SMTP_PORT for address in self.listen):
            raise ValueError("expected another port in listen than 25, which is SMTP's (RFC 2033 section 5)")
        return self


class Queue(Section):
    engine: QueueUrl = key(
        "sqlite:///var/queue.db", "sqlite:///PATH, postgresql://…, or mailman:/path/to/mailman/var/queue", secret=True
    )


class Delivery(Part):
    smtp_host: Host = key("localhost", "the mail server that takes outgoing mail")
    smtp_port: TcpPort = key(25, "its port")
    smtp_secure_mode: Literal["smtp", "smtps", "starttls"] = key("smtp", '"smtp", "smtps" or "starttls"')
    smtp_user: str = key("", "with smtp_pass: the name to log in with", example="gatepost")
    smtp_pass: str = key("", "the password to log in with", example="secret", secret=True)
    smtp_auth_plaintext: Literal["loopback", "always", "never"] = key(
        "loopback", "where a password may be sent over a connection without TLS"
    )
    smtp_verify_cert: bool = key(True, "check the server's certificate")
    smtp_verify_hostname: bool = key(True, "check that the certificate is for smtp_host")
    max_sessions_per_connection: Natural = key(0, "how many messages one connection carries; 0: no limit")
    connections: Positive = key(4, "how many connections each worker uses at once")
    max_recipients: Positive = key(100, "how many recipients one message is sent to at once")
    verp_delivery_interval: Natural = key(
        0, "an envelope sender of its own for each member (VERP): 0 never, 1 always, n for every n-th post"
    )
    delivery_retry_period: Duration = key("5d", "how long mail that is deferred is tried again")
    dmarc: Literal["munge", "wrap", "off"] = key(
        "munge", "what is done to mail from a domain whose DMARC policy would have lists' mail refused"
    )
    nameservers: Nameservers = key(
        [],
        "who is asked for DMARC policies and DKIM keys, as ADDRESS or ADDRESS:PORT; default: the system's name servers",
        example=["127.0.0.1", "[::1]:5353"],
    )
    pending_request_life: Duration = key("3d", "how long a request to join or leave waits for its confirmation")
    max_autoresponses_per_day: Natural = key(
        10, "how many automatic replies a list sends to one address in a day; 0: no limit"
    )
    max_autoresponses_per_hour: Natural = key(
        100, "how many automatic replies a list sends in an hour to addresses that are not on it; 0: no limit"
    )
    # RFC 5321 section 4.5.3.2: the longest of a client's waits for a reply but the one after the message, five minutes.
    timeout: Duration = key("5m", "how long a mail server may take over a reply")


class Devmode(Section):
    enabled: bool = key(False, "true: all outgoing mail goes to one recipient")
    recipient: OptionalEmail = key("", "that recipient", example="developer@example.com")

    @model_validator(mode="after")
    def _recipient_is_there(self) -> "Devmode":
        if self.enabled and not self.recipient:
            raise ValueError("expected an e-mail address in recipient while enabled is true")
        return self


class Postfix(Section):
    maps_dir: AbsolutePath = key("var/postfix", "the folder for the generated tables")
    map_type: Literal["", "hash", "lmdb", "cdb", "texthash", "regexp", "pcre"] = key(
        "", 'the type of the generated tables; "": what postconf default_database_type says, else texthash'
    )
    lmtp_service: ServiceName = key("lmtp", "the client in master.cf that brings mail to [lmtp]")


class Metrics(Section):
    listen: OptionalListen = key(
        "inet:127.0.0.1:8034", 'where all parts under one `gatepost run` serve their metrics; "": nowhere'
    )


class Settings(Section):
    """The whole file. Every path in it is absolute."""

    site: Site = key({}, "who gatepost is")
    lists: Lists = key({}, "where the lists are, and how their mail is judged")
    log: Log = key({}, "log lines")
    policy: Policy = key({}, "the Postfix policy service")
    socketmap: Socketmap = key({}, "live tables for Postfix and Sendmail")
    milter: Milter = key({}, "the milter")
    lmtp: Lmtp = key({}, "the LMTP receiver")
    queue: Queue = key({}, "where mail waits")
    delivery: Delivery = key({}, "outgoing mail")
    devmode: Devmode = key({}, "for trying things out")
    postfix: Postfix = key({}, "the configuration that is made for Postfix")
    metrics: Metrics = key({}, "metrics for Prometheus")
