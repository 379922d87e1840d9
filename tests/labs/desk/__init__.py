"""What the tests of commands and bounces share: a desk with a real store and a real queue, and the mail that leaves."""

from labs.desk.desk import DAY, LIST, NOW, SITE_OWNER, Desk, Died, Sent, dying, dying_at, mail

__all__ = ["DAY", "LIST", "NOW", "SITE_OWNER", "Desk", "Died", "Sent", "dying", "dying_at", "mail"]
