"""`make fresh`: README's two commands and docs/install.md, on systems that have never seen gatepost.

Each is a root file system of Debian's own packages, in which a clone of this checkout is used as a new user would, by
root and by somebody else. It needs root, mmdebstrap, systemd-nspawn and ip; of Python only what comes with it.

- `systems`    which systems there are
- `roots`      their file systems, kept below tests/.cache/fresh and made again when they are older than a week
- `container`  running commands in one, on this machine's network or on one of its own, or booting it
- `newcomer`   README's commands in each, by root and by another user
- `guest`      the part of it that runs inside, beside `make run`
- `install`    docs/install.md, followed in a system that is then booted
- `outside`    somebody who writes to that system, from outside its mail server's own networks
- `machine`    this machine with another Python, instead of such a system
- `lowest`     the lowest versions that pyproject.toml allows
"""
