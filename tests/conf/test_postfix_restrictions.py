"""Restrictions and tables added to what a value has."""

import pytest

from gatepost_conf.postfix.restrictions import with_added, with_checks

CHECK = "check_policy_service inet:127.0.0.1:8031"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", CHECK),
        ("reject_unauth_destination", f"reject_unauth_destination, {CHECK}"),
        (
            "permit_mynetworks permit_sasl_authenticated reject_unauth_destination permit",
            f"permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination, {CHECK}, permit",
        ),
        ("reject_non_fqdn_recipient,permit_mynetworks", f"reject_non_fqdn_recipient, {CHECK}, permit_mynetworks"),
        ("check_client_access hash:/a, permit", f"check_client_access hash:/a, {CHECK}, permit"),
        ("check_sender_access permit_this", f"check_sender_access permit_this, {CHECK}"),
        ("reject_rbl_client z.example=127.0.0.[2..3]", f"reject_rbl_client z.example=127.0.0.[2..3], {CHECK}"),
        ("warn_if_reject reject_rbl_client z.example", f"warn_if_reject reject_rbl_client z.example, {CHECK}"),
        ("warn_if_reject reject_unknown_client_hostname", f"warn_if_reject reject_unknown_client_hostname, {CHECK}"),
        (
            "check_policy_service { unix:private/spf, default_action=DUNNO } defer_unauth_destination sleep 1",
            f"check_policy_service {{ unix:private/spf, default_action=DUNNO }}, defer_unauth_destination,"
            f" {CHECK}, sleep 1",
        ),
        (f"{CHECK}, permit_mynetworks, reject_unauth_destination", None),
        (f"permit_mynetworks, {CHECK}", None),
        (
            "permit_mynetworks, reject_unauth_destination, check_policy_service { inet:127.0.0.1:8031, timeout=3s }",
            None,
        ),
        (
            "reject_unauth_destination, check_policy_service inet:127.0.0.1:80310",
            f"reject_unauth_destination, {CHECK}, check_policy_service inet:127.0.0.1:80310",
        ),
        ("check_client_access", f"check_client_access, {CHECK}"),
    ],
)
def test_the_place_of_a_check(before: str, after: str | None) -> None:
    """What has our check already, in whichever form, stays as it is."""
    assert with_checks(before, CHECK) == (before if after is None else after)


def test_several_checks_keep_their_order() -> None:
    assert with_checks("reject_unauth_destination, permit", "check_a x:y", "check_b x:y") == (
        "reject_unauth_destination, check_a x:y, check_b x:y, permit"
    )
    assert with_checks("", "check_a x:y", "check_b x:y") == "check_a x:y, check_b x:y"


def test_tables_behind_and_before() -> None:
    def ours(word: str) -> bool:
        return word.endswith("/ours")

    assert with_added("hash:/a, hash:/ours", "lmdb:/ours", ours) == "hash:/a, lmdb:/ours"
    assert with_added("hash:/a", "lmdb:/ours", ours, first=True) == "lmdb:/ours, hash:/a"
    assert with_added("hash:/a lmdb:/ours", "lmdb:/ours", ours, first=True) == "hash:/a, lmdb:/ours"
    assert with_added("pipemap:{ hash:/a, hash:/b }", "lmdb:/ours", ours) == "pipemap:{ hash:/a, hash:/b }, lmdb:/ours"
