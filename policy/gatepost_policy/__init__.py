"""Postfix policy delegation, the door at which Postfix (and Exim's ${readsocket}) asks; and the live tables."""

from gatepost_policy.part import PartOptions, policy_part
from gatepost_policy.protocol import ProtocolError
from gatepost_policy.request import Request, RequestReader
from gatepost_policy.service import Options, PolicyService
from gatepost_policy.stdio import serve_stdio

__all__ = [
    "Options",
    "PartOptions",
    "PolicyService",
    "ProtocolError",
    "Request",
    "RequestReader",
    "policy_part",
    "serve_stdio",
]
