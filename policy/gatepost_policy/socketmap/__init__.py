"""The live tables: what Postfix and Sendmail ask over the socketmap protocol."""

from gatepost_policy.socketmap.netstrings import NetstringReader
from gatepost_policy.socketmap.service import DOOR, Options, SocketmapService
from gatepost_policy.socketmap.tables import TABLES, Site

__all__ = ["DOOR", "TABLES", "NetstringReader", "Options", "Site", "SocketmapService"]
