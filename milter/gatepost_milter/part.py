"""The milter as a part to run: libmilter's main loop in each worker, on the socket that all workers share.

libmilter's main loop runs on a thread, so that the main thread, where signals are not blocked, gets them before
libmilter's own, which even HUP would end.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from gatepost_milter.callbacks import Callbacks
from gatepost_milter.libmilter import MainLoop, waits_for_signals
from gatepost_milter.service import MilterService, Options
from gatepost_service.log import VerdictLog, get_logger
from gatepost_service.part import GRACE, Part, Worker
from gatepost_service.sockets import ListenAddress
from gatepost_service.worker import watched

# Seconds for the last answers to leave: libmilter writes them after the callback has ended, and tells nobody.
_LAST_ANSWERS = 0.1
# Longer than libmilter's threads need to start on a busy machine.
_START_SECONDS = 10.0

_log = get_logger("milter")


def milter_part(
    listen: ListenAddress, workers: int, metrics: ListenAddress | None, options: Callable[[], Options], timeout: float
) -> Part:
    """The milter as a part to run.

    options reads the settings, at start and at each HUP. timeout: seconds that the mail server may be silent.
    """

    def serve(worker: Worker) -> None:
        _stay_on_one_processor(worker.index)
        service = MilterService(options(), VerdictLog(), worker.tally)
        worker.on_reload(lambda: service.reload(options()))
        _serve(worker, service, timeout)

    return Part(name="milter", listen=(listen,), serve=serve, workers=workers, metrics=metrics)


def _stay_on_one_processor(index: int) -> None:
    """Keep this worker's threads together, each worker on a processor of its own as far as there are enough.

    One of them runs Python at a time in any case. Spread over several processors they spend much of their time in
    handing the interpreter from one to the other: kept together they answer half as many questions again.
    """
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processors[-1 - index % len(processors)]})


def _serve(worker: Worker, service: MilterService, timeout: float) -> None:
    callbacks = Callbacks(service)
    callbacks.register()
    main_loop = MainLoop(worker.listeners[0], timeout)
    told = threading.Event()
    failures: list[BaseException] = []
    worker.on_stop(told.set)
    thread = threading.Thread(target=_run, args=(main_loop, told, failures), name="libmilter", daemon=True)
    with watched(worker):
        thread.start()
        _wait_until_it_waits(told)
        worker.ready()
        told.wait()
        main_loop.accept_no_more()
        if callbacks.wait_for_those_under_way(GRACE - _LAST_ANSWERS):
            service.close()
        else:
            _log.warning("transactions cut off", part="milter", seconds=GRACE)
        time.sleep(_LAST_ANSWERS)
    if failures:
        raise RuntimeError("libmilter's main loop has failed; syslog has its reason") from failures[0]


def _wait_until_it_waits(told: threading.Event) -> None:
    """Wait until libmilter leaves signals to others, or has failed."""
    until = time.monotonic() + _START_SECONDS
    while not waits_for_signals() and time.monotonic() < until and not told.wait(0.001):
        pass


def _run(main_loop: MainLoop, told: threading.Event, failures: list[BaseException]) -> None:
    """The main loop; should it end by itself, the worker ends too, and is started again."""
    try:
        main_loop.run()
    except Exception as error:
        failures.append(error)
    finally:
        told.set()
