"""Final delivery: what becomes of a message in the queue, up to its last recipient."""

from gatepost_delivery.options import Options
from gatepost_delivery.service import delivery_part

__all__ = ["Options", "delivery_part"]
