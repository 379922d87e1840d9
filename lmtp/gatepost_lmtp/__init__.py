"""The LMTP receiver: takes list mail from the mail server, and answers its callouts and verification probes."""

from gatepost_lmtp.full_lists import Limits
from gatepost_lmtp.gate import Options
from gatepost_lmtp.server import lmtp_part

__all__ = ["Limits", "Options", "lmtp_part"]
