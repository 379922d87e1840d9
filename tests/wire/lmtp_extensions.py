"""LMTP dialogues as data, continued: PIPELINING, SIZE, 8BITMIME, SMTPUTF8, and Mailman's addresses."""

from wire.lmtp_words import (
    BAD_LINE,
    BAD_RECIPIENT,
    BAD_SENDER,
    BIG,
    BYE,
    DATA,
    DOT,
    GO_ON,
    GREETED,
    HELP,
    MAIL,
    MESSAGE,
    NEEDS_UTF8,
    NO_PARSE,
    NO_SUCH_LIST,
    NOBODY,
    NOT_IMPLEMENTED,
    NULL,
    OK,
    OPEN,
    ORDER,
    QUEUED,
    RCPT,
    RECIPIENT,
    SENDER,
    STRANGER,
    SYNTAX,
    TOO_BIG_FOR_LIST,
    TOO_LARGE,
    UNKNOWN_COMMAND,
    UNKNOWN_PARAMETER,
    Dialogue,
    asked,
    mailed,
    said,
    sent,
    verified,
)

# RFC 2920
PIPELINING = [
    said(
        "2920 3.1: a whole transaction in one write",
        MAIL + RCPT + OPEN + DATA + MESSAGE + b"QUIT\r\n",
        *(SENDER, RECIPIENT, RECIPIENT, GO_ON, QUEUED, QUEUED, BYE),
        hangs_up=True,
    ),
    said(
        "2920 3.1: every recipient is refused",
        MAIL + NOBODY + NOBODY + DATA + b"RSET\r\n" + MAIL,
        *(SENDER, NO_SUCH_LIST, NO_SUCH_LIST, ORDER, OK, SENDER),
    ),
    said(
        "2920 3.1: MAIL is refused",
        b"MAIL FROM:<a b@c>\r\n" + RCPT + RCPT + DATA + MAIL,
        *(BAD_SENDER, ORDER, ORDER, ORDER, SENDER),
    ),
    said(
        "2920 3.1: two transactions in one write",
        (MAIL + RCPT + DATA + MESSAGE) * 3,
        *(SENDER, RECIPIENT, GO_ON, QUEUED) * 3,
    ),
    said(
        "2920 3.1: RSET in the middle",
        MAIL + RCPT + b"RSET\r\n" + MAIL + OPEN + DATA + MESSAGE,
        *(SENDER, RECIPIENT, OK, SENDER, RECIPIENT, GO_ON, QUEUED),
    ),
    said(
        "2920 3.1: RSET and MAIL follow the message in one group",
        (MAIL + RCPT + DATA + MESSAGE + b"RSET\r\n") * 2 + MAIL,
        *(SENDER, RECIPIENT, GO_ON, QUEUED, OK) * 2,
        SENDER,
    ),
    said(
        "2920 3.1: and also where it is refused",
        (MAIL + RCPT + OPEN + DATA + BIG * 1500 + DOT) + MAIL + OPEN + DATA + MESSAGE,
        *(SENDER, RECIPIENT, RECIPIENT, GO_ON, TOO_LARGE, TOO_LARGE, SENDER, RECIPIENT, GO_ON, QUEUED),
    ),
    said(
        "2920 3.2, 5: DATA is accepted though the first and the last recipient are refused",
        MAIL + NOBODY + OPEN + NOBODY + DATA + MESSAGE,
        *(SENDER, NO_SUCH_LIST, RECIPIENT, NO_SUCH_LIST, GO_ON, QUEUED),
    ),
    said(
        "2920 3.2, 5: and not though those of an earlier transaction were accepted",
        MAIL + OPEN + b"RSET\r\n" + MAIL + NOBODY + DATA,
        *(SENDER, RECIPIENT, OK, SENDER, NO_SUCH_LIST, ORDER),
    ),
    said(
        "2920 3.2, 9: commands that fail lose nothing that is behind them",
        MAIL
        + b"FOO\r\n"
        + OPEN
        + b"RCPT TO:<a b>\r\nNOOP "
        + b"x" * 3000
        + b"\r\n"
        + DATA
        + MESSAGE
        + b"FOO\r\nNOOP\r\n",
        *(SENDER, UNKNOWN_COMMAND, RECIPIENT, BAD_RECIPIENT, BAD_LINE, GO_ON, QUEUED, UNKNOWN_COMMAND, OK),
    ),
    said(
        "2920 3.2, 1: replies come in the order of the commands",
        b"VRFY open@lists.example\r\n"
        + MAIL
        + b"NOOP\r\n"
        + NOBODY
        + b"HELP\r\n"
        + OPEN
        + DATA
        + MESSAGE
        + b"NOOP\r\n",
        *(RECIPIENT, SENDER, OK, NO_SUCH_LIST, HELP, RECIPIENT, GO_ON, QUEUED, OK),
    ),
    said("2920 3.2: a thousand commands", b"NOOP\r\n" * 1000, *[OK] * 1000),
]

# RFC 1870
SIZES = [
    mailed("1870 6.1: a size that fits", b"MAIL FROM:<anne@example.org> SIZE=100000", SENDER),
    mailed("1870 6.1: a size that does not", b"MAIL FROM:<anne@example.org> SIZE=100001", TOO_LARGE),
    mailed("1870 6: a size of 20 digits", b"MAIL FROM:<> SIZE=" + b"9" * 20, TOO_LARGE),
    mailed("1870 6: a size of 21 digits", b"MAIL FROM:<> SIZE=" + b"9" * 21, SYNTAX),
    mailed("1870 6.1: 0 says nothing", b"MAIL FROM:<> SIZE=0", SENDER),
    mailed("1870 6: no number", b"MAIL FROM:<> SIZE=big", SYNTAX),
    mailed("1870 6: a negative one", b"MAIL FROM:<> SIZE=-1", SYNTAX),
    mailed("1870 6: no value", b"MAIL FROM:<> SIZE", SYNTAX),
    mailed("1870 6: given twice", b"MAIL FROM:<> SIZE=1 SIZE=2", SYNTAX),
    asked(
        "1870 6.4: over one list's limit, as announced",
        b"<closed@lists.example>",
        TOO_BIG_FOR_LIST,
        b"MAIL FROM:<anne@example.org> SIZE=10241\r\n",
    ),
    said(
        "1870 6.4: and within another's",
        b"MAIL FROM:<anne@example.org> SIZE=10241\r\n" + RCPT + OPEN + DATA + MESSAGE,
        *(SENDER, TOO_BIG_FOR_LIST, RECIPIENT, GO_ON, QUEUED),
    ),
    said(
        "1870 6.1: refused, and the next may be smaller",
        b"MAIL FROM:<> SIZE=100001\r\nMAIL FROM:<> SIZE=9\r\n",
        TOO_LARGE,
        SENDER,
    ),
    asked("1870 4: RCPT has no SIZE", b"<open@lists.example> SIZE=9", UNKNOWN_PARAMETER),
    said(
        "1870 6.3: as much as was announced, and as can be taken",
        b"MAIL FROM:<anne@example.org> SIZE=100000\r\n"
        + OPEN
        + DATA
        + b"a: bcdef\r\n"
        + b"x" * 88
        + b"\r\n" * 49_951
        + DOT,
        *(SENDER, RECIPIENT, GO_ON, QUEUED),
    ),
    said(
        "1870 6.3: somewhat more than was announced is taken",
        b"MAIL FROM:<anne@example.org> SIZE=10\r\n" + RCPT + DATA + MESSAGE,
        *(SENDER, RECIPIENT, GO_ON, QUEUED),
    ),
    said(
        "1870 6.3: more than was announced, and than can be taken",
        b"MAIL FROM:<anne@example.org> SIZE=10\r\n" + RCPT + OPEN + DATA + BIG * 1500 + DOT,
        *(SENDER, RECIPIENT, RECIPIENT, GO_ON, TOO_LARGE, TOO_LARGE),
    ),
    said(
        "1870 6.3: more comes than was announced, for one list",
        b"MAIL FROM:<anne@example.org> SIZE=10\r\n" + RCPT + DATA + BIG * 150 + DOT,
        SENDER,
        RECIPIENT,
        GO_ON,
        TOO_BIG_FOR_LIST,
    ),
    said(
        "1870 5: dots that were put in do not count",
        MAIL + OPEN + DATA + b"a: b\r\n" + b"..\r\n" * 33_331 + DOT,
        SENDER,
        RECIPIENT,
        GO_ON,
        QUEUED,
    ),
    said(
        "1870 5: one octet too many",
        MAIL + OPEN + DATA + b"a: bcdef\r\n" + b"..\r\n" * 33_331 + DOT,
        SENDER,
        RECIPIENT,
        GO_ON,
        TOO_LARGE,
    ),
]

# RFC 6152
EIGHT_BITS = [
    mailed("6152 3: BODY=8BITMIME", b"MAIL FROM:<> BODY=8BITMIME", SENDER),
    mailed("6152 3: BODY=7BIT, in small letters", b"MAIL FROM:<> body=7bit", SENDER),
    mailed("6152 3: BODY=BINARYMIME is not announced", b"MAIL FROM:<> BODY=BINARYMIME", SYNTAX),
    mailed("6152 3: no value", b"MAIL FROM:<> BODY", SYNTAX),
    mailed("6152 3: given twice", b"MAIL FROM:<> BODY=7BIT BODY=8BITMIME", SYNTAX),
    mailed("6152 3: a value that nobody knows", b"MAIL FROM:<> BODY=9BIT", SYNTAX),
    asked("6152 3: RCPT has no BODY", b"<open@lists.example> BODY=8BITMIME", UNKNOWN_PARAMETER),
    said(
        "6152 3: lines are no longer for it",
        b"MAIL FROM:<anne@example.org> BODY=8BITMIME\r\n"
        + RCPT
        + DATA
        + b"a: b\r\n\r\n"
        + b"\xe4" * 999
        + b"\r\n"
        + DOT,
        *(SENDER, RECIPIENT, GO_ON, NO_PARSE),
    ),
    said(
        "6152 3: in 1,000 octets of a line",
        b"MAIL FROM:<anne@example.org> BODY=8BITMIME\r\n"
        + RCPT
        + DATA
        + b"a: b\r\n\r\n"
        + b"\xe4" * 998
        + b"\r\n"
        + DOT,
        *(SENDER, RECIPIENT, GO_ON, QUEUED),
    )._replace(kept=b"\xe4" * 998),
    said(
        "6152 3: where 7BIT was said, they are kept too",
        b"MAIL FROM:<anne@example.org> BODY=7BIT\r\n" + RCPT + DATA + b"a: b\r\n\r\n\xe4\r\n" + DOT,
        *(SENDER, RECIPIENT, GO_ON, QUEUED),
    )._replace(kept=b"\r\n\r\n\xe4\r\n"),
    said(
        "6152 3: eight bits are kept",
        b"MAIL FROM:<anne@example.org> BODY=8BITMIME\r\n" + RCPT + DATA + b"Subject: 8\r\n\r\n\x80\xff\r\n" + DOT,
        SENDER,
        RECIPIENT,
        GO_ON,
        QUEUED,
    )._replace(kept=b"\r\n\r\n\x80\xff\r\n"),
    sent(
        "6152 3: and also where nobody announced them",
        b"Subject: 8\r\n\r\n\x80\xff\r\n" + DOT,
        QUEUED,
        kept=b"\r\n\r\n\x80\xff\r\n",
    ),
]

UTF8_MAIL = "MAIL FROM:<zoë@example.org> SMTPUTF8\r\n".encode()
# RFC 6531
INTERNATIONAL = [
    mailed("6531 3.4: SMTPUTF8", b"MAIL FROM:<anne@example.org> SMTPUTF8", SENDER),
    mailed("6531 3.4: SMTPUTF8 with BODY and SIZE", b"MAIL FROM:<> SIZE=5 BODY=8BITMIME SMTPUTF8", SENDER),
    mailed("6531 3.4: smtputf8 in small letters", b"MAIL FROM:<anne@example.org> smtputf8", SENDER),
    mailed("6531 3.4: given twice", b"MAIL FROM:<> SMTPUTF8 SMTPUTF8", SYNTAX),
    mailed(
        "6531 3.4: MAIL may be ten octets longer for it",
        b"MAIL FROM:<" + b"x" * 485 + b"@example.org> SMTPUTF8",
        SENDER,
    ),
    asked("6531 3.4: RCPT has none", "<grüße@lists.example> SMTPUTF8".encode(), UNKNOWN_PARAMETER, UTF8_MAIL),
    mailed("6531 3.4: SMTPUTF8 has no value", b"MAIL FROM:<> SMTPUTF8=yes", SYNTAX),
    mailed("6531 3.5: a sender that needs it", "MAIL FROM:<zoë@example.org>".encode(), NEEDS_UTF8),
    mailed("6531 3.5: a sender's domain that needs it", "MAIL FROM:<anne@bücher.example>".encode(), NEEDS_UTF8),
    mailed(
        "6531 3.5: a source route that needs it", "MAIL FROM:<@bücher.example:anne@example.org>".encode(), NEEDS_UTF8
    ),
    asked("6531 3.5: a recipient's domain that needs it", "<open@lists.bücher.example>".encode(), NEEDS_UTF8),
    mailed("6531 3.3: a domain in its A-labels needs nothing", b"MAIL FROM:<anne@xn--bcher-kva.example>", SENDER),
    mailed("6531 3.3: a sender in UTF-8", UTF8_MAIL.rstrip(), SENDER),
    mailed("6531 3.3: a domain in UTF-8", "MAIL FROM:<anne@bücher.example> SMTPUTF8".encode(), SENDER),
    mailed("6531 3.3: octets that are no UTF-8", b"MAIL FROM:<zo\xeb@example.org> SMTPUTF8", BAD_SENDER),
    mailed("6531 3.3: quoted UTF-8", 'MAIL FROM:<"zoë e"@example.org> SMTPUTF8'.encode(), SENDER),
    asked("6531 3.5: a recipient that needs it", "<grüße@lists.example>".encode(), NEEDS_UTF8),
    asked("6531 3.3: a recipient in UTF-8", "<grüße@lists.example>".encode(), RECIPIENT, UTF8_MAIL),
    asked("6531 3.3: a recipient that is no UTF-8", b"<gr\xfc\xdfe@lists.example>", BAD_RECIPIENT, UTF8_MAIL),
    Dialogue("6531 3.7.1: LHLO with a name in UTF-8", "LHLO bücher.example\r\n".encode(), (SYNTAX,)),
    Dialogue("6531 3.7.1: LHLO with a name in A-labels", b"LHLO xn--bcher-kva.example\r\n", (GREETED,)),
    sent(
        "6531 3.6: headers in UTF-8 where nobody asked for it are kept",
        "Subject: Grüße\r\n\r\n".encode() + DOT,
        QUEUED,
        kept="Subject: Grüße\r\n".encode(),
    ),
    said(
        "6531 4.3: LMTP in Received without it", MAIL + RCPT + DATA + MESSAGE, SENDER, RECIPIENT, GO_ON, QUEUED
    )._replace(kept=b" with LMTP\r\n"),
    said(
        "6531 4.3: UTF8LMTP in Received", UTF8_MAIL + RCPT + DATA + MESSAGE, SENDER, RECIPIENT, GO_ON, QUEUED
    )._replace(kept=b"with UTF8LMTP"),
    said(
        "6531: its headers stay as they are",
        UTF8_MAIL + RCPT + DATA + "Subject: Grüße\r\n\r\n".encode() + DOT,
        SENDER,
        RECIPIENT,
        GO_ON,
        QUEUED,
    )._replace(kept="Return-Path: <zoë@example.org>\r\n".encode()),
    verified("6531 3.7.4.2: VRFY with SMTPUTF8", "grüße@lists.example SMTPUTF8".encode(), RECIPIENT),
    verified("6531 3.7.4.2: VRFY with brackets and SMTPUTF8", "<grüße@lists.example> SMTPUTF8".encode(), RECIPIENT),
    verified("6531 3.7.4.2: VRFY with SMTPUTF8 in vain", b"closed@lists.example SMTPUTF8", RECIPIENT),
    verified("6531 3.7.4.2: SMTPUTF8 has no value", b"closed@lists.example SMTPUTF8=1", SYNTAX),
    verified("6531 3.7.4.2: what is no UTF-8", b"gr\xfc\xdfe@lists.example SMTPUTF8", BAD_RECIPIENT),
    said("6531 3.7.4.2: EXPN is not here", "EXPN grüße SMTPUTF8\r\n".encode(), NOT_IMPLEMENTED),
    verified("6531 3.7.4.2: VRFY without", "grüße@lists.example".encode(), NEEDS_UTF8),
    said(
        "6531 3.6: RSET ends it",
        UTF8_MAIL + b"RSET\r\n" + MAIL + "RCPT TO:<grüße@lists.example>\r\n".encode(),
        SENDER,
        OK,
        SENDER,
        NEEDS_UTF8,
    ),
]

# What GNU Mailman's own runner does with addresses
MAILMAN = [
    *(
        asked(f"Mailman: -{name}", b"<closed-%b@lists.example>" % name.encode(), RECIPIENT, STRANGER)
        for name in ("bounces", "confirm", "join", "leave", "owner", "request", "subscribe", "unsubscribe")
    ),
    asked("Mailman: -bounces+user=host", b"<closed-bounces+joe=example.org@lists.example>", RECIPIENT, NULL),
    asked("Mailman: -confirm+token", b"<closed-confirm+0123abcd@lists.example>", RECIPIENT, STRANGER),
    asked("Mailman: an extension of the list", b"<closed+x@lists.example>", RECIPIENT),
    asked("Mailman: an extension with a sub-address in it", b"<closed+x-owner@lists.example>", RECIPIENT),
    asked("Mailman: -admin is none", b"<closed-admin@lists.example>", NO_SUCH_LIST),
    asked("Mailman: noreply is none", b"<noreply@lists.example>", NO_SUCH_LIST),
    asked("Mailman: the alias domain", b"<closed@l.example>", RECIPIENT),
    asked("Mailman: the alias domain, sub-address", b"<closed-request@l.example>", RECIPIENT, STRANGER),
    asked("Mailman: a list whose name ends in a sub-address", b"<team-owner@lists.example>", RECIPIENT, STRANGER),
    asked("Mailman: capitals", b"<Closed-REQUEST@LISTS.example>", RECIPIENT),
]
