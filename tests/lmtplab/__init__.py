"""The LMTP receiver, run for tests, and a client that counts replies."""

from lmtplab.receiver import RunningLmtp, lmtp_settings

__all__ = ["RunningLmtp", "lmtp_settings"]
