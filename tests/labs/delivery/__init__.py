"""Mail servers for the tests of delivery, and delivery itself.

`Peer` says what a test tells it to, `Server` is a real one, `Mailhost` counts who has got what. `RunningDelivery` is
delivery as an operator runs it.
"""

from labs.delivery.mailhost import Arrived, Mailhost, usual
from labs.delivery.peer import CLOSE, HANG, Peer, Session
from labs.delivery.server import Login, Server, TakesCramMd5, Took
from labs.delivery.service import (
    ANNE,
    LIST,
    LISTID,
    SITE_OWNER,
    RunningDelivery,
    a_post,
    delivery_settings,
    members,
)

__all__ = [
    "ANNE",
    "CLOSE",
    "HANG",
    "LIST",
    "LISTID",
    "SITE_OWNER",
    "Arrived",
    "Login",
    "Mailhost",
    "Peer",
    "RunningDelivery",
    "Server",
    "Session",
    "TakesCramMd5",
    "Took",
    "a_post",
    "delivery_settings",
    "members",
    "usual",
]
