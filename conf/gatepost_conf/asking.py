"""Which door a mail server is told to ask about senders: the policy service or the milter. No I/O here.

Behind both is the same judge, so one is enough; and where the headers are to count, the other would refuse by the
envelope whom they let in. What cannot answer is not asked: all mail would wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from gatepost_conf.site import Site

Asked = Literal["policy", "milter", ""]


def door_to_ask(policy: bool, milter: bool, milter_stage: str) -> Asked:
    """The door for a mail server that could ask either; '' for none.

    policy, milter: whether that door can answer. milter_stage: as in [milter].
    """
    if milter and (milter_stage == "headers" or not policy):
        return "milter"
    return "policy" if policy else ""


def troubles(site: Site, asked: Asked) -> Iterator[str]:
    """What somebody should know who has the mail server ask that door."""
    by_headers = site.milter is not None and site.milter_stage == "headers"
    if asked != "milter" and by_headers and not site.has_pymilter:
        yield '[milter] has stage = "headers", but pymilter is not installed (docs/milter.md): the headers do not count'
    elif not asked and site.milter and not site.has_pymilter:
        yield "nobody is asked who may post: pymilter is not installed (docs/milter.md), and no other door is enabled"
    if asked == "milter" and by_headers and site.lmtp and site.sender_tests and site.lmtp_stage == "envelope":
        yield (
            'in gatepost.toml, [lmtp] needs stage = "headers" as [milter] has it: by the envelope it refuses senders'
            " whom the milter lets in"
        )
