"""The commands of this part; gatepost.py mounts them. Table of contents:

- `context`  what they get from the command line
- `conf`     `gatepost conf`
- `doctor`   `gatepost doctor`

Nothing is imported here: each command pays for what it uses.
"""

__all__ = ["conf", "context", "doctor"]
