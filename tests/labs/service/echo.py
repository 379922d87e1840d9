r"""A service for the tests: each line from a client gets one line back, which begins with the worker's process id.

`begin` opens a transaction, which holds the end of the service up until `end`; `stick` makes the worker hang for good.
"""

import argparse
import asyncio
import os
import resource
import socketserver
import sys
import time
from pathlib import Path
from typing import cast

from gatepost_service import log
from gatepost_service.accept import Acceptor
from gatepost_service.part import Part, Worker
from gatepost_service.run import run
from gatepost_service.sockets import ListenAddress
from gatepost_service.worker import run_async, watched

_log = log.get_logger("echo")


class Echo(asyncio.Protocol):
    def __init__(self, service: "Service") -> None:
        self.service = service
        self.busy = False
        self.finishing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.service.clients.opened(self)

    def data_received(self, data: bytes) -> None:
        line = data.decode().strip()
        self.service.clients.heard(self)
        self.service.worker.tally.count("echo", "any", "accept", 0.0002)
        self.service.verdicts.verdict("echo", "-", "-", line, "", "any", "accept", 250, "2.1.5", 0.2, "")
        if line == "stick":
            while True:
                time.sleep(3600)
        self.busy = line == "begin"
        self.transport.write(f"{os.getpid()} {line}\n".encode())
        if self.finishing:
            self.finish()

    def give_way(self) -> bool:
        if not self.busy:
            self.transport.close()
        return not self.busy

    def finish(self) -> None:
        self.finishing = True
        if not self.busy:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.service.clients.closed(self)


class Service:
    def __init__(self, worker: Worker, max_connections: int) -> None:
        self.worker = worker
        self.verdicts = log.VerdictLog(asyncio.get_running_loop().call_soon)
        self.clients = Acceptor(worker.load, worker.listeners, lambda: Echo(self), max_connections=max_connections)

    async def close(self) -> None:
        await self.clients.end()

    async def reload(self) -> None:
        _log.info("reloaded", pid=os.getpid())
        read_settings()


def read_settings() -> None:
    if Path("broken").exists():
        raise ValueError("broken settings")


class LineHandler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(f"{os.getpid()} {line.decode()}".encode())


class LineServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


def serve_without_loop(worker: Worker) -> None:
    server = LineServer(("", 0), LineHandler, bind_and_activate=False)
    server.socket.close()
    server.socket = worker.listeners[0]
    worker.on_stop(server.shutdown)
    worker.on_reload(lambda: _log.info("reloaded", pid=os.getpid()))
    with watched(worker):
        worker.ready()
        server.serve_forever(poll_interval=0.05)


def part_of(text: str, options: argparse.Namespace) -> Part:
    """NAME=WORKERS=ADDRESS,ADDRESS"""
    name, workers, addresses = text.split("=", 2)

    def serve(worker: Worker) -> None:
        if options.exit is not None and Path(f"{name}.fails").exists():
            sys.exit(options.exit)

        async def start() -> Service:
            if options.never_ready:
                _log.info("starting")
                await asyncio.Event().wait()
            return Service(worker, options.max_connections)

        serve_without_loop(worker) if options.without_loop else run_async(worker, start)

    def alive() -> bool:
        found = Path("alive").exists()
        _log.info("probed", found=found)
        return found

    return Part(
        name=name,
        listen=tuple(ListenAddress.parse(address) for address in addresses.split(",") if address),
        serve=serve,
        workers=int(workers),
        alive=alive if options.probe else None,
        metrics=ListenAddress.parse(options.part_metrics) if options.part_metrics else None,
    )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="+")
    parser.add_argument("--metrics")
    parser.add_argument("--part-metrics")
    parser.add_argument("--log", default="")
    parser.add_argument("--max-connections", type=int, default=1000)
    parser.add_argument("--files", type=int)
    parser.add_argument("--exit", type=int)
    parser.add_argument("--never-ready", action="store_true")
    parser.add_argument("--probe", action="store_true")
    parser.add_argument("--without-loop", action="store_true")
    parser.add_argument("--activated", type=int, help="a listening descriptor to take as systemd's")
    options = parser.parse_args()
    if options.files is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (options.files, options.files))
    if options.activated is not None:
        os.dup2(options.activated, 3)
        os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
    log.configure("text", options.log)
    parts = [part_of(text, options) for text in options.parts]
    return run(parts, metrics=ListenAddress.parse(options.metrics) if options.metrics else None)


if __name__ == "__main__":
    sys.exit(main())
