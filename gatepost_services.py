"""The services that `gatepost run` starts: each part, made of the settings, and what they have in common.

Beside the command line this is the one place that knows every part. PARTS names them; a part's modules are loaded when
it is made, so that no service pays for what it does not need.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gatepost_conf.settings import Settings
    from gatepost_delivery import Options as DeliveryOptions
    from gatepost_delivery.outgoing import SMTPConnection
    from gatepost_delivery.outgoing.connection import Options as ConnectionOptions
    from gatepost_lists import Judging, Rules
    from gatepost_lmtp import Options as LmtpOptions
    from gatepost_milter import Options as MilterOptions
    from gatepost_policy import Options as PolicyOptions
    from gatepost_policy import PartOptions
    from gatepost_policy.socketmap import Options as SocketmapOptions
    from gatepost_queue.gauges import QueueGauges
    from gatepost_service.part import Part


class PartMissingError(click.ClickException):
    """A part that cannot run because something that it needs is not installed."""

    exit_code = os.EX_UNAVAILABLE


@dataclass
class LiveSettings:
    """The settings of running services: read again at HUP, the old ones kept where the file has become wrong.

    part: for which of them, as log lines name it; '' for all.
    """

    path: Path
    settings: Settings
    part: str = ""
    _begun: bool = field(default=False, init=False)

    def configure_log(self, *, stdio: bool = False) -> None:
        """Send the log where the settings say."""
        from gatepost_service import log  # noqa: PLC0415 - for the services alone

        log.configure(self.settings.log.format, str(self.settings.log.file or ""), stdio=stdio)

    def tell(self) -> None:
        """Say in the log that they were read, and from which file."""
        from gatepost_service import log  # noqa: PLC0415 - for the services alone

        log.get_logger(self.part).info("settings read", file=str(self.path))

    def warn(self) -> None:
        """Say in the log what makes a run of them dangerous."""
        from gatepost_conf.passwords import others_can_read, passwords  # noqa: PLC0415 - for the services alone
        from gatepost_service import log  # noqa: PLC0415

        logger = log.get_logger(self.part)
        if (found := passwords(self.settings)) and others_can_read(self.path):
            logger.warning(
                "others can read a password", file=str(self.path), keys=found, mend=f"chmod o-rwx {self.path}"
            )
        if os.geteuid() == 0:
            logger.warning("running as root", mend="run it as a user of its own, as 'gatepost conf systemd' does")

    def read(self) -> Settings:
        """The settings as the file has them now.

        A process says so from the second time on: of the first time `gatepost run` has told for all of them.
        """
        from gatepost_conf.settings import SettingsError, load  # noqa: PLC0415 - pydantic comes with it
        from gatepost_service import log  # noqa: PLC0415

        logger = log.get_logger(self.part)
        again, self._begun = self._begun, True
        try:
            self.settings = load(self.path)
        except SettingsError as error:
            for problem in error.problems:
                logger.error("settings not read: the old ones stay", why=problem)  # noqa: TRY400 - it says all
        else:
            self.configure_log()
            if again:
                self.tell()
        return self.settings


def rules_of(settings: Settings) -> Rules:
    """The judge's rules, as the settings have them."""
    from gatepost_lists import Rules  # noqa: PLC0415 - for those commands alone that judge

    lists = settings.lists
    return Rules(
        probe_senders=lists.probe_senders,
        null_sender_posts=lists.null_sender_posts == "pass",
        reject_moderated_members=lists.reject_moderated_members,
        refuse_oversize=lists.refuse_oversize,
        shared_domains=frozenset(lists.shared_domains),
        forwarders=frozenset(lists.forwarders),
        origin=settings.site.origin,
    )


def judging_of(settings: Settings) -> Judging:
    """What every door needs to know of the settings."""
    from gatepost_lists import Judging, open_directory  # noqa: PLC0415 - for the services alone

    lists = settings.lists
    return Judging(
        open_directory=lambda: open_directory(lists.directory),
        rules=rules_of(settings),
        observe=lists.mode == "observe",
        accept_trouble=lists.on_trouble == "accept",
        log_verdicts=settings.log.verdicts,
    )


def policy_options(settings: Settings) -> PolicyOptions:
    """What the policy service needs to know of the settings."""
    from gatepost_policy import Options  # noqa: PLC0415 - for this service alone

    contexts = settings.policy.contexts.items()
    return Options(
        judging=judging_of(settings),
        contexts={name: (context.mode or settings.lists.mode) == "observe" for name, context in contexts},
        timeout=settings.policy.timeout.total_seconds(),
    )


def socketmap_options(settings: Settings) -> SocketmapOptions:
    """What the live tables need to know of the settings."""
    from gatepost_conf.site import dialled_host  # noqa: PLC0415 - for this service alone
    from gatepost_policy.socketmap import Options, Site  # noqa: PLC0415
    from gatepost_service.endpoints import split_endpoint  # noqa: PLC0415

    client = settings.postfix.lmtp_service
    host, port = split_endpoint(settings.lmtp.public_address)
    host = f"[{dialled_host(host)}]"  # in brackets no MX record is looked for (transport(5))
    return Options(
        judging=judging_of(settings),
        site=Site(transport=f"{client}:{host}:{port}", mailer=f"{client}:{host}", owner=settings.site.owner),
        timeout=settings.socketmap.timeout.total_seconds(),
    )


def _policy_part_options(settings: Settings) -> PartOptions:
    from gatepost_policy import PartOptions  # noqa: PLC0415 - for this service alone

    return PartOptions(policy_options(settings), socketmap_options(settings))


def _policy_part(live: LiveSettings) -> Part:
    from gatepost_policy import policy_part  # noqa: PLC0415 - for this service alone

    section, tables = live.settings.policy, live.settings.socketmap
    listen = section.listen, tables.listen if tables.enabled else ()
    return policy_part(*listen, section.workers, section.metrics, lambda: _policy_part_options(live.read()))


def serve_policy_on_stdio(live: LiveSettings) -> int:
    """Serve one client on standard input and output; gives the exit status."""
    from gatepost_policy import PolicyService, serve_stdio  # noqa: PLC0415 - for this service alone
    from gatepost_service.log import VerdictLog  # noqa: PLC0415
    from gatepost_service.metrics import Tally  # noqa: PLC0415

    live.configure_log(stdio=True)
    options = policy_options(live.settings)
    return serve_stdio(PolicyService(options, VerdictLog(), Tally()), options.timeout)


def milter_options(settings: Settings) -> MilterOptions:
    """What the milter needs to know of the settings."""
    from gatepost_milter import Options  # noqa: PLC0415 - for this service alone

    section = settings.milter
    return Options(
        judging=judging_of(settings),
        at_headers=section.stage == "headers",
        remove_failed=section.failed_recipients == "remove",
        refuse_mixed=section.mixed_recipients == "reject",
        add_message_id=section.add_message_id,
        hostname=settings.site.hostname,
    )


def _milter_part(live: LiveSettings) -> Part:
    try:
        from gatepost_milter.part import milter_part  # noqa: PLC0415 - for this service alone
    except ImportError as error:
        raise PartMissingError(f"milter: pymilter is not installed ({error}); see docs/milter.md") from error
    section = live.settings.milter
    timeout = section.timeout.total_seconds()
    return milter_part(section.listen, section.workers, section.metrics, lambda: milter_options(live.read()), timeout)


def lmtp_options(settings: Settings) -> LmtpOptions:
    """What the LMTP receiver needs to know of the settings."""
    from gatepost_lmtp import Limits, Options  # noqa: PLC0415 - for this service alone
    from gatepost_queue import engine_of  # noqa: PLC0415

    section, engine = settings.lmtp, engine_of(settings.queue.engine)
    return Options(
        judging=judging_of(settings),
        open_queue=engine.open,
        hostname=settings.site.hostname,
        owner=settings.site.owner,
        at_headers=section.stage == "headers",
        sender_tests=section.sender_tests,
        max_message_octets=section.max_message_bytes,
        max_recipients=section.max_recipients,
        max_connections=section.max_connections,
        xforward=section.xforward,
        deduplicate=section.deduplicate,
        spool_folder=engine.spool,
        timeout=section.timeout.total_seconds(),
        max_held=Limits(section.max_held_messages, section.max_held_bytes),
    )


def _lmtp_part(live: LiveSettings) -> Part:
    from gatepost_lmtp import lmtp_part  # noqa: PLC0415 - for this service alone

    section, gauges = live.settings.lmtp, _gauges_of_ready_queue(live)
    return lmtp_part(section.listen, section.workers, section.metrics, lambda: lmtp_options(live.read()), gauges)


def _gauges_of_ready_queue(live: LiveSettings) -> tuple[QueueGauges]:
    """The queue's figures; before, the queue is made or upgraded.

    Trouble with it is told, and no more: the receiver says so to whoever brings mail until it is over, delivery waits,
    and the other doors have nothing to do with it.
    """
    from gatepost_queue import QueueTrouble, engine_of  # noqa: PLC0415 - for those services alone that have the queue
    from gatepost_queue.gauges import QueueGauges  # noqa: PLC0415
    from gatepost_service import log  # noqa: PLC0415

    url = live.settings.queue.engine
    engine = engine_of(url)
    logger = log.get_logger(live.part)
    try:
        if engine.make_ready():
            logger.warning("there was no queue, a new one was made", file=engine.name)
    except QueueTrouble as error:
        logger.error("the queue cannot be used", **log.reason(error))  # noqa: TRY400 - it says all
    return (QueueGauges(url),)


def delivery_options(settings: Settings) -> DeliveryOptions:
    """What delivery needs to know of the settings."""
    from gatepost_delivery import Options  # noqa: PLC0415 - for this service alone
    from gatepost_delivery.outgoing import Pool  # noqa: PLC0415
    from gatepost_lists import open_directory  # noqa: PLC0415
    from gatepost_lists.store.admin import Store  # noqa: PLC0415
    from gatepost_queue import engine_of  # noqa: PLC0415

    section, lists, engine = settings.delivery, settings.lists.directory, engine_of(settings.queue.engine)
    return Options(
        open_store=lambda: Store(lists),
        open_directory=lambda: open_directory(lists),
        open_queue=engine.open,
        open_desk=engine.open_desk,
        open_pool=lambda: Pool(lambda: _outgoing(settings), section.connections),
        rules=rules_of(settings),
        owner=settings.site.owner,
        connections=section.connections,
        max_recipients=section.max_recipients,
        verp_interval=section.verp_delivery_interval,
        retry_period=section.delivery_retry_period.total_seconds(),
        dmarc=section.dmarc,
        nameservers=section.nameservers,
        request_life=section.pending_request_life.total_seconds(),
        max_answers=section.max_autoresponses_per_day,
        max_to_strangers=section.max_autoresponses_per_hour,
    )


def _outgoing(settings: Settings) -> SMTPConnection:
    """A connection to the mail server that takes outgoing mail, not opened yet."""
    from gatepost_delivery import outgoing  # noqa: PLC0415 - for this service alone

    section, devmode = settings.delivery, settings.devmode
    options: ConnectionOptions = {
        "timeout": section.timeout.total_seconds(),
        "auth_plaintext": section.smtp_auth_plaintext,
        "hostname": settings.site.hostname,
        "devmode": (devmode.recipient or "") if devmode.enabled else "",
    }
    where = section.smtp_host, section.smtp_port, section.max_sessions_per_connection
    login = section.smtp_user, section.smtp_pass
    if section.smtp_secure_mode == "smtp":
        return outgoing.SMTPConnection(*where, *login, **options)
    kind = outgoing.SMTPSConnection if section.smtp_secure_mode == "smtps" else outgoing.STARTTLSConnection
    return kind(*where, section.smtp_verify_cert, section.smtp_verify_hostname, *login, **options)


def _delivery_part(live: LiveSettings) -> Part:
    from gatepost_delivery import delivery_part  # noqa: PLC0415 - for this service alone
    from gatepost_lists.errors import StoreReadOnlyError, StoreTroubleError  # noqa: PLC0415
    from gatepost_lists.store.admin import Store  # noqa: PLC0415

    section = live.settings.delivery
    try:
        Store(live.settings.lists.directory).close()  # bring it up to date before anybody reads it
    except StoreReadOnlyError as error:
        raise PartMissingError(f"delivery: {error}: who keeps the lists must deliver their mail") from error
    except StoreTroubleError:
        pass  # delivery tells of it, and waits for the store; the doors are not to wait with it
    gauges = _gauges_of_ready_queue(live)
    return delivery_part(section.workers, section.metrics, lambda: delivery_options(live.read()), gauges)


# What `run` can start, in the order in which it does.
PARTS: dict[str, Callable[[LiveSettings], Part]] = {
    "policy": _policy_part,
    "milter": _milter_part,
    "lmtp": _lmtp_part,
    "delivery": _delivery_part,
}


def parts_of(live: LiveSettings, named: Sequence[str]) -> list[Part]:
    """The parts that were named; without names, all that are enabled and can run. Raises PartMissingError."""
    if named:
        return [_made(live, name) for name in dict.fromkeys(named)]
    parts = []
    for name in PARTS:
        if getattr(live.settings, name).enabled:
            try:
                parts.append(_made(live, name))
            except PartMissingError as error:
                click.echo(f"gatepost: left out: {error.message}", err=True)
    return parts


def _made(live: LiveSettings, name: str) -> Part:
    return PARTS[name](replace(live, part=name))
