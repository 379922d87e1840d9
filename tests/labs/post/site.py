"""A site with a store of its own, one list, and the handlers of `in` over it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from gatepost_delivery.dmarc import Found
from gatepost_delivery.dmarc_record import Policy
from gatepost_delivery.fields import Section
from gatepost_delivery.lookups import NoAnswer
from gatepost_delivery.outbox import Terms
from gatepost_delivery.owner import OwnerMail
from gatepost_delivery.posting import PostMail
from gatepost_delivery.signatures import Signature
from gatepost_delivery.values import Done
from gatepost_lists import DEFAULT_RULES, Role
from gatepost_lists.store.admin import Store
from gatepost_lists.store.sqlite import SqliteDirectory
from gatepost_lists.store.versions import create
from gatepost_queue import Claimed, Entry
from labs.post.values import POST

NOW = 1_800_000_000.0
LISTID = "ant.lists.example"
SITE_OWNER = "site@lists.example"


@dataclass
class Known:
    """DMARC policies as a test wants them, instead of the DNS."""

    policies: dict[str, Policy] = field(default_factory=dict)
    trouble: str = ""
    asked: list[str] = field(default_factory=list)

    def strictest(self, domains: Iterable[str]) -> Found:
        self.asked += domains
        if self.trouble:
            return Found(Policy.REJECT, self.trouble)
        return Found(max((self.policies.get(domain, Policy.NONE) for domain in domains), key=list(Policy).index))


@dataclass
class Good:
    """Domains whose signatures hold as a test wants it, instead of the DNS and dkimpy."""

    domains: set[str] = field(default_factory=set)
    trouble: str = ""
    asked: list[str] = field(default_factory=list)

    def holding(self, section: Section, signatures: Collection[Signature]) -> list[Signature]:
        self.asked += [one.domain for one in signatures]
        if self.trouble:
            raise NoAnswer(self.trouble)
        return [one for one in signatures if one.domain in self.domains]


class Site:
    """The list is ant@lists.example, its member anne@example.org. Use `close` at the end."""

    def __init__(self, folder: Path) -> None:
        create(folder / "gatepost.db")
        self.now = NOW
        self.store = Store(folder / "gatepost.db")
        self.directory = SqliteDirectory(folder / "gatepost.db")
        self.known = Known()
        self.good = Good()
        self.store.add_domain("lists.example")
        self.store.create_list("ant@lists.example")
        self.store.set_list("ant@lists.example", "display_name=Ant")
        self.store.add_members("ant@lists.example", ["anne@example.org"])
        self.posts = PostMail(
            store=self.store,
            directory=self.directory,
            rules=DEFAULT_RULES,
            terms=Terms(site_owner=SITE_OWNER, max_answers=10),
            verp_interval=0,
            dmarc="munge",
            policies=self.known,
            verifier=self.good,
            clock=lambda: self.now,
        )
        self.owners = OwnerMail(store=self.store, site_owner=SITE_OWNER, max_recipients=2)

    def close(self) -> None:
        """Let go of the files."""
        self.store.close()
        self.directory.close()

    def set(self, *settings: str) -> None:
        """Change the list."""
        self.store.set_list("ant@lists.example", *settings)

    def own(self, *addresses: str, role: Role = Role.OWNER) -> None:
        """Give the list owners."""
        self.store.add_members("ant@lists.example", addresses, role)

    def post(
        self,
        content: bytes = POST,
        sender: str = "anne@example.org",
        *,
        dmarc: Literal["munge", "wrap", "off"] = "munge",
        verp_interval: int = 0,
        **metadata: object,
    ) -> Done:
        """What becomes of a post."""
        handler = replace(self.posts, dmarc=dmarc, verp_interval=verp_interval)
        return handler(claimed(content, sender, metadata), no_progress)

    def to_owners(self, content: bytes = POST, sender: str = "stranger@example.net") -> Done:
        """What becomes of mail to -owner."""
        metadata = {"to_owner": True, "envsender": SITE_OWNER}
        return self.owners(claimed(content, sender, metadata, subaddress="owner"), no_progress)


def claimed(content: bytes, sender: str, metadata: Mapping[str, object], subaddress: str = "") -> Claimed:
    """An entry of `in` as a runner has it."""
    return Claimed(
        id=1,
        queue="in",
        listid=LISTID,
        subaddress=subaddress,
        recipients=("ant@lists.example",),
        metadata={"listid": LISTID, "original_size": len(content), **metadata},
        attempts=1,
        failures=0,
        runner="in-1",
        leased_until=NOW + 60,
        message=1,
        trace="abc",
        envsender=sender,
        received=NOW - 5,
        content=content,
    )


def no_progress(metadata: Mapping[str, Any], entries: Sequence[Entry]) -> Claimed:
    """For handlers that do all in one step."""
    raise AssertionError("nothing is kept on the way")
