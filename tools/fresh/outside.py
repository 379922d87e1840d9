"""Somebody on another host: one message by SMTP, and the last reply to it on standard output.

outside.py HOST SENDER RECIPIENT SUBJECT
"""

from __future__ import annotations

import smtplib
import sys


def main() -> None:
    host, sender, recipient, subject = sys.argv[1:]
    message = f"From: {sender}\r\nTo: {recipient}\r\nSubject: {subject}\r\n\r\nhello\r\n"
    with smtplib.SMTP(host) as client:
        client.ehlo("outside.example")
        code, text = client.mail(sender)
        if code == 250:
            code, text = client.rcpt(recipient)
        if code == 250:
            code, text = client.data(message)
    print(code, text.decode(errors="replace").replace("\n", " "))


if __name__ == "__main__":
    main()
