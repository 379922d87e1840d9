"""What qmail-local(8) does with the command lines of a .qmail file, for there is no package of qmail to test with."""

from qmaillab.local import Result, deliver, environment
from qmaillab.scripted import Scripted

__all__ = ["Result", "Scripted", "deliver", "environment"]
