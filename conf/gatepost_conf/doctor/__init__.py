"""`gatepost doctor`: is the running machine right, item by item? Nothing is changed by looking. Table of contents:

- `findings`         what is found: values
- `machine`          what a check may ask of the machine; `local` asks the real one
- `case`             what an examination is about, looked at when it is first needed
- `examine`          the items in their order
- `addresses`, `restrictions`, `modes`  how servers write addresses and restrictions, and what a user may do
- `postfix_config`, `exim_config`, `sendmail_config`  what the mail servers say of themselves
- `postfix_wires`    what Postfix is told to dial
- `clock`, `versions`, `secrets`, `hosts`, `stores`, `domains`, `closed_lists`  the items about gatepost and its machine
- `sockets`, `other_doors`                             the items about what mail servers dial here
- `postfix_doors`, `postfix_relay`, `postfix_tables`, `exim`, `sendmail`        the items about the mail servers

Nothing is imported here: each command pays for what it uses.
"""

__all__ = [
    "addresses",
    "case",
    "clock",
    "closed_lists",
    "domains",
    "examine",
    "exim",
    "exim_config",
    "findings",
    "hosts",
    "local",
    "machine",
    "modes",
    "other_doors",
    "postfix_config",
    "postfix_doors",
    "postfix_relay",
    "postfix_tables",
    "postfix_wires",
    "restrictions",
    "secrets",
    "sendmail",
    "sendmail_config",
    "sockets",
    "stores",
    "versions",
]
