"""The build's entry; what can be declared is declared in pyproject.toml."""

from setuptools import setup

setup()
