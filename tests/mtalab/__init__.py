"""Real mail servers for the tests: Postfix, Exim and Sendmail out of unpacked Debian packages, side by side.

Nothing is installed, no user is made, no service of the machine is touched.
`python -m mtalab setup` fetches the packages.
"""

from mtalab.client import Client, Reply
from mtalab.errors import LabError
from mtalab.exim import Exim, WholeExim
from mtalab.instance import Instance
from mtalab.packages import Lab, setup
from mtalab.ports import Port
from mtalab.postfix import Postfix
from mtalab.processes import wait_until
from mtalab.sendmail import Sendmail
from mtalab.sink import Delivered, Sink

__all__ = [
    "Client",
    "Delivered",
    "Exim",
    "Instance",
    "Lab",
    "LabError",
    "Port",
    "Postfix",
    "Reply",
    "Sendmail",
    "Sink",
    "WholeExim",
    "setup",
    "wait_until",
]
