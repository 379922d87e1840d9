"""Sites for the generators of configuration, made as gatepost makes them: of settings and of a directory's names."""

from labs.conf.postfix import SCENARIOS, Scenario
from labs.conf.sites import FOLDER, site

__all__ = ["FOLDER", "SCENARIOS", "Scenario", "site"]
