"""The house keeps its order: who may import whom, and what must never stand where."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {
    "gatepost_lists": "lists",
    "gatepost_service": "service",
    "gatepost_policy": "policy",
    "gatepost_milter": "milter",
    "gatepost_conf": "conf",
    "gatepost_queue": "lmtp",
    "gatepost_lmtp": "lmtp",
    "gatepost_delivery": "lmtp",
}
MAY_IMPORT = {
    "gatepost_lists": set[str](),
    "gatepost_service": set[str](),
    "gatepost_policy": {"gatepost_lists", "gatepost_service"},
    "gatepost_milter": {"gatepost_lists", "gatepost_service"},
    "gatepost_conf": {"gatepost_lists", "gatepost_service"},
    "gatepost_queue": {"gatepost_service"},
    "gatepost_lmtp": {"gatepost_lists", "gatepost_queue", "gatepost_service"},
    "gatepost_delivery": {"gatepost_lists", "gatepost_queue", "gatepost_service"},
}
# What may import every part, and is imported by none.
JOINING = ["gatepost.py", "gatepost_init.py", "gatepost_services.py"]
# Files that parse, judge, answer or schedule: they import no I/O.
PURE = [
    "lists/gatepost_lists/address_list.py",
    "lists/gatepost_lists/addresses.py",
    "lists/gatepost_lists/subaddresses.py",
    "lists/gatepost_lists/senders.py",
    "lists/gatepost_lists/rules.py",
    "lists/gatepost_lists/counted.py",
    "lists/gatepost_lists/places.py",
    "lists/gatepost_lists/judge.py",
    "lists/gatepost_lists/judging.py",
    "lists/gatepost_lists/model.py",
    "lists/gatepost_lists/moderation.py",
    "lists/gatepost_lists/softening.py",
    "lists/gatepost_lists/headers.py",
    "policy/gatepost_policy/protocol.py",
    "policy/gatepost_policy/request.py",
    "policy/gatepost_policy/socketmap/netstrings.py",
    "policy/gatepost_policy/socketmap/tables.py",
    "policy/gatepost_policy/answer.py",
    "conf/gatepost_conf/doctor/addresses.py",
    "conf/gatepost_conf/doctor/findings.py",
    "conf/gatepost_conf/doctor/restrictions.py",
    "lmtp/gatepost_lmtp/syntax.py",
    "lmtp/gatepost_lmtp/xforward.py",
    "lmtp/gatepost_lmtp/decoder.py",
    "lmtp/gatepost_lmtp/message.py",
    "lmtp/gatepost_lmtp/entries.py",
    "lmtp/gatepost_lmtp/replies.py",
    "lmtp/gatepost_queue/metadata.py",
    "lmtp/gatepost_queue/queue.py",
    "lmtp/gatepost_queue/values.py",
    "lmtp/gatepost_delivery/answers.py",
    "lmtp/gatepost_delivery/cooked.py",
    "lmtp/gatepost_delivery/dmarc_record.py",
    "lmtp/gatepost_delivery/fields.py",
    "lmtp/gatepost_delivery/munge.py",
    "lmtp/gatepost_delivery/signatures.py",
    "milter/gatepost_milter/transaction.py",
    "milter/gatepost_milter/mixing.py",
    "conf/gatepost_conf/dialling.py",
    "conf/gatepost_conf/names.py",
    "conf/gatepost_conf/exim/blocks.py",
    "conf/gatepost_conf/exim/list_file.py",
    "conf/gatepost_conf/exim/pieces.py",
    "conf/gatepost_conf/sendmail.py",
    "conf/gatepost_conf/qmail.py",
    "conf/gatepost_conf/systemd.py",
    "conf/gatepost_conf/qmail_lmtp/content.py",
    "conf/gatepost_conf/qmail_lmtp/envelope.py",
    "conf/gatepost_conf/pieces.py",
    "conf/gatepost_conf/site.py",
    "conf/gatepost_conf/postfix/lookups.py",
    "conf/gatepost_conf/postfix/machine.py",
    "conf/gatepost_conf/postfix/main_cf.py",
    "conf/gatepost_conf/postfix/maps.py",
    "conf/gatepost_conf/postfix/restrictions.py",
    "conf/gatepost_conf/postfix/roles.py",
    "lmtp/gatepost_delivery/values.py",
    "lmtp/gatepost_delivery/schedule.py",
    "lmtp/gatepost_delivery/expansion.py",
    "lmtp/gatepost_delivery/follow_ups.py",
    "lmtp/gatepost_delivery/notices.py",
    "lmtp/gatepost_delivery/letters.py",
    "lmtp/gatepost_delivery/requests.py",
    "lmtp/gatepost_delivery/reports.py",
    "lmtp/gatepost_delivery/outgoing/trouble.py",
    "lmtp/gatepost_delivery/outgoing/content.py",
    "lmtp/gatepost_delivery/outgoing/paths.py",
    "lmtp/gatepost_delivery/outgoing/values.py",
]
# Where gatepost is in the pages: it may be this checkout's path, too.
EXAMPLE = b"/opt/gatepost/"
# A statement of SQL, and in it, once what is quoted is gone, a value that has a number or a name.
SQL = re.compile(r"\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|WHERE|VALUES)\b")
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
NUMBERED_OR_NAMED = re.compile(r"\?\d+|(?<![\w:])[:@$][A-Za-z_]\w*")
IO_MODULES = {"asyncio", "socket", "selectors", "select", "os", "subprocess", "threading", "sqlite3", "sqlalchemy"}


def imports(path: Path) -> Iterator[str]:
    """The top-level names of what a file imports at run time, or for its types."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_one_way(package: str) -> None:
    allowed = MAY_IMPORT[package] | {package}
    for path in (ROOT / PACKAGES[package] / package).rglob("*.py"):
        ours = {name for name in imports(path) if name.startswith("gatepost")}
        assert ours <= allowed, f"{path.relative_to(ROOT)} imports {ours - allowed}"


@pytest.mark.parametrize("name", PURE)
def test_what_decides_does_no_io(name: str) -> None:
    assert not IO_MODULES & set(imports(ROOT / name))


def test_nobody_reads_addresses_with_python_s_own_readers() -> None:
    """What they find hangs on Python's patch release; that is what gatepost_lists.address_list is for."""
    readers = {"getaddresses", "parseaddr"}
    listed = subprocess.run(["git", "ls-files", "-z", "*.py"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        for node in ast.walk(ast.parse((ROOT / name).read_text("utf-8"))):
            imported = {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom) else set()
            used = {node.attr} if isinstance(node, ast.Attribute) else set()
            assert not readers & (imported | used), name


def full_imports(path: Path) -> Iterator[str]:
    """What a file imports, with its dots."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_queue_s_engine_is_known_to_one_file() -> None:
    """Its SQL, its files and how they are looked after are the engine's own; whoever needs a queue asks open.py."""
    queue = ROOT / PACKAGES["gatepost_queue"] / "gatepost_queue"
    engine = queue / "sqlite"
    files = [path for package, folder in PACKAGES.items() for path in (ROOT / folder / package).rglob("*.py")]
    files += [*(ROOT / name for name in JOINING), *(ROOT / "bench").rglob("*.py"), *(ROOT / "tools").rglob("*.py")]
    for path in files:
        if not path.is_relative_to(engine):
            knows = {name for name in full_imports(path) if f"{name}.".startswith("gatepost_queue.sqlite.")}
            assert not knows or path == queue / "open.py", f"{path.relative_to(ROOT)} imports {knows}"
    opens = [path for path in queue.rglob("*.py") if not path.is_relative_to(engine)]
    spoken = {path.name for path in opens if "sqlite" in path.read_text("utf-8").lower()}
    assert spoken == {"open.py"}


def test_nothing_hides_the_c_module_of_pymilter() -> None:
    assert not (ROOT / "milter" / "__init__.py").exists()


def test_one_file_imports_pymilter() -> None:
    files = [path for package, folder in PACKAGES.items() for path in (ROOT / folder / package).rglob("*.py")]
    files += [ROOT / name for name in JOINING]
    pymilter = [path.name for path in files if {"milter", "Milter"} & set(imports(path))]
    assert pymilter == ["libmilter.py"]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_is_typed_and_has_a_table_of_contents(package: str) -> None:
    folder = ROOT / PACKAGES[package] / package
    assert (folder / "py.typed").exists()
    body = ast.parse((folder / "__init__.py").read_text("utf-8")).body
    assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8")))
    assert all(isinstance(node, ast.Expr | ast.ImportFrom | ast.Assign) for node in body)


def tracked_files() -> list[Path]:
    """What git has of this checkout, whoever it belongs to."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    try:
        names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"git does not say which files are ours: {error}")
    return [ROOT / name for name in names.split("\0") if (ROOT / name).is_file()]


def test_no_file_holds_a_path_of_a_machine() -> None:
    for path in tracked_files():
        assert bytes(ROOT) + b"/" not in path.read_bytes().replace(EXAMPLE, b""), path.name


def values_with_number_or_name(source: str) -> set[str]:
    """Those in a file's statements; what an f-string fills in is left out."""
    found = set[str]()
    for node in ast.walk(ast.parse(source)):
        parts = node.values if isinstance(node, ast.JoinedStr) else [node]
        text = "".join(part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))
        if SQL.search(text):
            found |= set(NUMBERED_OR_NAMED.findall(QUOTED.sub("", text)))
    return found


def test_statements_give_their_values_no_number_and_no_name() -> None:
    """Python 3.12.0 to 3.12.3 warn of the first, later ones of the second, and 3.14 refuses it."""
    for path in tracked_files():
        if path.suffix == ".py" and path != Path(__file__):
            assert values_with_number_or_name(path.read_text("utf-8")) == set(), path


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("""a = "SELECT 1 FROM t WHERE a = ? AND b = '?1 :no'" """, set[str]()),
        ("""a = "SELECT 1 FROM t WHERE a = ?2 OR b = ?2" """, {"?2"}),
        ("""a = f"{READ} FROM t WHERE a = :name AND {b}" """, {":name"}),
        ("""a = "INSERT INTO t VALUES (@one, $two)" """, {"@one", "$two"}),
        ("""a = "is it ?1 or :name" """, set()),
    ],
)
def test_values_with_a_number_or_a_name_are_found(source: str, found: set[str]) -> None:
    assert values_with_number_or_name(source) == found
