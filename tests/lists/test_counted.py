"""Who counts for a message: who may let it in, and who for bans alone."""

from __future__ import annotations

import pytest

from gatepost_lists import DEFAULT_RULES, Directory, Headers, Rules
from gatepost_lists.counted import Counted, counted

ANNE, CRIS, AT_WORK, BO = "anne@people.example", "cris@people.example", "cris@work.example", "bo@else.example"
WRAPPED_ANNE, WRAPPED_CRIS = (f"srs0=h=t=people.example={name}@f.example" for name in ("anne", "cris"))


def headers_of(**values: str) -> Headers:
    headers = Headers()
    for name, value in values.items():
        headers.add(name.replace("_", "-"), value)
    return headers


@pytest.fixture(params=["toml", "sqlite"])
def directory(request: pytest.FixtureRequest) -> Directory:
    found: Directory = request.getfixturevalue(f"in_{request.param}")
    return found


def asked(
    directory: Directory, sender: str, headers: Headers, rules: Rules = DEFAULT_RULES, *, by_headers: bool = True
) -> Counted:
    with directory.snapshot():
        return counted(sender, headers, directory, rules, by_headers=by_headers)


def test_each_once_the_envelope_s_first(directory: Directory) -> None:
    headers = headers_of(From="Bo@Else.example, prvs=0123456789=anne@people.example", Reply_To="bo@else.example, <>")
    assert asked(directory, "Anne@people.example", headers).senders == (
        ANNE,
        BO,
        "prvs=0123456789=anne@people.example",
    )
    assert asked(directory, "anne", headers_of(From="bo"), Rules(origin="people.example")).senders == (ANNE,)


@pytest.mark.parametrize("null", ["", "<>"])
def test_a_report_is_from_nobody_whoever_its_headers_name(null: str, directory: Directory) -> None:
    assert asked(directory, null, headers_of(From=ANNE)) == Counted()


@pytest.mark.parametrize(
    ("sender", "headers", "senders", "suspects"),
    [
        (BO, headers_of(From=ANNE), (BO,), (ANNE,)),
        (WRAPPED_ANNE, headers_of(), (WRAPPED_ANNE,), (ANNE,)),
        (WRAPPED_ANNE, headers_of(From=BO), (WRAPPED_ANNE,), (ANNE, BO)),
        (WRAPPED_ANNE, headers_of(From=CRIS), (WRAPPED_ANNE,), (ANNE, CRIS)),
        (WRAPPED_ANNE, headers_of(From=ANNE), (WRAPPED_ANNE, ANNE), ()),
        (WRAPPED_ANNE, headers_of(Sender=f"A <{ANNE}>"), (WRAPPED_ANNE, ANNE), ()),
        (WRAPPED_ANNE, headers_of(From=BO, Reply_To=ANNE), (WRAPPED_ANNE, ANNE), (BO,)),
        (WRAPPED_ANNE, headers_of(From=WRAPPED_ANNE), (WRAPPED_ANNE,), (ANNE,)),
        (WRAPPED_CRIS, headers_of(From=AT_WORK), (WRAPPED_CRIS, CRIS), (AT_WORK,)),
        (WRAPPED_CRIS, headers_of(From=WRAPPED_ANNE), (WRAPPED_CRIS,), (CRIS, WRAPPED_ANNE, ANNE)),
    ],
)
def test_where_only_the_envelope_s_sender_may_let_it_in(
    sender: str, headers: Headers, senders: tuple[str, ...], suspects: tuple[str, ...], directory: Directory
) -> None:
    assert asked(directory, sender, headers, by_headers=False) == (senders, suspects)


def test_where_the_headers_may_too_what_they_name_is_no_suspect(directory: Directory) -> None:
    headers = headers_of(From=BO, Sender=WRAPPED_CRIS)
    assert asked(directory, WRAPPED_ANNE, headers) == ((WRAPPED_ANNE, BO, WRAPPED_CRIS), (ANNE, CRIS))
