"""Several questions that come together, as a door's bench has them heard."""

from __future__ import annotations

from collections.abc import Sequence

from gatepost_lists import DEFAULT_RULES, Asked, Directory, Question, Verdict
from gatepost_lists.sittings import SittingAtOnce


def judge_all(questions: Sequence[Question], directory: Directory) -> list[Verdict]:
    """Their verdicts, all from one snapshot. A fault of ours is raised."""
    faults: list[Exception] = []
    verdicts = SittingAtOnce(directory, DEFAULT_RULES, faults.append).hear([Asked(question) for question in questions])
    for fault in faults:
        raise fault
    return verdicts
