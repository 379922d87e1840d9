"""What every process of gatepost shares. Table of contents:

- `ownership`   whose a new file is: shared by all that make files
- `sockets`     addresses to listen on, listening sockets, systemd's socket activation
- `holders`     who holds an address that is in use
- `accept`      taking connections, spread evenly over several workers
- `part`        the values `Part` and `Worker`: what is served, and the process that serves it
- `worker`      a worker's life: event loop (`async_part`) or plain thread (`watched`), signals, reload, stop
- `run`         `run`: serve some parts until told to stop
- `terminal`    the terminal that a run ends with
- `supervisor`  child processes: readiness, restarts, end
- `process`     fork, signals, limits
- `report`      readiness and watchdog: to the parent process, or to systemd
- `log`         log lines: `configure`, `get_logger`, `VerdictLog`
- `log_lines`   how one log line looks
- `log_output`  where log lines go, and what happens when that place is full
- `metrics`     counting verdicts, and gauges
- `record`      a line and a count for each verdict
- `scrape`      the metrics' endpoint for Prometheus

Nothing is imported here: the command line needs `sockets` alone, and must not pay for an event loop.
"""

__all__ = [
    "accept",
    "holders",
    "log",
    "log_lines",
    "log_output",
    "metrics",
    "ownership",
    "part",
    "process",
    "record",
    "report",
    "run",
    "scrape",
    "sockets",
    "supervisor",
    "terminal",
    "worker",
]
