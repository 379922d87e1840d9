"""How a delivery can end other than well: qmail-local(8) bounces the message, or tries again later."""


class Bounced(Exception):
    """It can never be delivered; the text goes into the bounce."""


class TryAgain(Exception):
    """It cannot be delivered now, or not as this machine is set up; the text goes into qmail's log."""
