"""What qmail-local(8) does with the command lines of a .qmail file, for there is no package of qmail to test with."""

from labs.qmail.local import Result, deliver, environment
from labs.qmail.scripted import Scripted

__all__ = ["Result", "Scripted", "deliver", "environment"]
