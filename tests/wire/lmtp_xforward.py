"""LMTP dialogues as data, continued: XFORWARD, as Postfix's XFORWARD_README describes it."""

from wire.lmtp_words import (
    DATA,
    GO_ON,
    LHLO,
    MAIL,
    MESSAGE,
    NOT_TRUSTED,
    OK,
    ORDER,
    QUEUED,
    RCPT,
    RECIPIENT,
    SENDER,
    SYNTAX,
    Dialogue,
    forwarded,
    said,
)

CLIENT = b"XFORWARD NAME=client.example.net ADDR=192.0.2.1 PORT=25001\r\n"
PROTOCOL = b"XFORWARD PROTO=ESMTP HELO=client.example.net IDENT=4XyZ12 SOURCE=REMOTE\r\n"


def attribute(name: str, words: bytes, reply: str = OK) -> Dialogue:
    """One XFORWARD, and a transaction behind it."""
    return forwarded(f"XFORWARD: {name}", b"XFORWARD " + words + b"\r\n" + MAIL + RCPT, reply, SENDER, RECIPIENT)


XFORWARD = [
    said("XFORWARD where it is not believed", CLIENT + MAIL, NOT_TRUSTED, SENDER),
    forwarded(
        "XFORWARD: as Postfix says it",
        CLIENT + PROTOCOL + MAIL + RCPT + DATA + MESSAGE + b"RSET\r\n" + CLIENT + PROTOCOL + MAIL + RCPT,
        *(OK, OK, SENDER, RECIPIENT, GO_ON, QUEUED, OK, OK, OK, SENDER, RECIPIENT),
    ),
    attribute("NAME", b"NAME=client.example.net"),
    attribute("ADDR", b"ADDR=192.0.2.1"),
    attribute("ADDR of IPv6", b"ADDR=IPv6:2001:db8::1"),
    attribute("ADDR of IPv6 without its prefix", b"ADDR=2001:db8::1"),
    attribute("PORT", b"PORT=25"),
    attribute("PROTO", b"PROTO=SMTP"),
    attribute("HELO", b"HELO=[192.0.2.1]"),
    attribute("IDENT", b"IDENT=4XyZ12"),
    attribute("SOURCE", b"SOURCE=LOCAL"),
    attribute("xtext", b"NAME=a+2Bb+3Dc HELO=+20+7F"),
    attribute("xtext without its digits", b"NAME=a+2", SYNTAX),
    attribute("xtext with other digits", b"NAME=a+2x", SYNTAX),
    attribute("nothing known", b"NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE] HELO=[UNAVAILABLE]"),
    attribute("a name that cannot be looked up now", b"NAME=[TEMPUNAVAIL] ADDR=192.0.2.1"),
    attribute("small letters", b"name=a addr=192.0.2.1 proto=[unavailable]"),
    attribute("blanks between them", b"NAME=a   ADDR=192.0.2.1 "),
    attribute("the last one counts", b"NAME=a NAME=b"),
    attribute("a value of 2,000 octets", b"NAME=" + b"x" * 2000),
    attribute("no attribute", b"", SYNTAX),
    attribute("an attribute without a value", b"NAME", SYNTAX),
    attribute("an attribute that nobody knows", b"NAME=a FOO=bar", SYNTAX),
    attribute("an address that is none", b"ADDR=client.example.net", SYNTAX),
    forwarded("XFORWARD: within a transaction", MAIL + CLIENT + RCPT, SENDER, ORDER, RECIPIENT),
    forwarded("XFORWARD: behind RSET", MAIL + b"RSET\r\n" + CLIENT + MAIL, SENDER, OK, OK, SENDER),
    forwarded(
        "XFORWARD: in one group with all the rest",
        CLIENT + MAIL + RCPT + DATA + MESSAGE,
        *(OK, SENDER, RECIPIENT, GO_ON, QUEUED),
    ),
    Dialogue("XFORWARD: before LHLO", CLIENT + LHLO, (ORDER, "250"), trusted=True),
]
