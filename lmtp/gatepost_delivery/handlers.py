"""The handlers of one runner, joined: which of them deals with which queue.

They are made in the runner's own thread, which alone may use the store and the directory that they hold.
"""

from __future__ import annotations

import threading

from gatepost_delivery.bounces import Bounces
from gatepost_delivery.command_mail import CommandMail
from gatepost_delivery.dmarc import Policies
from gatepost_delivery.lookups import Lookups
from gatepost_delivery.options import Options
from gatepost_delivery.outbox import Terms
from gatepost_delivery.outgoing import Pool
from gatepost_delivery.owner import OwnerMail
from gatepost_delivery.posting import PostMail
from gatepost_delivery.refusals import Refusals
from gatepost_delivery.sending import Sender, Sending
from gatepost_delivery.values import Done, GoOn, Handler, Later
from gatepost_delivery.verifier import Verifier
from gatepost_queue import Claimed
from gatepost_queue.metadata import InMetadata
from gatepost_service.metrics import Tally


class SiteHandlers:
    """The handlers of one runner. All but the options are the process's; stopping ends long work early."""

    def __init__(
        self,
        options: Options,
        pool: Pool,
        lookups: Lookups,
        tally: Tally,
        refusals: Refusals,
        stopping: threading.Event,
    ) -> None:
        self._store = options.open_store()
        self._directory = options.open_directory()
        self._terms = Terms(
            site_owner=options.owner,
            max_answers=options.max_answers,
            max_to_strangers=options.max_to_strangers,
            withheld=tally.withhold,
        )
        self._post = self._posts(options, lookups)
        self._owner = OwnerMail(store=self._store, site_owner=options.owner, max_recipients=options.max_recipients)
        sender = self._sender(options, pool, tally, refusals, stopping)
        self._by_queue: dict[str, Handler] = {
            "in": self._incoming,
            "command": self._commands(options),
            "bounces": Bounces(store=self._store, site_owner=options.owner),
            "out": sender,
            "retry": sender,
        }

    def __getitem__(self, queue: str) -> Handler:
        return self._by_queue[queue]

    def close(self) -> None:
        """Let go of the store and the directory."""
        self._store.close()
        self._directory.close()

    def _incoming(self, claimed: Claimed, go_on: GoOn) -> Done | Later:
        """Mail for the owners has nothing in common with a post but its queue."""
        return (self._owner if InMetadata.from_json(claimed.metadata).to_owner else self._post)(claimed, go_on)

    def _posts(self, options: Options, lookups: Lookups) -> PostMail:
        return PostMail(
            store=self._store,
            directory=self._directory,
            rules=options.rules,
            terms=self._terms,
            verp_interval=options.verp_interval,
            dmarc=options.dmarc,
            policies=Policies(lookups),
            verifier=Verifier(lookups),
        )

    def _commands(self, options: Options) -> CommandMail:
        return CommandMail(
            store=self._store,
            directory=self._directory,
            terms=self._terms,
            request_life=options.request_life,
        )

    def _sender(
        self, options: Options, pool: Pool, tally: Tally, refusals: Refusals, stopping: threading.Event
    ) -> Sender:
        return Sender(
            Sending(
                recipients=self._store.recipients,
                snapshot=self._store.snapshot,
                mailer=pool,
                max_recipients=options.max_recipients,
                period=options.retry_period,
                count=tally.deliver,
                refusals=refusals,
                stopping=stopping.is_set,
            )
        )
