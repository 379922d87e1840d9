"""The milter: the door at which Sendmail and Postfix ask through libmilter.

`part`, `callbacks` and `libmilter` need pymilter (the extra `milter`); import them only to run it.
"""

from gatepost_milter.service import MilterService, Options
from gatepost_milter.transaction import Outcome, Reply, Transaction

__all__ = ["MilterService", "Options", "Outcome", "Reply", "Transaction"]
