"""Recipients that were let pass at RCPT because a probe seemed to ask, until data comes. No I/O here.

At DATA Postfix names the recipient only where there is one; of several it tells how many there are, and the instance,
which all requests of one message share. What a worker has not heard itself, or has forgotten, it lets pass.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

# Messages that are remembered, the latest, and recipients of one.
MAX_MESSAGES = 2000
MAX_RECIPIENTS = 50


class Probes:
    """What probes have asked for, by instance."""

    def __init__(self) -> None:
        self._recipients: OrderedDict[str, list[str]] = OrderedDict()

    def note(self, instance: str, recipient: str) -> None:
        """A recipient has passed as a probe's; without an instance ('') nobody could ask for it again."""
        if not instance:
            return
        recipients = self._recipients.setdefault(instance, [])
        if len(recipients) < MAX_RECIPIENTS:
            recipients.append(recipient)
        self._recipients.move_to_end(instance)
        while len(self._recipients) > MAX_MESSAGES:
            self._recipients.popitem(last=False)

    def recipients(self, instance: str) -> Sequence[str]:
        """Those of a message that are known."""
        return self._recipients.get(instance, ())
