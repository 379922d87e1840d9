"""What the site's owner has decided for all lists, as one value for every door. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from gatepost_lists.senders import compile_globs


@dataclass(frozen=True, slots=True)
class Rules:
    """How the judge and moderation are to judge.

    probe_senders: globs of senders that ask only whether an address exists, beside the null one. null_sender_posts:
    let a null sender's message reach a posting address. reject_moderated_members: refuse a member whose moderation
    action is reject. refuse_oversize: None leaves it to the directory. shared_domains: domains with ordinary
    mailboxes beside those that the directory marks. forwarders: domains that are believed when they say, by SRS, whose
    mail they forward. origin: what the mail server appends to a bare local part.
    """

    probe_senders: tuple[str, ...] = ("double-bounce*@*",)
    null_sender_posts: bool = False
    reject_moderated_members: bool = False
    refuse_oversize: bool | None = None
    shared_domains: frozenset[str] = frozenset()
    forwarders: frozenset[str] = frozenset()
    origin: str = ""
    is_probe: Callable[[str], object] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_probe", compile_globs(self.probe_senders).match)


DEFAULT_RULES = Rules()
