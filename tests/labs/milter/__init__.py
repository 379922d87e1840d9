"""A milter's other side: a client that speaks its protocol, and the milter itself as a process."""

from labs.milter.client import Gone, MilterClient
from labs.milter.service import Milter, milter_settings, run_gatepost

__all__ = ["Gone", "Milter", "MilterClient", "milter_settings", "run_gatepost"]
