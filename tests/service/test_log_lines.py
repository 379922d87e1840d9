"""How log lines look, that nobody can forge one, and that the quick way to make them makes the same ones."""

import json
import logging
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost_service import log
from gatepost_service.log_lines import Format, render

FORMATS: list[Format] = ["text", "json"]
# Also halves of surrogate pairs: Python makes them of bytes that are no UTF-8 (PEP 383).
any_text = st.text(st.characters(exclude_categories=()) | st.sampled_from(list('\n\r\t\x1b\x7f\x85\u2028\udcff\\"= ')))
fields = st.dictionaries(st.sampled_from(["sender", "recipient", "client"]), any_text)


@pytest.mark.parametrize(
    ("value", "text", "in_json"),
    [
        ("", "", '""'),
        (None, "", "null"),
        (True, "true", "true"),
        (0.5, "0.5", "0.5"),
        (550, "550", "550"),
        ("anne@example.com", "anne@example.com", '"anne@example.com"'),
        ("5.7.2", "5.7.2", '"5.7.2"'),
        ("a b", '"a b"', '"a b"'),
        ("user=host@x", '"user=host@x"', '"user=host@x"'),
        ('say "hi"', r'"say \"hi\""', r'"say \"hi\""'),
        ("back\\slash", r'"back\\slash"', r'"back\\slash"'),
        ("line\nbreak\r\t", r'"line\nbreak\r\t"', r'"line\nbreak\r\t"'),
        ("\x1b[31m", r'"\x1b[31m"', r'"\u001b[31m"'),
        ("\x7f", r'"\x7f"', r'"\\x7f"'),
        (b"\xff\xfe".decode("utf-8", "surrogateescape"), r'"\xff\xfe"', r'"\\xff\\xfe"'),
        ("grün@example.com", "grün@example.com", r'"gr\u00fcn@example.com"'),
        ("\x85\u2028\u202e", r'"\u0085\u2028\u202e"', r'"\u0085\u2028\u202e"'),
        ("\U000e0001", r'"\U000e0001"', r'"\udb40\udc01"'),
        ([1, "a\udcff"], r'"[1, \'a\\udcff\']"'.replace("\\'", "'"), r'[1, "a\\xff"]'),
        ({"a": float("inf")}, "\"{'a': inf}\"", '{"a": "inf"}'),
    ],
)
def test_values(value: object, text: str, in_json: str) -> None:
    assert render({"key": value}, "text") == f"key={text}"
    assert render({"key": value}, "json") == f'{{"key": {in_json}}}'


def parsed(line: str) -> dict[str, str]:
    """What a strict reader of key=value lines finds: blanks between pairs, and quotes around what has blanks."""
    pair = r'([A-Za-z0-9_.-]+)=("(?:[^"\\]|\\.)*"|[^ "=\\]*)'
    assert re.fullmatch(rf"{pair}( {pair})*", line), line
    return dict(re.findall(pair, line))


@given(fields)
def test_text_line_cannot_be_forged(values: dict[str, str]) -> None:
    line = render({"event": "x", **values}, "text")
    assert line.isprintable()
    assert list(parsed(line)) == ["event", *values]


@given(fields)
def test_json_line_cannot_be_forged(values: dict[str, str]) -> None:
    line = render({"event": "x", **values}, "json")
    assert line.isascii()
    assert line.isprintable()
    found = json.loads(line)
    assert list(found) == ["event", *values]
    json.dumps(found, ensure_ascii=False).encode()  # no half characters


@given(any_text)
def test_text_values_tell_what_was_there(value: str) -> None:
    """Two values that differ never look alike."""
    shown = parsed(render({"key": value}, "text"))["key"]
    plain = shown.removeprefix('"').removesuffix('"') if shown.startswith('"') else shown
    named = {"n": "\n", "r": "\r", "t": "\t"}

    def unescape(match: re.Match[str]) -> str:
        word = match[1]
        if word[0] in "xuU":
            code = int(word[1:], 16)
            return chr(code + 0xDC00 if word[0] == "x" and code > 0x7F else code)
        return named.get(word, word)

    assert re.sub(r"\\(x..|u....|U........|.)", unescape, plain) == value


def without_time(line: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "TIME", line)


@pytest.mark.parametrize("form", FORMATS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    words=st.lists(any_text | st.just("anne@example.com"), min_size=9, max_size=9),
    code=st.integers(0, 599),
    ms=st.floats(0, 1e9),
)
def test_verdict_lines_are_those_of_structlog(
    log_file: Path, form: Format, words: list[str], code: int, ms: float
) -> None:
    log.configure(form, str(log_file))
    log_file.unlink(missing_ok=True)
    door, client, sender, recipient, list_, test, verdict, status, id_ = words
    log.VerdictLog().verdict(door, client, sender, recipient, list_, test, verdict, code, status, ms, id_)
    log.get_logger().info(
        "verdict",
        door=door,
        client=client,
        sender=sender,
        recipient=recipient,
        list=list_,
        test=test,
        verdict=verdict,
        code=code,
        status=status,
        ms=round(ms, 3),
        id=id_,
    )
    quick, slow = log_file.read_bytes().decode().rstrip("\n").split("\n")
    assert without_time(quick) == without_time(slow)


def test_verdict_line(log_file: Path) -> None:
    log.VerdictLog().verdict(
        "policy", "192.0.2.1", "", "l@x.org", "l.x.org", "closed-list", "reject", 550, "5.7.2", 0.0421, "4X"
    )
    log.flush()
    assert without_time(log_file.read_text()) == (
        "time=TIME level=info event=verdict door=policy client=192.0.2.1 sender= recipient=l@x.org list=l.x.org "
        "test=closed-list verdict=reject code=550 status=5.7.2 ms=0.042 id=4X\n"
    )


@pytest.mark.parametrize("form", FORMATS)
def test_traceback_is_part_of_its_line(log_file: Path, form: Format) -> None:
    log.configure(form, str(log_file))
    try:
        int("bad\nthing")
    except ValueError:
        log.get_logger("queue").exception("trouble", id="4X")
    line = log_file.read_text()
    assert line.count("\n") == 1
    assert all(
        word in line for word in ("level", "error", "trouble", "part", "queue", "Traceback", "ValueError: invalid")
    )


def test_lines_below_info_are_left_out(log_file: Path) -> None:
    log.get_logger().debug("nothing")
    log.get_logger().warning("something")
    assert [parsed(line)["event"] for line in log_file.read_text().splitlines()] == ["something"]


def test_standard_logging_comes_to_the_same_place(log_file: Path) -> None:
    logging.getLogger("asyncio").warning("slow %s", "thing")
    assert without_time(log_file.read_text()) == 'time=TIME level=warning event="slow thing" part=asyncio\n'
