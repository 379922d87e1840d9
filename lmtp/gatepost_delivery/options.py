"""What delivery needs to know of the settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from gatepost_delivery.outgoing import Pool
from gatepost_lists import Directory, Rules
from gatepost_lists.store.admin import Store
from gatepost_queue import Desk, Queue


@dataclass(frozen=True, kw_only=True)
class Options:
    """How delivery is to work.

    open_*: make the engines, the queue's desk, and the outgoing connections. rules, owner: the site's.
    connections: how many are used at once. max_recipients: of one transaction. verp_interval: 0 never, 1 always, n
    every n-th post. retry_period: seconds that deferred mail is tried again. dmarc: what is done to mail whose author's
    domain would have it refused; nameservers: who is asked about that and for DKIM keys, as ADDRESS or ADDRESS:PORT, ()
    for the system's. request_life: seconds that a confirmation is waited for. max_answers, max_to_strangers: see
    outbox.Terms.
    """

    open_store: Callable[[], Store]
    open_directory: Callable[[], Directory]
    open_queue: Callable[[], Queue]
    open_desk: Callable[[], Desk]
    open_pool: Callable[[], Pool]
    rules: Rules
    owner: str
    connections: int
    max_recipients: int
    verp_interval: int
    retry_period: float
    dmarc: Literal["munge", "wrap", "off"]
    nameservers: Sequence[str]
    request_life: float
    max_answers: int
    max_to_strangers: int
