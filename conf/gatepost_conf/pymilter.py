"""Whether pymilter, which the milter is built on, is there for the Python that runs gatepost; it is not imported."""

from __future__ import annotations

from importlib.util import find_spec


def is_installed() -> bool:
    """Whether there is pymilter's C module. A folder `milter` does not count: gatepost's own source has one."""
    spec = find_spec("milter")
    return spec is not None and spec.origin is not None
