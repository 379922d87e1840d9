"""What every door has to know of a site before it can judge, as one value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gatepost_lists.directory import Directory
from gatepost_lists.rules import Rules


@dataclass(frozen=True)
class Judging:
    """How a site judges, and how far its doors say so.

    open_directory: makes an engine; rules: the site's. observe and accept_trouble: let pass what would have been
    refused, or deferred. log_verdicts: a line for each verdict. patience: seconds that an answer of a blocking engine
    may take; then it is the temporary one. Postfix waits 100 s for a policy service and 30 s for a milter.
    """

    open_directory: Callable[[], Directory]
    rules: Rules
    observe: bool = False
    accept_trouble: bool = False
    log_verdicts: bool = True
    patience: float = 10.0
