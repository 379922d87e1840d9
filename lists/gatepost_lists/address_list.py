"""Address lists: whom a From, a Sender or a Reply-To names (RFC 5322 sections 3.4 and 4.4).

What an address in a header is hangs on the rules here alone: not on Python, whose own reader has changed its mind
(CVE-2023-27043), and not on what stands beside it in the header.

- A text that is an address list by RFC 5322, its obsolete forms included, is read as one: groups are taken apart;
  routes, comments, and white space around dots and at signs are left out. Otherwise an address stays as it is written.
- In any other text every address counts, but for those in quotes, comments and encoded words, which are names and
  remarks. So no odd spelling hides somebody who is banned; and nobody gains an author by it: who writes
  `member@example <me@example>` could have put a comma there. What stands in angle brackets comes first, being the
  author whom mail readers show.
- What stands before angle brackets is a name, unless it is an address beyond doubt, with a dot in its domain and no
  white space: `Anne @ Work <anne@example>` is one address.
- What has several at signs (`a@b@c`) is no address: everybody reads it in another way.
- Nothing odd reaches farther than to the next comma. Parentheses and brackets that nothing closes are left out. Where a
  quote is open, no quotation goes on behind a comma.
- Encoded words (RFC 2047) are not decoded here, so what is in them is no syntax.
- The time that it takes grows as the text does, and nothing raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

# White space, and control characters, which stand for nothing.
_WHITE = r"\s\x00-\x1f\x7f"
_SPECIALS = rf'{_WHITE}()<>\[\]:;@\\,"'
# An encoded word that has what would be syntax in it; others are words.
_ENCODED = rf'=\?[^{_SPECIALS}?]+\?[bBqQ]\?[^{_SPECIALS}?]*[()<>\[\]:;@,][^{_WHITE}?"\\]*\?='
_QUOTED = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_QUOTED_WITHOUT_COMMAS = r'"[^"\\,]*(?:\\[^,][^"\\,]*)*"'


def _tokens(quoted: str) -> Callable[[str, int], re.Match[str] | None]:
    """What finds the token at some place; there is one everywhere but at the end."""
    return re.compile(
        rf"""
          (?P<white> [{_WHITE}]+)
        | (?P<text> {_ENCODED} | \\["()])
        | (?P<word> [^{_SPECIALS}]+ | \\\\?)
        | (?P<at> @)
        | (?P<open> <(?:(?:[{_WHITE},]*@[^{_SPECIALS}]++)++[{_WHITE},]*:)?+)
        | (?P<close> >)
        | (?P<separator> [,;]+)
        | (?P<colon> :)
        | (?P<quoted> {quoted})
        | (?P<literal> \[[^\x00-\x1f\x7f()<>\[\]@\\,;"]*\])
        | (?P<quote> ")
        | (?P<stray> [)\]]+ | .)
        """,
        re.VERBOSE | re.DOTALL,
    ).match


_token = _tokens(_QUOTED)
_token_of_torn = _tokens(_QUOTED_WITHOUT_COMMAS)
_parentheses = re.compile(r"\\.|[()]", re.DOTALL).finditer
_quoted_pair = re.compile(r"\\(.)", re.DOTALL)
_folds = re.compile(r"\r?\n(?=[ \t])")
_line_ends = re.compile(r"[\r\n]+")


class Mailbox(NamedTuple):
    """A display name on one line, '' for none, and an address, local part and domain, as it is written."""

    name: str
    address: str


def parse_address_list(text: str, limit: int) -> tuple[Mailbox, ...]:
    """The mailboxes that a header's value names, in their order; () for none. One may come twice.

    The value may be folded; octets that are no UTF-8 are surrogate escapes. If it has more characters than `limit`, it
    is read up to the last comma before that. Names are without their quotes, and with encoded words as they are; a
    comment is the name of an address that has no other.
    """
    if len(text) > limit:
        text = text[:limit].rpartition(",")[0]
    if "\n" in text or "\r" in text:
        text = _line_ends.sub(" ", _folds.sub("", text))
    found = _Reader(text).read(_token)
    if found is None:
        found = _Reader(text).read(_token_of_torn)
    return tuple(found or ())


class _Reader:
    """One reading of a text, token by token.

    An element is what stands between commas, or semicolons. In it, words that no white space parts are perhaps an
    address: `_local` and `_domain` (None before the at sign) are the words of it so far.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._comment_ends = _comment_ends(text) if "(" in text else {}
        self._found: list[Mailbox] = []
        self._begin_element()

    def read(self, token: Callable[[str, int], re.Match[str] | None]) -> list[Mailbox] | None:
        """All mailboxes; None where a quote is open, and the tokens are those of a text where none is."""
        at = 0
        while found := token(self._text, at):
            kind, at = found.lastgroup or "", found.end()
            if kind == "white":
                self._after_white = True
            elif kind == "stray" and (end := self._comment_ends.get(at)):
                self._comments.append(self._text[at : end - 1])
                at = end
            elif kind == "quote" and token is _token:
                return None
            else:
                _TAKE[kind](self, found[0])
                self._after_white = False
        self._end_element()
        return self._found

    def _begin_element(self) -> None:
        self._phrase: list[str] = []
        self._comments: list[str] = []
        self._in_brackets = False
        self._bracketed: list[str] = []
        # Addresses outside of brackets, and whether they are beyond doubt.
        self._beside: list[tuple[str, bool]] = []
        self._after_white = False
        self._begin_address()

    def _end_element(self, _: str = "") -> None:
        self._end_address()
        comment = _one_line(_quoted_pair.sub(r"\1", " ".join(self._comments))) if self._comments else ""
        if self._bracketed:
            name = _one_line("".join(self._phrase)) or comment
            certain = [address for address, is_certain in self._beside if is_certain]
            self._found.append(Mailbox(name, self._bracketed[0]))
            self._found += [Mailbox("", address) for address in (*self._bracketed[1:], *certain)]
        else:
            self._found += [Mailbox(comment, address) for address, _ in self._beside]
        self._begin_element()

    def _begin_address(self) -> None:
        self._local: list[str] = []
        self._domain: list[str] | None = None
        self._is_odd = False
        self._is_loose = False

    def _end_address(self) -> None:
        domain = "".join(self._domain) if self._domain and self._local and not self._is_odd else ""
        if domain.strip("."):
            address = f"{''.join(self._local)}@{domain}"
            if self._in_brackets:
                self._bracketed.append(address)
            else:
                is_certain = not self._is_loose and "." in domain
                self._beside.append((address, is_certain))
                if is_certain:
                    del self._phrase[self._phrase_before :]
        self._begin_address()

    def take_word(self, word: str) -> None:
        self._add(word)
        self._say(word)

    def take_quoted(self, quoted: str) -> None:
        if self._domain is not None:
            self._end_address()
        self._add(quoted)
        self._say(_quoted_pair.sub(r"\1", quoted[1:-1]))

    def take_literal(self, literal: str) -> None:
        """A domain, if it stands where one is wanted."""
        if self._domain == []:
            self.take_word(literal)
        else:
            self.take_text(literal)

    def take_text(self, text: str) -> None:
        """What may be in a name, and in no address."""
        self._end_address()
        self._say(text)

    def take_stray(self, _: str) -> None:
        """What is left out."""
        self._end_address()

    def take_at(self, sign: str) -> None:
        if self._domain and self._after_white:
            self._end_address()
        self._is_odd = self._is_odd or not self._local or self._domain is not None
        self._is_loose = self._is_loose or self._after_white
        self._domain = self._domain or []
        self._say(sign)

    def take_open(self, _: str) -> None:
        self._end_address()
        self._in_brackets = True

    def take_close(self, _: str) -> None:
        if self._in_brackets:
            self._end_element()
        else:
            self._end_address()

    def take_colon(self, _: str) -> None:
        """What stands before it outside of brackets is the name of a group."""
        self._end_address()
        if not self._in_brackets:
            self._phrase.clear()
            self._comments.clear()

    def take_separator(self, _: str) -> None:
        self._end_element()

    def _say(self, text: str) -> None:
        if not self._in_brackets:
            self._phrase.append(f" {text}" if self._after_white else text)

    def _add(self, word: str) -> None:
        """Go on with an address, or begin one."""
        words = self._local if self._domain is None else self._domain
        before = words[-1] if words else ""
        is_parted = self._after_white and not (before.endswith(".") or word.startswith("."))
        if before and (is_parted or before.endswith("]")):
            self._end_address()
            words = self._local
        elif self._after_white and (before or self._domain is not None):
            self._is_loose = True
        if not self._local:
            self._phrase_before = len(self._phrase)
        words.append(word)


_TAKE: Mapping[str, Callable[[_Reader, str], None]] = {
    "word": _Reader.take_word,
    "quoted": _Reader.take_quoted,
    "literal": _Reader.take_literal,
    "text": _Reader.take_text,
    "stray": _Reader.take_stray,
    "quote": _Reader.take_stray,
    "at": _Reader.take_at,
    "open": _Reader.take_open,
    "close": _Reader.take_close,
    "colon": _Reader.take_colon,
    "separator": _Reader.take_separator,
}


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _comment_ends(text: str) -> dict[int, int]:
    """For each parenthesis that is closed, from behind it to behind the one that closes it."""
    ends: dict[int, int] = {}
    opened: list[int] = []
    for found in _parentheses(text):
        if found[0] == "(":
            opened.append(found.end())
        elif found[0] == ")" and opened:
            ends[opened.pop()] = found.end()
    return ends
