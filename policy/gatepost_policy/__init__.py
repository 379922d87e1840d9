"""Postfix policy delegation: the door at which Postfix (and Exim's ${readsocket}) asks at RCPT time."""

from gatepost_policy.request import ProtocolError, Request, RequestReader
from gatepost_policy.server import policy_part
from gatepost_policy.service import Options, PolicyService
from gatepost_policy.stdio import serve_stdio

__all__ = ["Options", "PolicyService", "ProtocolError", "Request", "RequestReader", "policy_part", "serve_stdio"]
