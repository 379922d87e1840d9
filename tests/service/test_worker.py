"""A worker's signals at the moments that a whole program seldom meets."""

import asyncio
import signal
from collections.abc import Iterator

import pytest
import uvloop

from gatepost_service.accept import Load, Loads
from gatepost_service.metrics import Tally
from gatepost_service.part import Part, Worker
from gatepost_service.process import end_quietly_on_signals
from gatepost_service.report import SystemdReporter
from gatepost_service.worker import Service, _handle_signals, run_async

NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture
def worker() -> Iterator[Worker]:
    """A worker that serves nothing; afterwards signals are what they were."""
    before = {number: signal.getsignal(number) for number in NUMBERS}
    part = Part(name="none", listen=(), serve=lambda _: None)
    worker = Worker(part, 0, (), Load(Loads(1), 0), Tally(), SystemdReporter(), announce=False, beat_every=0.0)
    yield worker
    worker.ended()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_after_the_loop_has_been_closed(worker: Worker, number: signal.Signals) -> None:
    loop = asyncio.new_event_loop()
    _handle_signals(worker, loop)
    loop.close()
    signal.raise_signal(number)


def test_a_signal_as_soon_as_the_loop_runs(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything else is done in it, the process is told to stop: that is an end like any other."""

    make = uvloop.new_event_loop

    def told_to_stop() -> asyncio.AbstractEventLoop:
        loop = make()
        loop.call_soon(signal.raise_signal, signal.SIGTERM)
        return loop

    async def never() -> Service:
        await asyncio.Event().wait()
        raise AssertionError

    end_quietly_on_signals()
    monkeypatch.setattr("uvloop.new_event_loop", told_to_stop)
    run_async(worker, never)
    assert worker.stopping
