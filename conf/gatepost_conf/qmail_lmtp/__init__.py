"""`gatepost qmail-lmtp`: one message, from a .qmail file's command line to an LMTP server. Table of contents:

- `outcomes`  how a delivery can end
- `envelope`  the addresses, rebuilt from the environment of qmail-command(8)
- `content`   the message as it goes over the wire
- `client`    one LMTP transaction
- `command`   arguments and exit codes

Nothing is imported here, and nothing but the standard library below: it starts anew for each message.
"""

__all__ = ["client", "command", "content", "envelope", "outcomes"]
