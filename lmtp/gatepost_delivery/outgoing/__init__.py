"""Outgoing SMTP: connections, a pool of them, and an outcome for each recipient."""

from gatepost_delivery.outgoing.connection import SMTPConnection, SMTPSConnection, STARTTLSConnection
from gatepost_delivery.outgoing.content import Content, prepared
from gatepost_delivery.outgoing.pool import Pool
from gatepost_delivery.outgoing.values import Kind, Outcome

__all__ = [
    "Content",
    "Kind",
    "Outcome",
    "Pool",
    "SMTPConnection",
    "SMTPSConnection",
    "STARTTLSConnection",
    "prepared",
]
