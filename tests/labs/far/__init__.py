"""A directory that is somewhere else, so that a look-up may take long: a stand-in for engines over a network.

- `engine`    the engine, and gatepost with it, as a program: nothing else of gatepost is changed
- `far_end`   `FarEnd`: the other end of its connection, which keeps an engine waiting, or fails it, as a test wants
"""

from labs.far.far_end import FarEnd

__all__ = ["FarEnd"]
