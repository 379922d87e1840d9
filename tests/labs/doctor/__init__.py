"""A whole set-up for the doctor to look at, in which nothing is wrong, and a machine to plant faults on."""

from labs.doctor.config import PROGRAMS, SpoiltPostfix, text_of, wrong
from labs.doctor.machine import Planted
from labs.doctor.site import Site

__all__ = ["PROGRAMS", "Planted", "Site", "SpoiltPostfix", "text_of", "wrong"]
