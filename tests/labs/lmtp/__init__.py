"""The LMTP receiver, run for tests, and a client that counts replies."""

from labs.lmtp.content import as_sent
from labs.lmtp.crowd import Crowd
from labs.lmtp.receiver import RunningLmtp, lmtp_settings

__all__ = ["Crowd", "RunningLmtp", "as_sent", "lmtp_settings"]
