"""Reports as mail servers write them, and what looks like one."""

from __future__ import annotations


def dsn(
    action: str, *addresses: str, diagnosis: str = "smtp; 550 5.1.1 no such user", report_type: str = "delivery-status"
) -> bytes:
    """A report by Postfix (RFC 3464) that says so of each address."""
    blocks = "".join(
        f"\nFinal-Recipient: rfc822; {address}\nOriginal-Recipient: rfc822;{address}\nAction: {action}\n"
        f"Status: 5.1.1\nRemote-MTA: dns; mx.example.org\nDiagnostic-Code: {diagnosis}\n"
        for address in addresses
    )
    text = (
        "From: MAILER-DAEMON@mx.example.net (Mail Delivery System)\nSubject: Undelivered Mail Returned to Sender\n"
        "To: ann-bounces@lists.example\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n"
        f'Content-Type: multipart/report; report-type={report_type};\n\tboundary="b/mx.example.net"\n\n'
        "--b/mx.example.net\nContent-Description: Notification\nContent-Type: text/plain; charset=us-ascii\n\n"
        "This is the mail system at host mx.example.net.\n\n"
        "--b/mx.example.net\nContent-Description: Delivery report\nContent-Type: message/delivery-status\n\n"
        f"Reporting-MTA: dns; mx.example.net\nArrival-Date: Fri, 15 Jan 2027 08:00:00 +0000 (UTC)\n{blocks}\n"
        "--b/mx.example.net\nContent-Description: Undelivered Message\nContent-Type: message/rfc822\n\n"
        "From: anne@example.org\nSubject: a post\n\nhello\n\n--b/mx.example.net--\n"
    )
    return text.replace("\n", "\r\n").encode()


def exim(address: str) -> bytes:
    """A report by Exim without MIME."""
    text = (
        f"From: Mail Delivery System <Mailer-Daemon@mx.example.net>\nX-Failed-Recipients: {address}\n"
        "Auto-Submitted: auto-replied\nSubject: Mail delivery failed: returning message to sender\n\n"
        f"A message that you sent could not be delivered.\n\n  {address}\n    Unrouteable address\n"
    )
    return text.replace("\n", "\r\n").encode()


def qmail(address: str) -> bytes:
    """A report by qmail (QSBMF)."""
    text = (
        "From: MAILER-DAEMON@mx.example.net\nSubject: failure notice\n\n"
        "Hi. This is the qmail-send program at mx.example.net.\nI'm afraid I wasn't able to deliver your message.\n\n"
        f"<{address}>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy.\n"
    )
    return text.replace("\n", "\r\n").encode()


# A report in a format that nobody knows.
ODD = b"From: postmaster@mx.example.net\r\nSubject: Zustellung unm\xf6glich\r\n\r\nDiese Adresse gibt es nicht.\r\n"
VACATION = (
    b"From: Anne <anne@example.org>\r\nSubject: Away\r\nAuto-Submitted: auto-replied (vacation)\r\n"
    b"In-Reply-To: <1@example.org>\r\n\r\nI am back on Monday.\r\n"
)
OLD_VACATION = b"From: Anne <anne@example.org>\r\nSubject: Away\r\nPrecedence: bulk\r\n\r\nI am back on Monday.\r\n"
READ_RECEIPT = (
    b"From: anne@example.org\r\nSubject: Read: a post\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n"
    b"--b\r\n\r\nIt was read.\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
    b"Final-Recipient: rfc822; anne@example.org\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n\r\n"
    b"--b--\r\n"
)
