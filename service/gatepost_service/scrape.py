"""The metrics' endpoint for Prometheus: HTTP over TCP or a UNIX socket, in a thread or in a process of its own.

prometheus_client renders; the figures are those in the processes' slots, and the gauges, at the moment of the question.
This file is imported only where it serves: prometheus_client takes 40 ms to import.
"""

import socket
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import make_wsgi_app
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from gatepost_service.log import get_logger
from gatepost_service.metrics import BOUNDS, Cell, Gauge, Gauges, Slot, tally_of

CLIENT_TIMEOUT = 10.0  # s; who sends no request in that time is dropped

_log = get_logger("metrics")


class SlotCollector(Collector):
    """Makes prometheus_client's metrics of what stands in the slots."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._slots = slots

    def collect(self) -> Iterable[Metric]:
        tally = tally_of(self._slots)
        cells = tally.cells()
        yield _verdicts(cells)
        yield _verdict_seconds(cells)
        yield _deliveries(tally.deliveries())
        yield _withheld(tally.withheld())


def _verdicts(cells: Sequence[Cell]) -> Metric:
    family = CounterMetricFamily(
        "gatepost_verdicts", "Verdicts given, by the test that decided.", labels=("door", "test", "verdict")
    )
    for cell in cells:
        family.add_metric((cell.door, cell.test, cell.verdict), sum(cell.buckets))
    return family


def _verdict_seconds(cells: Sequence[Cell]) -> Metric:
    family = HistogramMetricFamily("gatepost_verdict_seconds", "Time that a verdict took.", labels=("door",))
    bounds = [*(str(bound) for bound in BOUNDS), "+Inf"]
    for door in sorted({cell.door for cell in cells}):
        own = [cell for cell in cells if cell.door == door]
        counts = (sum(column) for column in zip(*(cell.buckets for cell in own), strict=True))
        buckets = list(zip(bounds, (float(count) for count in accumulate(counts)), strict=True))
        family.add_metric((door,), buckets, sum(cell.seconds for cell in own))
    return family


def _deliveries(recipients: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(
        "gatepost_deliveries", "Recipients of outgoing mail, by what became of an attempt.", labels=("outcome",)
    )
    for outcome, count in recipients.items():
        family.add_metric((outcome,), count)
    return family


def _withheld(notices: Mapping[tuple[str, str], int]) -> Metric:
    family = CounterMetricFamily(
        "gatepost_notices_withheld", "Notices that were not sent, by kind and reason.", labels=("notice", "why")
    )
    for kind, count in notices.items():
        family.add_metric(kind, count)
    return family


class GaugeCollector(Collector):
    """Makes prometheus_client's metrics of gauges. Trouble leaves out these alone, and is told once, until it ends."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges
        self._trouble = ""

    def collect(self) -> Iterable[Metric]:
        try:
            gauges = list(self._gauges())
        except Exception as error:  # whatever it is, the other figures are served
            self._tell(str(error) or repr(error))
            return
        self._tell("")
        yield from map(_gauge, gauges)

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            _log.error("metrics left out", why=trouble)
        elif self._trouble and not trouble:
            _log.info("no metrics are left out any more")
        self._trouble = trouble


def _gauge(gauge: Gauge) -> Metric:
    family = GaugeMetricFamily(gauge.name, gauge.help, labels=(gauge.label,))
    for value, figure in gauge.figures.items():
        family.add_metric((value,), figure)
    return family


class _Handler(WSGIRequestHandler):
    timeout = CLIENT_TIMEOUT

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class names it so
        """Requests are not logged."""


class ScrapeServer(ThreadingMixIn, WSGIServer):
    """Serves the figures in `slots`, and the gauges, on a socket that listens already; call serve_forever()."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, slots: Sequence[Slot], gauges: Iterable[Gauges] = ()) -> None:
        super().__init__(("", 0), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_name, self.server_port = "gatepost", 0
        self.setup_environ()
        registry = CollectorRegistry(auto_describe=False)
        for collector in (SlotCollector(slots), *map(GaugeCollector, gauges)):
            registry.register(collector)
        self.set_app(make_wsgi_app(registry))

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, peer = super().get_request()
        return connection, peer or ("local", 0)  # the base class expects a host and a port, which UNIX sockets lack

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or that wrote no HTTP."""
        _log.warning("metrics request failed", client=str(client_address), exc_info=True)
