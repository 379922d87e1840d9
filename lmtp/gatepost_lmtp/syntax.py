"""The syntax of LMTP commands (RFC 2033, RFC 5321 section 4.1): paths, parameters and names. No I/O, no lists.

- A path stands in angle brackets directly behind the colon and a space at most; what is in it must be written as
  RFC 5321 has it, with the UTF-8 of RFC 6531 where SMTPUTF8 was asked for. Latitude is only where mail servers need it:
  dots and quoted pairs anywhere in a local part, one dot behind the domain, a local part alone.
- A source route is read and left out (RFC 5321 section 4.1.1.3, appendix F.2).
- Text is UTF-8; octets that are none are surrogate escapes.
- LmtpError is the only exception that leaves this file.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# A command line with its CRLF. RFC 5321 section 4.5.3.1.4 asks for 512, and the extensions for some more.
MAX_COMMAND_OCTETS = 2048
# RFC 1870 section 3: a size has at most 20 digits.
_MAX_SIZE_DIGITS = 20

# Everything beyond ASCII but control characters and surrogate escapes.
_UTF8 = "\u00a0-\ud7ff\ue000-\U0010ffff"
_ATOM = rf"(?:[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~.\-{_UTF8}]|\\[!-~])+"
_QUOTED = rf'"(?:[ !#-\[\]-~{_UTF8}]|\\[ -~])*"'
_DOMAIN = rf"(?:[A-Za-z0-9_{_UTF8}](?:[A-Za-z0-9_\-{_UTF8}]*[A-Za-z0-9_{_UTF8}])?)"
_HOST = rf"{_DOMAIN}(?:\.{_DOMAIN})*\.?"
_LITERAL = r"\[[A-Za-z0-9:.]+\]"
_MAILBOX = rf"(?:{_ATOM}|{_QUOTED})(?:@(?:{_HOST}|{_LITERAL}))?"
_ROUTE = rf"(?:@{_HOST}(?:,@{_HOST})*:)?"
_path = re.compile(rf"{_ROUTE}({_MAILBOX})").fullmatch
# The end of a path is the first '>' outside quotes.
_bracketed = re.compile(r'<((?:[^<>"]|"(?:[^"\\]|\\.)*")*)>(?: +(.*))?', re.DOTALL).fullmatch
_greeting_name = re.compile(r"[A-Za-z0-9_.:\[\]\-]{1,255}").fullmatch
_parameter = re.compile(r"([A-Za-z0-9][A-Za-z0-9\-]*)(?:=([!-<>-~]+))?").fullmatch


class LmtpError(Exception):
    """A command that is refused: the whole reply, without its line end."""

    def __init__(self, code: int, status: str, text: str) -> None:
        super().__init__(f"{code} {status} {text}")
        self.code = code
        self.status = status
        self.text = text


class MailParameters(NamedTuple):
    """What MAIL announces: the size in octets (0 when it does not), and whether it asks for SMTPUTF8."""

    size: int = 0
    smtputf8: bool = False


NO_PARAMETERS = MailParameters()


def greeting_name(arg: str | None) -> str:
    """The client's name in LHLO: a domain or an address literal. Raises LmtpError."""
    if arg is None or not _greeting_name(arg):
        raise LmtpError(501, "5.5.4", "syntax: LHLO hostname")
    return arg


def split_path(keyword: str, arg: str | None) -> tuple[str, str]:
    """What stands between the brackets behind FROM: or TO:, and the parameters as text. Raises LmtpError."""
    if arg is not None and arg[: len(keyword)].upper() == keyword:
        found = _bracketed(arg[len(keyword) :].lstrip(" "))
        if found:
            return found[1], (found[2] or "").strip(" ")
    raise LmtpError(501, "5.5.4", f"syntax: {keyword}<address> [parameters]")


def sender_of(path: str, *, smtputf8: bool) -> str:
    """The mailbox of a reverse-path, '' for the null one. Raises LmtpError: 553 5.1.7, or 5.6.7 (RFC 6531)."""
    return _mailbox(path, "5.1.7", "sender", smtputf8=smtputf8) if path else ""


def recipient_of(path: str, *, smtputf8: bool) -> str:
    """The mailbox of a forward-path. Raises LmtpError: 553 5.1.3, or 5.6.7 where it needs SMTPUTF8 (RFC 6531)."""
    return _mailbox(path, "5.1.3", "recipient", smtputf8=smtputf8)


def _mailbox(path: str, status: str, whose: str, *, smtputf8: bool) -> str:
    found = _path(path)
    if found is None:
        raise LmtpError(553, status, f"the {whose} address cannot be read")
    if not smtputf8 and not path.isascii():
        raise LmtpError(553, "5.6.7", f"the {whose} address needs SMTPUTF8")
    return found[1]


def mail_parameters(text: str) -> MailParameters:
    """The parameters of MAIL: SIZE (RFC 1870), BODY (RFC 6152) and SMTPUTF8 (RFC 6531). Raises LmtpError."""
    size, smtputf8 = 0, False
    for keyword, value in _parameters(text):
        if keyword == "SIZE" and value is not None and value.isdigit() and len(value) <= _MAX_SIZE_DIGITS:
            size = int(value)
        elif keyword == "BODY" and value is not None and value.upper() in {"7BIT", "8BITMIME"}:
            continue  # octets are kept as they come in either case
        elif keyword == "SMTPUTF8" and value is None:
            smtputf8 = True
        elif keyword in {"SIZE", "BODY", "SMTPUTF8"}:
            raise LmtpError(501, "5.5.4", f"bad value of {keyword}")
        else:
            raise LmtpError(555, "5.5.4", "a parameter of MAIL is not known here")
    return MailParameters(size, smtputf8)


def no_parameters(text: str) -> None:
    """RCPT has none here. Raises LmtpError."""
    if _parameters(text):
        raise LmtpError(555, "5.5.4", "a parameter of RCPT is not known here")


def _parameters(text: str) -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    for word in text.split():
        parameter = _parameter(word)
        if parameter is None:
            raise LmtpError(501, "5.5.4", "a parameter cannot be read")
        found.append((parameter[1].upper(), parameter[2]))
    if len({keyword for keyword, _ in found}) < len(found):
        raise LmtpError(501, "5.5.4", "a parameter is given twice")
    return found


def verify_path(arg: str | None) -> str:
    """The mailbox that VRFY asks for, in brackets or not; SMTPUTF8 may follow it (RFC 6531 section 3.7.4.2)."""
    if arg is None:
        raise LmtpError(501, "5.5.4", "syntax: VRFY address")
    text = arg if arg.startswith("<") else arg.replace(" ", "> ", 1) if " " in arg else f"{arg}>"
    found = _bracketed(text if text.startswith("<") else f"<{text}")
    if found is None:
        raise LmtpError(553, "5.1.3", "the recipient address cannot be read")
    options = (found[2] or "").strip(" ").upper()
    if options not in {"", "SMTPUTF8"}:
        raise LmtpError(501, "5.5.4", "syntax: VRFY address [SMTPUTF8]")
    return recipient_of(found[1], smtputf8=options == "SMTPUTF8")
