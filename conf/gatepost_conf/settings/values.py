"""The kinds of values that gatepost.toml has, beyond TOML's own types.

A kind that is written as a string is read by a function `(text, folder) -> value`, which raises ValueError; `_read`
makes the message of it: what was expected, and what was given. Relative paths are taken from `folder`, the file's own;
it is handed down as pydantic's validation context, and is the working folder where a model is made without a file.
"""

import ipaddress
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, Field, PlainValidator, ValidationInfo

from gatepost_conf.settings.urls import directory_url, queue_url
from gatepost_conf.settings.words import LARGEST_INTEGER, shown, toml_word
from gatepost_lists.addresses import strict_address, strict_domain
from gatepost_service.durations import duration
from gatepost_service.endpoints import DNS_PORT, split_endpoint
from gatepost_service.sockets import AddressSyntaxError, ListenAddress

Value = TypeVar("Value")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_ENDPOINT = re.compile(r"([^\[\]:]+|\[[^\[\]]+\]):([0-9]{1,5})").fullmatch
_GLOB = re.compile(r"[^\s@]+@[^\s@]+").fullmatch
_SERVICE = re.compile(r"[A-Za-z0-9_.-]+").fullmatch
_LISTEN_FORMS = "inet:HOST:PORT, inet:[::1]:PORT or unix:/path"


def _read(parse: Callable[[str, Path], Value], expected: str = "") -> PlainValidator:
    """Read a string by `parse`; `expected` says what it should have been, else parse's own ValueError does.

    An AddressSyntaxError says what was given as well.
    """

    def read(raw: object, info: ValidationInfo) -> Value:
        if not isinstance(raw, str):
            raise ValueError(f"expected a string, got {toml_word(raw)}")  # noqa: TRY004 - pydantic collects these
        try:
            return parse(raw, info.context or Path.cwd())
        except AddressSyntaxError:
            raise
        except ValueError as error:
            raise ValueError(f"expected {expected or error}, got {shown(raw)}") from error

    return PlainValidator(read)


def _unless_empty(parse: Callable[[str, Path], Value]) -> Callable[[str, Path], Value | None]:
    """An empty string stands for None: TOML has no null."""
    return lambda text, folder: parse(text, folder) if text else None


def _array(raw: object) -> tuple[str, ...]:
    if not isinstance(raw, list):
        raise ValueError(f"expected an array of strings, got {toml_word(raw)}")  # noqa: TRY004 - pydantic collects these
    for item in raw:
        if not isinstance(item, str):
            raise ValueError(f"expected an array of strings, got {toml_word(item)} in it")  # noqa: TRY004 - as above
    return tuple(raw)


def _one_or_more(raw: object) -> tuple[str, ...]:
    addresses = (raw,) if isinstance(raw, str) else _array(raw)
    if not addresses:
        raise ValueError(f"expected {_LISTEN_FORMS}, got an empty array")
    return addresses


def _listen(text: str, folder: Path) -> ListenAddress:
    if not text.startswith(("inet:", "unix:")):
        raise ValueError(_LISTEN_FORMS)
    return ListenAddress.parse(text).resolved(folder)


def _duration(text: str, _folder: Path) -> timedelta:
    return duration(text)


def _path(text: str, folder: Path) -> Path:
    if not text or not text.isprintable():
        raise ValueError("a path")
    return folder / text


def _one_word(text: str) -> str:
    """The text itself, if it has no white space, which the reading of addresses passes over."""
    if text.split() != [text]:
        raise ValueError(text)
    return text


def _domain(text: str, _folder: Path) -> str:
    return strict_domain(_one_word(text))


def _origin(text: str, folder: Path) -> str:
    """A domain, or the path of a file whose first line is one, as Debian's Postfix reads /etc/mailname."""
    in_file = text.startswith("/")
    try:
        return _domain(Path(text).read_text("utf-8").partition("\n")[0].strip() if in_file else text, folder)
    except (OSError, ValueError) as error:
        raise ValueError("a file whose first line is a domain name" if in_file else "a domain name") from error


def _email(text: str, _folder: Path) -> str:
    if "@" not in text:  # strict_address reads host!user and user%host as well
        raise ValueError(text)
    address = strict_address(_one_word(text))
    return f"{address.spelt}@{address.domain}"


def _host(text: str, folder: Path) -> str:
    if ":" in text:
        return str(ipaddress.IPv6Address(text.removeprefix("[").removesuffix("]")))
    return _domain(text, folder)


def _endpoint(text: str, folder: Path) -> str:
    match = _ENDPOINT(text)
    if not match or not 1 <= int(match[2]) <= 65535:
        raise ValueError(text)
    host = _host(match[1], folder)
    return f"[{host}]:{match[2]}" if ":" in host else f"{host}:{match[2]}"


def _nameserver(text: str, folder: Path) -> str:
    host, _ = split_endpoint(text, DNS_PORT)
    address = str(ipaddress.ip_address(host))
    return address if text.strip("[]") == host else _endpoint(text, folder)


def _network(text: str, _folder: Path) -> Network:
    return ipaddress.ip_network(text)


def _matching(whole: Callable[[str], re.Match[str] | None]) -> Callable[[str, Path], str]:
    def parse(text: str, _folder: Path) -> str:
        if not whole(text):
            raise ValueError(text)
        return text

    return parse


Natural = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]
Positive = Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]
TcpPort = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]

Duration = Annotated[timedelta, _read(_duration, "a duration such as '90s', '15m', '12h' or '5d'")]
DomainName = Annotated[str, _read(_domain, "a domain name")]
OptionalDomain = Annotated[str | None, _read(_unless_empty(_domain), "a domain name")]
OptionalOrigin = Annotated[str | None, _read(_unless_empty(_origin))]
OptionalEmail = Annotated[str | None, _read(_unless_empty(_email), "an e-mail address")]
Host = Annotated[str, _read(_host, "a host name or an IP address")]
Endpoint = Annotated[str, _read(_endpoint, "HOST:PORT or [IPV6]:PORT")]
ServiceName = Annotated[str, _read(_matching(_SERVICE), "the name of a service in master.cf")]
DirectoryUrl = Annotated[str, _read(directory_url)]
QueueUrl = Annotated[str, _read(queue_url)]
AbsolutePath = Annotated[Path, _read(_path)]
OptionalPath = Annotated[Path | None, _read(_unless_empty(_path))]
Listen = Annotated[ListenAddress, _read(_listen)]
OptionalListen = Annotated[ListenAddress | None, _read(_unless_empty(_listen))]

Listens = Annotated[tuple[Listen, ...], BeforeValidator(_one_or_more)]
DomainNames = Annotated[tuple[DomainName, ...], BeforeValidator(_array)]
Globs = Annotated[
    tuple[Annotated[str, _read(_matching(_GLOB), "a glob of addresses such as 'double-bounce*@*'")], ...],
    BeforeValidator(_array),
]
Nameservers = Annotated[
    tuple[Annotated[str, _read(_nameserver, "an IP address, or ADDRESS:PORT or [IPV6]:PORT")], ...],
    BeforeValidator(_array),
]
Networks = Annotated[
    tuple[
        Annotated[Network, _read(_network, "a network's first address and prefix length such as '192.0.2.0/24'")], ...
    ],
    BeforeValidator(_array),
]
