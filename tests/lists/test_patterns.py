"""Patterns mean what they mean to Python's `re`, whichever engine runs them."""

import re
import sys
import warnings
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_lists import backtracking
from gatepost_lists.patterns import NO_PATTERNS, PatternError, PatternList, compile_regex, normal_entry, pattern_list

HAS_Z = sys.version_info >= (3, 14)
# regexes that RE2 takes, and takes as Python does
LINEAR = (
    *([r"^.*\z"] if HAS_Z else []),
    "^",
    "^$",
    r"^.*@spam\.example$",
    r"^.*@spam\.example",
    r"^[^@]+@(mail\.|)example\.org$",
    "^(?:a|b)+@",
    "^(?P<who>[a-z]+)@",
    "^(a+)+$",
    "^(a|aa)+$",
    "^(.*.*)*$",
    r"^\w+\d*[\w.]@",
    r"^\W",
    r"^\S+@\S+$",
    r"^.\b",
    r"^.\B",
    "^(?i:ANN)@",
    "^(?s:.)",
    "^(?m:^a)",
    "^a{2}",
    "^a{1,}?b",
    r"^\x61",
    r"^\061",
    "^[]a]",
    "^[^]a]",
    "^[a-]",
    r"^a\+b",
    "^UPPER",
    r"^\A.",
    "^.+?@",
    "^{",
    "^a{",
    "^a{x}",
    "^a{1",
    "^a{}",
    "^}",
    "^#a",
    "^a b",
)
# what RE2 does not take, or would take for something else
BACKTRACKING = (
    *([r"^(?=).*\z"] if HAS_Z else []),
    "^(?=a)",
    "^(?!a)",
    "^.(?<=a)",
    "^.(?<!a)",
    r"^(a)\1",
    "^(?P<x>a)(?P=x)",
    "^(?>a*)b",
    "^a*+b",
    "^a{,2}b",
    "^a{,}b",
    "^[[:alpha:]]",
    "^[[:alpha:]]+$",
    "^[[.a.]]",
    r"^[\b]",
    r"^.*\Z",
    "^(a)?(?(1)b|c)",
    "^(?x: a b )",
    r"^(?a:\w)",
    r"^\u0061",
    r"^\N{LATIN SMALL LETTER A}",
    "^é",
    "^[à-ý]",
    "^(?=)a{e}",
    "^(?=)[{]",
    r"^(?=)\\{e<=1}",
    r"^(?=)\{",
    r"^(?=)\W[\W.]",
    r"^(?=)[\s\S]\S",
    r"^(?=)\w\b",
    r"^(?=).\B",
    "^a{2000}",
)
SENDERS = (
    "ann@people.example",
    "a@b",
    "aab@b",
    "aaab",
    "b",
    "a]@",
    ":]",
    "[",
    "l]",
    "{",
    "a{e<=1}",
    "a{x}",
    "a{",
    "a{1",
    "a{}",
    "\\{e<=1}",
    "}",
    "joe@spam.example",
    "joe@spam.example.org",
    "joe@example.org",
    "joe@mail.example.org",
    "a+b@c.example",
    "a b",
    "#a",
    "1@2.3",
    "-_-@x",
    "é@x",
    "zoë@people.example",
    "ß",
    "²@x",
    "ª@x",
    "٣@x",
    "a\N{COMBINING ACUTE ACCENT}@x",
    "\N{REPLACEMENT CHARACTER}@spam.example",
    "a\n",
    "joe@spam.example\n",
    "\x1ca",
    "\x85",
    "a\N{NO-BREAK SPACE}b",
    "\N{IDEOGRAPHIC SPACE}",
    "\t@x",
    "\x00",
    "аnn@people.example",  # a Cyrillic letter
)


@pytest.fixture(scope="module", autouse=True)
def no_hurry() -> Iterator[None]:
    """A machine that is busy elsewhere must not look like a pattern that takes too long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backtracking, "TIME_LIMIT_SECONDS", 60.0)
        yield


def python_matches(text: str, sender: str, ignore_case: bool = False) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return re.match(text, sender, re.IGNORECASE if ignore_case else 0) is not None


def is_regex(text: str) -> bool:
    try:
        python_matches(text, "")
    except re.error:
        return False
    return True


@pytest.mark.parametrize("text", LINEAR + BACKTRACKING)
def test_a_regex_means_what_it_means_to_python(text: str) -> None:
    senders = [*SENDERS, "a" * 2000]
    if text in ("^(a+)+$", "^(a|aa)+$", "^(.*.*)*$"):
        senders = [sender for sender in senders if len(sender) < 20]  # Python itself would never come back
    for ignore_case in (False, True):
        pattern = compile_regex(text, ignore_case)
        differing = [it for it in senders if pattern.matches(it) != python_matches(text, it, ignore_case)]
        assert differing == []


@pytest.mark.parametrize("text", LINEAR)
def test_what_re2_takes_runs_in_linear_time(text: str) -> None:
    assert not isinstance(compile_regex(text), backtracking.Backtracking)


@pytest.mark.parametrize("text", BACKTRACKING)
def test_all_else_runs_under_a_time_limit(text: str) -> None:
    assert isinstance(compile_regex(text), backtracking.Backtracking)


@pytest.mark.parametrize(
    "text",
    [
        "^*",
        "^(",
        "^)",
        "^[",
        "^[z-a]",
        "^a**",
        "^a{3,2}",
        "^(?P<1>a)",
        r"^\p{L}",
        r"^\Q",
        *([] if HAS_Z else [r"^\z", r"^(?=)\z"]),
        r"^[\z]",
        "^(?i)a",
        r"^\1",
        "^(?<=a*)b",
        "^a{99999999999999999999}",
        "^a{" + "9" * 5000 + "}",
        "^" + "(" * 20_000 + ")" * 20_000,
        "^\\",
    ],
)
def test_what_python_does_not_take_is_no_pattern(text: str) -> None:
    with pytest.raises(PatternError):
        compile_regex(text)
    with pytest.raises(PatternError):
        normal_entry(text)


ATOMS = st.sampled_from(
    ["a", "b", "é", "ß", ".", r"\.", r"\w", r"\W", r"\d", r"\D", r"\s", r"\S", r"\b", r"\B", "[ab]", "[^a]", "[a-c]",
     "[[:alpha:]]", "[]a]", "[^]a]", r"[\w.]", r"[^\w]", r"[\W]", r"[^\S]", "[{]", "(a|b)", "(?:ab)", "(?=a)", "(?!a)",
     "(?<=a)", "(?i:a)", "(?s:.)", "(?>a)", "^", "$", r"\A", r"\Z", r"\z", "@", r"\x61", r"\061", "{", "}", "{}", "{,}",
     "{1,2}", "{,2}", "{e<=1}", "{d}", r"\\{e<=1}", "&&", "||", "--", "[a&&b]", "*", "+", "?", "*?", "+?", "??", "*+",
     "{2}", "|", "()", "-", "_", "~", " ", "#", r"\-", r"\@"]
)  # fmt: skip
CHARACTERS = st.sampled_from([*"abkés@.-_+ 1{}e<=:[]()\\|&~ß²ª٣", "\t", "\n", "\x1c", "\x85", "\N{LINE SEPARATOR}"])


@given(
    atoms=st.lists(ATOMS, min_size=1, max_size=5),
    senders=st.lists(st.text(CHARACTERS, min_size=1, max_size=8), min_size=1, max_size=8),
    ignore_case=st.booleans(),
)
def test_generated_regexes_mean_what_they_mean_to_python(
    atoms: list[str], senders: list[str], ignore_case: bool
) -> None:
    text = "^" + "".join(atoms)
    if not is_regex(text):
        with pytest.raises(PatternError):
            compile_regex(text, ignore_case)
        return
    pattern = compile_regex(text, ignore_case)
    for sender in senders:
        assert pattern.matches(sender) == python_matches(text, sender, ignore_case), sender


@given(
    texts=st.lists(st.lists(ATOMS, min_size=1, max_size=4).map(lambda atoms: "^" + "".join(atoms)), max_size=6),
    sender=st.text(CHARACTERS, min_size=1, max_size=8),
)
def test_a_list_of_regexes_finds_the_first_that_matches(texts: list[str], sender: str) -> None:
    found = PatternList(tuple(texts))
    taken = [text for text in texts if is_regex(text)]
    assert len(found.skipped) == len(texts) - len(taken)
    assert found.find(sender) == next((text for text in taken if python_matches(text, sender)), "")


def test_a_list_of_entries_of_every_kind() -> None:
    patterns = PatternList(("ann@people.example", "Joe@people.example", "^bob@", "@other@lists.example", "^("))
    assert patterns.find("joe@people.example") == ""
    assert patterns.find("ann@people.example") == "ann@people.example"
    assert patterns.find("bob@people.example") == "^bob@"
    assert patterns.find("x.bob@people.example") == ""
    assert patterns.find("other@lists.example") == ""
    assert patterns.lists == ("other@lists.example",)
    assert ["^(" in said for said in patterns.skipped] == [True]


def test_a_list_where_regexes_need_both_engines() -> None:
    patterns = PatternList(("^(?!x)a", "^b", "^é"))
    assert [patterns.find(sender) for sender in ("ab", "ba", "éa", "xa")] == ["^(?!x)a", "^b", "^é", ""]


def test_two_regexes_with_groups_of_one_name() -> None:
    patterns = PatternList(("^(?P<n>a)", "^(?P<n>b)"))
    assert [patterns.find(sender) for sender in "abc"] == ["^(?P<n>a)", "^(?P<n>b)", ""]


def test_more_regexes_than_re2_holds_at_once() -> None:
    patterns = PatternList(tuple(f"^[a-z]{{{number}}}[0-9]{{200}}x{{500}}@" for number in range(1, 200)))
    assert patterns.find("a" * 7 + "1" * 200 + "x" * 500 + "@") == "^[a-z]{7}[0-9]{200}x{500}@"
    assert patterns.find("nobody@people.example") == ""


def test_equal_entries_share_one_list() -> None:
    assert pattern_list(("a@b.example",)) is pattern_list(("a@b.example",))
    assert pattern_list(()) is NO_PATTERNS
    assert PatternList(("^a",)) == PatternList(("^a",)) != PatternList(("^b",))
    assert hash(PatternList(("^a",))) == hash(PatternList(("^a",)))
    assert PatternList(("^a",)) != ("^a",)
    assert repr(PatternList(("^a",))) == "PatternList(('^a',))"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (" Ann@People.Example. ", "ann@people.example"),
        ("ann@Bücher.example", "ann@xn--bcher-kva.example"),
        (r"^.*@Spam\.example$ ", r"^.*@Spam\.example$"),
        ("@Other@Lists.example", "@other@lists.example"),
    ],
)
def test_entries_as_they_are_kept(text: str, kept: str) -> None:
    assert normal_entry(text) == kept


@pytest.mark.parametrize("text", ["", "ann", "@", "@other", "@@", "people.example", "<>"])
def test_entries_that_are_none(text: str) -> None:
    with pytest.raises(PatternError):
        normal_entry(text)


def test_a_list_of_members_has_no_meaning_elsewhere() -> None:
    with pytest.raises(PatternError, match="accept_these_nonmembers only"):
        normal_entry("@other@lists.example", lists_allowed=False)
