"""What Exim 4.94 and later needs: the lists' routers, transports and ACLs. Table of contents:

- `pieces`     everything to put somewhere
- `blocks`     the blocks of Exim's configuration
- `list_file`  the file in which Exim looks the lists up
"""

from gatepost_conf.exim.pieces import pieces, warnings

__all__ = ["pieces", "warnings"]
