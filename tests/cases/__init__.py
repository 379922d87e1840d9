"""The cases that every door is driven with, and the world of lists in which they happen."""

from cases.build import build_store, build_toml, toml_text
from cases.case import Case
from cases.headers import HEADER_CASES, HeaderCase
from cases.table import CASES
from cases.world import LISTS, RELAY_DOMAINS, WORLD, World

__all__ = [
    "CASES",
    "HEADER_CASES",
    "LISTS",
    "RELAY_DOMAINS",
    "WORLD",
    "Case",
    "HeaderCase",
    "World",
    "build_store",
    "build_toml",
    "toml_text",
]
