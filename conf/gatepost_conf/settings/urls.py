"""URLs of directories and queues: their form and scheme are checked here, relative paths made absolute.

Rules: three slashes before a relative path, four before an absolute one; a path is taken as it is written (no
percent signs, no options behind a question mark). Whether an engine serves the URL, and whether anything is there,
shows when it is opened.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

from gatepost_conf.settings.words import either

FILE_DIRECTORIES = ("sqlite", "mailman+sqlite", "toml")
DATABASES = ("postgresql", "mailman+postgresql", "mailman+mysql")
REST_APIS = ("mailman+http", "mailman+https")

_EXPECTED_FORM = {
    **dict.fromkeys(FILE_DIRECTORIES, "{scheme}:///RELATIVE/PATH or {scheme}:////ABSOLUTE/PATH"),
    **dict.fromkeys(DATABASES, "{scheme}://USER:PASSWORD@HOST:PORT/DATABASE"),
    **dict.fromkeys(REST_APIS, "{scheme}://USER:PASSWORD@HOST:PORT/3.1"),
}
_UNPRINTABLE_OR_SPACE = re.compile(r"[^!-~]")


def directory_url(text: str, folder: Path) -> str:
    """The URL of a directory with its path made absolute; raises ValueError, which says what was expected."""
    return _engine_url(text, folder, (*FILE_DIRECTORIES, *DATABASES, *REST_APIS))


def queue_url(text: str, folder: Path) -> str:
    """The URL of a queue (sqlite, postgresql, or mailman:/path/to/var/queue) with its path made absolute."""
    scheme, _, rest = text.partition(":")
    if scheme != "mailman":
        return _engine_url(text, folder, ("sqlite", "postgresql"), beside=("mailman:/PATH",))
    return f"mailman:{_file(rest, folder, 'mailman:/PATH/TO/var/queue')}"


def _engine_url(text: str, folder: Path, schemes: tuple[str, ...], beside: tuple[str, ...] = ()) -> str:
    scheme, separator, _ = text.partition("://")
    if not separator or scheme not in schemes:
        raise ValueError(either([*(f"{scheme}://…" for scheme in schemes), *beside]))
    expected = _EXPECTED_FORM[scheme].format(scheme=scheme)
    if scheme in FILE_DIRECTORIES:
        return _file_url(text, scheme, folder, expected)
    if not _is_server_url(text, host_needed=scheme in REST_APIS):
        raise ValueError(expected)
    return text


def _file_url(text: str, scheme: str, folder: Path, expected: str) -> str:
    head, slashes, path = text.partition(":///")
    if head != scheme or not slashes or "?" in path or path == ":memory:":
        raise ValueError(expected)
    return f"{scheme}:///{_file(path, folder, expected)}"


def _file(path: str, folder: Path, expected: str) -> Path:
    if not path.strip("/") or path.endswith("/") or not path.isprintable():
        raise ValueError(expected)
    return folder / path


def _is_server_url(text: str, host_needed: bool) -> bool:
    if _UNPRINTABLE_OR_SPACE.search(text):
        return False
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    return port != 0 and parts.path.strip("/") != "" and (bool(parts.hostname) or not host_needed)
