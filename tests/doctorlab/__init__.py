"""A whole set-up for the doctor to look at, in which nothing is wrong, and a machine to plant faults on."""

from doctorlab.config import PROGRAMS, SpoiltPostfix, text_of, wrong
from doctorlab.machine import Planted
from doctorlab.site import Site

__all__ = ["PROGRAMS", "Planted", "Site", "SpoiltPostfix", "text_of", "wrong"]
