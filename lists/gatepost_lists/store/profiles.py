"""What delivery has to know of a list, as one value. No database here."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A list as its mail presents it. The names are Mailman's, and so is the meaning.

    key is the store's own handle. process_bounces: whether bounces count against members; bounce_score_threshold: the
    score from which mail to an address is stopped; bounce_info_stale_after: days without a bounce after which a score
    counts no more. post_id: posts so far. hold_notices: who is told that a post of his waits for a moderator: off,
    members, or all.
    """

    key: int
    list_id: str
    list_name: str
    mail_host: str
    display_name: str = ""
    description: str = ""
    subscription_policy: str = "confirm"
    process_bounces: bool = True
    bounce_score_threshold: int = 5
    bounce_info_stale_after: int = 7
    post_id: int = 0
    hold_notices: str = "members"
    fqdn_listname: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fqdn_listname", f"{self.list_name}@{self.mail_host}")
