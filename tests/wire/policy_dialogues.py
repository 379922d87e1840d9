"""Policy delegation dialogues as data: what a mail server sends, what it must get, and whether we then hang up.

Each is played whole, octet by octet, and with another request behind it. The lists are those of DIRECTORY.
"""

from typing import NamedTuple

DIRECTORY = """
[domains."lists.example"]
[lists."closed@lists.example"]
members = ["anne@example.org"]
default_nonmember_action = "reject"
max_message_size = 10
[lists."open@lists.example"]
bans = ["mallory@example.net"]
default_nonmember_action = "accept"
"""

DUNNO = b"action=DUNNO\n\n"
NO_LIST = b"action=550 5.1.1 no such mailing list\n\n"
NOT_YOU = b"action=550 5.7.2 you may not post to this mailing list\n\n"
BANNED = b"action=550 5.7.1 you are banned from this mailing list\n\n"
TOO_BIG = b"action=552 5.2.3 the message is over this list's limit of 10 KiB\n\n"
UNREADABLE = b"action=553 5.1.3 the recipient address cannot be read\n\n"
SEPARATELY = b"action=452 4.5.3 send to each recipient separately\n\n"
NO_NULL = b"action=550 5.7.2 the null sender may not post to a mailing list\n\n"


class Dialogue(NamedTuple):
    """sent: all that the client sends. replied: all that it gets. hangs_up: the service ends the connection."""

    name: str
    sent: bytes
    replied: bytes
    hangs_up: bool = False


def request(
    recipient: bytes = b"closed@lists.example",
    sender: bytes = b"anne@example.org",
    state: bytes = b"RCPT",
    more: bytes = b"",
) -> bytes:
    return (
        b"request=smtpd_access_policy\nprotocol_state=%b\nprotocol_name=ESMTP\nhelo_name=mx.example.org\nqueue_id=\n"
        b"sender=%b\nrecipient=%b\nclient_address=192.0.2.1\nclient_name=mx.example.org\n%b\n"
    ) % (state, sender, recipient, more)


def _several(*names: bytes, sender: bytes = b"double-bounce@x.example") -> bytes:
    """What Postfix asks of a message to several lists: each at RCPT, and all of them, unnamed, at DATA."""
    instance = b"instance=12ab.67.%b\n" % b".".join((*names, sender))
    count = b"recipient_count=%d\n" % len(names)
    asked = [request(b"%b@lists.example" % name, sender, more=instance) for name in names]
    return b"".join(asked) + request(b"", sender, b"DATA", instance + count)


DIALOGUES = [
    Dialogue("member", request(), DUNNO),
    Dialogue("stranger", request(sender=b"cris@example.org"), NOT_YOU),
    Dialogue("banned", request(b"open@lists.example", b"mallory@example.net"), BANNED),
    Dialogue("unknown list", request(b"nobody@lists.example"), NO_LIST),
    Dialogue("another domain", request(b"anne@example.org"), DUNNO),
    Dialogue("postmaster", request(b"postmaster@lists.example"), DUNNO),
    Dialogue("null sender", request(sender=b""), DUNNO),
    Dialogue("recipient with a trailing dot", request(b"closed@lists.example.", b"cris@example.org"), NOT_YOU),
    Dialogue("recipient in capitals", request(b"CLOSED@Lists.Example", b"cris@example.org"), NOT_YOU),
    Dialogue("recipient with no local part", request(b"@lists.example"), UNREADABLE),
    Dialogue("announced size too large", request(more=b"size=10241\n"), TOO_BIG),
    Dialogue("announced size at the limit", request(more=b"size=10240\n"), DUNNO),
    Dialogue("size that is no number", request(more=b"size=lots\n"), DUNNO),
    Dialogue("size of a hundred digits", request(more=b"size=" + b"9" * 100 + b"\n"), DUNNO),
    Dialogue("VRFY", request(b"nobody@lists.example", b"", b"VRFY"), NO_LIST),
    Dialogue("no protocol_state", request(sender=b"cris@example.org").replace(b"protocol_state=RCPT\n", b""), NOT_YOU),
    Dialogue("DATA, one recipient, null sender", request(sender=b"", state=b"DATA"), NO_NULL),
    Dialogue("DATA, null sender to -bounces", request(b"closed-bounces@lists.example", b"", b"DATA"), DUNNO),
    Dialogue(
        "DATA, a probe sender gets all the tests", request(sender=b"double-bounce@x.example", state=b"DATA"), NOT_YOU
    ),
    Dialogue("DATA, several recipients", request(b"", b"", b"DATA", b"recipient_count=2\n"), DUNNO),
    Dialogue("DATA, a probe sender, several recipients", _several(b"closed", b"closed"), DUNNO * 2 + NOT_YOU),
    Dialogue("DATA, a probe sender, not all fail", _several(b"closed", b"closed-owner"), DUNNO * 2 + SEPARATELY),
    Dialogue("DATA, a probe sender, none fails", _several(b"open", b"closed-owner"), DUNNO * 3),
    Dialogue("DATA, null sender, several", _several(b"closed", b"open", sender=b""), DUNNO * 2 + NO_NULL),
    Dialogue("DATA, null sender, not all fail", _several(b"closed", b"closed-owner", sender=b""), DUNNO * 3),
    Dialogue(
        "DATA, another instance",
        _several(b"closed", b"closed") + request(b"", b"double-bounce@x", b"DATA", b"instance=9\nrecipient_count=2\n"),
        DUNNO * 2 + NOT_YOU + DUNNO,
    ),
    Dialogue("END-OF-MESSAGE, true size", request(state=b"END-OF-MESSAGE", more=b"size=20000\n"), TOO_BIG),
    *(
        Dialogue(f"{state.decode()} is not judged", request(b"nobody@lists.example", state=state), DUNNO)
        for state in (b"CONNECT", b"EHLO", b"HELO", b"MAIL", b"ETRN", b"NEWSTATE")
    ),
    Dialogue("unknown attributes", request(more=b"fancy_new=yes\n=\nx=a=b=c\n"), DUNNO),
    Dialogue(
        "attributes in another order", b"recipient=nobody@lists.example\nrequest=smtpd_access_policy\n\n", NO_LIST
    ),
    Dialogue("the sender is no UTF-8", request(sender=b"ann\xe9@example.org"), NOT_YOU),
    Dialogue("the recipient is no UTF-8", request(b"clos\xe9@lists.example"), NO_LIST),
    Dialogue("NUL in a value", request(sender=b"ann\0e@example.org"), NOT_YOU),
    Dialogue("two at once", request() + request(sender=b"cris@example.org"), DUNNO + NOT_YOU),
    Dialogue("a value of 60,000 octets", request(sender=b"x" * 60_000 + b"@example.org"), NOT_YOU),
    Dialogue("no request=", request().replace(b"request=smtpd_access_policy\n", b""), b"", hangs_up=True),
    Dialogue("another request=", request().replace(b"smtpd_access_policy", b"junk"), b"", hangs_up=True),
    Dialogue("RCPT without recipient", request(b""), b"", hangs_up=True),
    Dialogue("VRFY without recipient", request(b"", state=b"VRFY"), b"", hangs_up=True),
    Dialogue("a line without =", request(more=b"what is this\n"), b"", hangs_up=True),
    Dialogue("an empty request", b"\n", b"", hangs_up=True),
    Dialogue("SMTP", b"EHLO mx.example.org\r\n\r\n\n\n", b"", hangs_up=True),
    Dialogue("over 64 KiB", request(more=b"x=" + b"y" * 65_536 + b"\n"), b"", hangs_up=True),
    Dialogue("over 64 KiB and never ended", b"x=" + b"y" * 65_536, b"", hangs_up=True),
    Dialogue("a good one, then rubbish", request() + b"rubbish\n\n", DUNNO, hangs_up=True),
]
