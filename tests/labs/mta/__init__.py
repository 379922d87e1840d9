"""Real mail servers for the tests: Postfix, Exim and Sendmail out of unpacked Debian packages, side by side.

Nothing is installed, no user is made, no service of the machine is touched.
`python -m labs.mta setup` fetches the packages.
"""

from labs.mta.client import Client, Reply
from labs.mta.errors import LabError
from labs.mta.exim import Exim, WholeExim
from labs.mta.instance import Instance
from labs.mta.packages import Lab, setup
from labs.mta.ports import Port
from labs.mta.postfix import Postfix, complaints
from labs.mta.processes import wait_until
from labs.mta.sendmail import Sendmail
from labs.mta.sink import Delivered, Sink

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
    "complaints",
    "setup",
    "wait_until",
]
