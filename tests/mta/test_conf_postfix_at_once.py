"""A post that comes as soon as its list is made gets through a real Postfix, whatever tables it has."""

import pytest

from gatepost_conf.postfix import maps
from labs.conf.wired import BEFORE, Wired, wired

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]

# Which tables a running Postfix reads anew only when it is told to.
READ_ONCE = {"texthash", "regexp", "pcre"}


def use_all_of_it(site: Wired) -> None:
    """Let every process of Postfix be there that the next post will meet, with the tables that there are now."""
    for recipient in ("ann@lists.example", "ann@example.org", "bee@example.com"):
        site.arrives_as(recipient)
    for _ in range(3):
        assert site.ask("fresh@new.example", "smtp").code == 554
        assert site.ask("fresh@lists.example", "smtp").code == 550


@pytest.mark.parametrize("kind", [*maps.MAP_TYPES, "live"])
def test_a_post_gets_through_as_soon_as_its_list_is_made(kind: str) -> None:
    with wired(kind) as site:
        use_all_of_it(site)
        before = len(site.postfix.log())
        site.create("fresh@lists.example")
        assert site.arrives_as("fresh@lists.example") == "fresh@lists.example"
        assert ("reload -- version" in site.postfix.log()[before:]) == (kind in READ_ONCE)
        for address in ("fresh@example.org", "fresh@example.net", "fresh@new.example"):
            site.create(address)
            assert site.arrives_as(address) == address
        site.create("fresh@example.com")
        assert site.arrives_as("fresh@example.com") == "fresh@l.example.com"
        site.gatepost("list", "remove", "fresh@lists.example")
        assert site.ask("fresh@lists.example").code == 550


@pytest.mark.parametrize("kind", ["lmdb", "texthash", "live"])
def test_a_list_that_postfix_verifies_gets_its_post_and_no_refusal_of_before_is_kept(kind: str) -> None:
    """Postfix relays for another domain too, and knows no recipients there."""
    with wired(kind, {**BEFORE, "relay_recipient_maps": ""}) as site:
        assert "reject_unverified_recipient" in site.postfix.path("etc/main.cf").read_text()
        site.arrives_as("ann@lists.example")
        for _ in range(3):
            assert site.ask("fresh@lists.example", "smtp").code == 550
        site.create("fresh@lists.example")
        assert site.arrives_as("fresh@lists.example") == "fresh@lists.example"
        site.postfix.wait_log(r"to=<fresh@lists\.example>.*status=deliverable")
