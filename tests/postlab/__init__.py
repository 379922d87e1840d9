"""What the tests of posting share: a list and a post, and a site with handlers over a store."""

from postlab.signer import Signer
from postlab.site import LISTID, NOW, SITE_OWNER, Site, claimed
from postlab.values import ANT, POST, Called

__all__ = ["ANT", "LISTID", "NOW", "POST", "SITE_OWNER", "Called", "Signer", "Site", "claimed"]
