"""The LMTP receiver, run for tests, and a client that counts replies."""

from lmtplab.content import as_sent
from lmtplab.crowd import Crowd
from lmtplab.receiver import RunningLmtp, lmtp_settings

__all__ = ["Crowd", "RunningLmtp", "as_sent", "lmtp_settings"]
