"""gatepost.toml: finding it, reading it with all its errors at once, and writing a commented one."""

from gatepost_conf.settings.loading import find, load, parse
from gatepost_conf.settings.models import (
    Delivery,
    Devmode,
    Lists,
    Lmtp,
    Log,
    Metrics,
    Milter,
    Policy,
    PolicyContext,
    Postfix,
    Queue,
    Settings,
    Site,
    Socketmap,
)
from gatepost_conf.settings.problems import SettingsError
from gatepost_conf.settings.template import template

__all__ = [
    "Delivery",
    "Devmode",
    "Lists",
    "Lmtp",
    "Log",
    "Metrics",
    "Milter",
    "Policy",
    "PolicyContext",
    "Postfix",
    "Queue",
    "Settings",
    "SettingsError",
    "Site",
    "Socketmap",
    "find",
    "load",
    "parse",
    "template",
]
