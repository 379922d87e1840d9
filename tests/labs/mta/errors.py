"""What goes wrong here."""


class LabError(RuntimeError):
    """A mail server cannot be had, does not start, or does not do what was waited for."""
