"""A small service made with gatepost_service, as a program of its own, and the means to start and watch it.

- `echo`      the program: `python -m labs.service.echo`
- `program`   `Program`: it runs in a session of its own; wait for its lines, its processes, its end
"""

from labs.service.program import DEADLINE, Program, ask, wait_gone

__all__ = ["DEADLINE", "Program", "ask", "wait_gone"]
