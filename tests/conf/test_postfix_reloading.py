"""When a running Postfix is made to begin anew, and what is said where it cannot be. No Postfix is needed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from gatepost_conf.postfix import reloading
from gatepost_conf.postfix.programs import NOT_FOUND, Ran
from gatepost_conf.postfix.tables import follow
from gatepost_conf.site import Site
from gatepost_lists.model import Domain
from labs.conf import site

SITE = site(
    [Domain("lists.example"), Domain("example.org", shared=True), Domain("example.com", "l.example", shared=True)],
    ["ann@lists.example", "ann@example.org", "ann@example.com"],
    'map_type = "texthash"\n',
)
ALONE, SHARED, ALIASED, DOMAIN = "ann@lists.example", "ann@example.org", "ann@example.com", "lists.example"
STARTS = "it reads {} tables when it starts"
EVERY_TEN = "it looks at its tables every ten seconds"
REMEMBERS = "addresses that it refused before stay refused for some minutes"
Calls = list[str]


class Postfix:
    """One that has these tables in main.cf; {maps} in their names is the folder of ours."""

    def __init__(self, folder: Path, *tables: str) -> None:
        self.folder, self.asked = folder, 0
        self.values = {"transport_maps": ", ".join(tables), "queue_directory": str(folder / "queue")}

    def __call__(self, command: Sequence[str], given: str) -> Ran:
        self.asked += 1
        if command[0] != "postconf":
            return Ran(NOT_FOUND, "", "")
        named = [word for word in command[1:] if not word.startswith("-")] or list(self.values)
        lines = (f"{name} = {self.values.get(name, '')}\n".format(maps=self.folder) for name in named)
        return Ran(0, "".join(lines), "")


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Calls]:
    """Be root, or another; `postfix reload` is counted, and does what is wanted."""

    def be(uid: int = 0, works: bool = True) -> Calls:
        calls: Calls = []
        monkeypatch.setattr(os, "geteuid", lambda: uid)

        def reload() -> bool:
            calls.append("reload")
            return works

        monkeypatch.setattr(reloading, "reload_postfix", reload)
        return calls

    return be


@pytest.fixture(scope="module")
def master() -> Iterator[int]:
    """A process that stands for Postfix's master, and has no others to wait for."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        yield process.pid


@pytest.fixture
def running(master: int) -> Callable[[Path], None]:
    """Let a Postfix run: a process of that number is there."""

    def run(folder: Path) -> None:
        (folder / "queue" / "pid").mkdir(parents=True)
        (folder / "queue" / "pid" / "master.pid").write_text(f"{master:>10}\n")

    return run


def said(changed: str, folder: Path, *tables: str) -> tuple[str, ...]:
    return reloading.make_known(changed, folder, lambda: SITE, Postfix(folder, *tables))


@pytest.mark.parametrize(
    ("changed", "table", "why"),
    [
        *((each, f"{kind}:{{maps}}/postfix_lmtp", STARTS.format(kind)) for each in (ALONE, SHARED, DOMAIN)
          for kind in ("texthash", "regexp", "pcre")),
        *((each, f"{kind}:{{maps}}/postfix_lmtp", "") for each in (ALONE, ALIASED) for kind in ("hash", "lmdb", "cdb")),
        (SHARED, "lmdb:{maps}/postfix_lmtp", EVERY_TEN),
        (SHARED, "proxy:hash:{maps}/postfix_relay_recipients", EVERY_TEN),
        (DOMAIN, "cdb:{maps}/postfix_domains", f"{EVERY_TEN}, and {REMEMBERS}"),
        *((each, "socketmap:inet:127.0.0.1:8033:transport", "") for each in (ALONE, SHARED)),
        (DOMAIN, "socketmap:inet:127.0.0.1:8033:transport", REMEMBERS),
        *((each, "texthash:/etc/postfix/transport", "") for each in (ALONE, SHARED, DOMAIN)),
        (SHARED, "", ""),
    ],
)  # fmt: skip
def test_what_postfix_does_not_know_by_itself(
    changed: str, table: str, why: str, tmp_path: Path, root: Callable[..., Calls], running: Callable[[Path], None]
) -> None:
    running(tmp_path)
    root(1000)
    expected = f"Postfix may not have seen this yet: {why}; `postfix reload`, by root, makes sure that it does"
    assert said(changed, tmp_path, table) == ((expected,) if why else ())
    calls = root()
    assert said(changed, tmp_path, table) == ()
    assert calls == (["reload"] if why else [])


def test_a_domain_that_has_mailboxes_too_is_told_of(tmp_path: Path, root: Callable[..., Calls]) -> None:
    root()
    for name, told in ((DOMAIN, True), ("LISTS.example", True), ("example.org", False), ("other.example", False)):
        postfix = Postfix(tmp_path, "lmdb:{maps}/postfix_lmtp")
        postfix.values["mydestination"] = "mx.example, lists.example, example.org"
        warnings = reloading.make_known(name, tmp_path, lambda: SITE, postfix)
        assert [f"{DOMAIN} is in mydestination but not shared" in each for each in warnings] == [True] * told


def test_a_reload_that_fails_is_told_of(
    tmp_path: Path, root: Callable[..., Calls], running: Callable[[Path], None]
) -> None:
    running(tmp_path)
    root(works=False)
    [warning] = said(ALONE, tmp_path, "texthash:{maps}/postfix_lmtp")
    assert warning.startswith("Postfix may not have seen this yet: ")


@pytest.mark.parametrize("uid", [0, 1000])
def test_where_no_postfix_runs_there_is_nothing_to_do(
    uid: int, tmp_path: Path, root: Callable[..., Calls], running: Callable[[Path], None]
) -> None:
    calls = root(uid)
    assert said(ALONE, tmp_path, "texthash:{maps}/postfix_lmtp") == ()
    running(tmp_path)
    (tmp_path / "queue" / "pid" / "master.pid").write_text("")
    assert said(ALONE, tmp_path, "texthash:{maps}/postfix_lmtp") == ()
    assert calls == []


def test_where_none_may_see_whether_one_runs_it_is_told(
    tmp_path: Path, root: Callable[..., Calls], monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(_: Path, encoding: str) -> str:
        raise PermissionError(13, "Permission denied")

    root(1000)
    monkeypatch.setattr(Path, "read_text", closed)
    assert len(said(ALONE, tmp_path, "texthash:{maps}/postfix_lmtp")) == 1


def test_a_list_in_live_tables_alone_asks_nobody(tmp_path: Path) -> None:
    postfix = Postfix(tmp_path, "socketmap:inet:127.0.0.1:8033:transport")
    assert reloading.make_known(ALONE, tmp_path / "missing", lambda: SITE, postfix) == ()
    assert postfix.asked == 0


def test_who_changes_a_name_is_told_and_who_writes_the_tables_is_not(
    tmp_path: Path, root: Callable[..., Calls], running: Callable[[Path], None]
) -> None:
    running(tmp_path)
    root(1000)
    postfix = Postfix(tmp_path, "texthash:{maps}/postfix_lmtp")

    def read() -> Site:
        return SITE

    assert len(follow(tmp_path, read, postfix, changed=ALONE)) == 1
    assert follow(tmp_path, read, postfix) == ()
