"""THE table: every case, under a name of its own. Doors take those that they can carry (Case.smtp, stage, rules)."""

from __future__ import annotations

from cases import order, places, senders, spellings, spine
from cases.case import Case

CASES: tuple[Case, ...] = (
    *spine.PLACES,
    *spine.PROBES,
    *spine.MEMBERS,
    *spine.ACTIONS,
    *order.BANS,
    *order.EMERGENCIES,
    *order.SIZES,
    *order.RECORDS,
    *order.PATTERN_LISTS,
    *places.SUBADDRESSES,
    *places.NAMES,
    *spellings.RECIPIENTS,
    *senders.SPELLINGS,
    *senders.SENDERS,
)
