"""The examination: every item in its order, none of which can keep the others from being looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from gatepost_conf.doctor import (
    clock,
    closed_lists,
    domains,
    exim,
    hosts,
    other_doors,
    postfix_doors,
    postfix_relay,
    postfix_tables,
    secrets,
    sendmail,
    sockets,
    stores,
    versions,
)
from gatepost_conf.doctor.case import Case
from gatepost_conf.doctor.findings import Absent, Finding, Result, skipped, wrong

Check = Callable[[Case], Iterable[Result]]


class Group(NamedTuple):
    """Items about one thing. look finds it: where it is Absent, or cannot be looked at, one finding says so for all."""

    name: str
    look: Callable[[Case], object]
    items: tuple[tuple[str, Check], ...]


def _always(_: Case) -> None:
    """What there always is."""


GROUPS = (
    Group(
        "machine",
        _always,
        (
            ("versions", versions.versions),
            ("clock", clock.clock),
            ("mode", closed_lists.mode),
            ("settings-secret", secrets.settings_file),
        ),
    ),
    Group("names", _always, (("host-name", hosts.host_name), ("localhost", hosts.localhost))),
    Group(
        "stores",
        _always,
        (
            # Before anybody opens the store: SQLite puts a log that was left behind into the file, and removes it.
            ("lists-writable", stores.store_writable),
            ("queue-writable", stores.queue_writable),
            ("lists", stores.lists),
            ("queue", stores.queue),
            ("room", stores.room),
            ("times", stores.times),
        ),
    ),
    Group(
        "doors",
        _always,
        (
            ("door-policy", sockets.policy),
            ("door-milter", sockets.milter),
            ("door-lmtp", sockets.lmtp),
            ("door-socketmap", sockets.socketmap),
            ("other-doors", other_doors.others),
            ("socket-modes", sockets.modes),
        ),
    ),
    Group(
        "senders",
        _always,
        (("domains", domains.domains), ("closed-lists", closed_lists.closed_lists), ("stages", closed_lists.stages)),
    ),
    Group(
        "postfix",
        lambda case: case.postfix,
        (
            ("postfix-version", postfix_tables.version),
            ("postfix-complaints", postfix_tables.complaints),
            ("postfix-policy", postfix_doors.policy),
            ("postfix-policy-order", postfix_doors.order),
            ("postfix-policy-reached", postfix_doors.skipping),
            ("postfix-data", postfix_doors.data),
            ("postfix-one-door", postfix_doors.one_door),
            ("postfix-milter", postfix_doors.milter),
            ("postfix-milter-default-action", postfix_doors.milter_default_action),
            ("postfix-open-relay", postfix_relay.open_relay),
            ("postfix-domains", postfix_relay.accepted),
            ("postfix-recipients", postfix_relay.recipients),
            ("postfix-verify-code", postfix_relay.verification),
            ("postfix-probe-sender", postfix_relay.probe_sender),
            ("postfix-origin", postfix_relay.origin),
            ("postfix-transport", postfix_relay.transports),
            ("postfix-delimiter", postfix_relay.delimiter),
            ("postfix-owner-request", postfix_relay.owner_request_special),
            ("postfix-map-types", postfix_tables.types),
            ("postfix-maps", postfix_tables.fresh),
            ("postfix-chroot", hosts.chroot),
        ),
    ),
    Group(
        "exim",
        lambda case: case.exim,
        (
            ("exim-version", exim.version),
            ("exim-acl", exim.acl),
            ("exim-data", exim.data),
            ("exim-callout", exim.callout),
            ("exim-callout-stage", closed_lists.callouts),
            ("exim-transport", exim.transport),
            ("exim-router", exim.router),
            ("exim-affixes", exim.affixes),
        ),
    ),
    Group(
        "sendmail",
        lambda case: case.sendmail,
        (
            ("sendmail-version", sendmail.version),
            ("sendmail-milter", sendmail.milter),
            ("sendmail-data", sendmail.data),
            ("sendmail-milter-flag", sendmail.flag),
            ("sendmail-mailer", sendmail.mailer),
            ("sendmail-transport", sendmail.routes),
            ("sendmail-socketmap", sendmail.socket_maps),
        ),
    ),
)


def examine(case: Case, groups: Iterable[Group] = GROUPS) -> Iterator[Finding]:
    """Every finding, in the order of the items, as soon as it is there."""
    for group in groups:
        trouble = [_named(group.name, result) for result in _results(_looking(group), case)]
        if trouble:
            yield from trouble
            continue
        for name, check in group.items:
            yield from (_named(name, result) for result in _results(check, case))


def _looking(group: Group) -> Check:
    """A check that has nothing to say of what can be looked at."""

    def check(case: Case) -> Iterable[Result]:
        group.look(case)
        return ()

    return check


def _results(check: Check, case: Case) -> Iterator[Result]:
    """What a check says; when it breaks off, why it could not look."""
    try:
        yield from check(case)
    except Absent as absent:
        yield skipped(str(absent))
    except PermissionError as error:
        yield wrong(f"could not look: {error}", "sudo gatepost doctor")
    except Exception as error:
        yield wrong(f"could not look: {type(error).__name__}: {error}", "gatepost doctor, once that is mended")


def _named(name: str, result: Result) -> Finding:
    return Finding(name, *result)
