"""What the tests of posting share: a list and a post, and a site with handlers over a store."""

from labs.post.signer import Signer
from labs.post.site import LISTID, NOW, SITE_OWNER, Site, claimed
from labs.post.values import ANT, POST, Called

__all__ = ["ANT", "LISTID", "NOW", "POST", "SITE_OWNER", "Called", "Signer", "Site", "claimed"]
