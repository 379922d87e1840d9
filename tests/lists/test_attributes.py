"""One table of what a list has: the schema, the values for judge and delivery, the help and the page agree with it."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from gatepost import cli
from gatepost_lists import MailingList, Profile
from gatepost_lists.attributes import ATTRIBUTES, BY_NAME, Attribute, Kind, setting
from gatepost_lists.errors import BadValueError
from gatepost_lists.store.schema import mailinglist

PAGE = Path(__file__).parents[2] / "docs" / "lists.md"
each = pytest.mark.parametrize("attribute", ATTRIBUTES, ids=lambda attribute: attribute.name)


def shown(value: object) -> str:
    """A default, as the page has it."""
    if isinstance(value, bool):
        return "`yes`" if value else "`no`"
    if isinstance(value, int):
        return str(value)
    return "nothing" if value == "" else "none" if value == [] else f"`{value}`"


def test_the_page_has_every_attribute_with_what_a_new_list_has() -> None:
    table = PAGE.read_text("utf-8").partition("| attribute ")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`[a-z_`, ]+`) +\|.*\| (.+?) +\|$", table, re.MULTILINE)
    on_page = {name: default for names, default in rows for name in re.findall(r"\w+", names)}
    assert on_page == {attribute.name: shown(attribute.default) for attribute in ATTRIBUTES}


@each
def test_the_default_is_what_its_own_check_makes_of_it(attribute: Attribute) -> None:
    if attribute.kind is not Kind.ENTRIES:
        assert attribute.read(attribute.default) == attribute.default
        assert attribute.read(attribute.unsaid) == attribute.unsaid


@each
def test_a_value_of_another_type_is_a_mistake(attribute: Attribute) -> None:
    with pytest.raises(BadValueError, match="expected "):
        attribute.read(0.5)


@each
def test_the_schema_has_it(attribute: Attribute) -> None:
    assert not mailinglist.columns[attribute.name].nullable


@each
def test_the_help_of_the_command_has_it(attribute: Attribute) -> None:
    helped = CliRunner().invoke(cli, ["list", "set", "--help"]).output
    assert re.search(rf"^ +{attribute.name} +{re.escape(attribute.help)}$", helped, re.MULTILINE)


@pytest.mark.parametrize("values", [MailingList, Profile])
def test_values_without_a_word_are_those_of_the_table(values: type) -> None:
    named = {field.name: field.default for field in fields(values) if field.name in BY_NAME}
    patterns = {name for name in named if BY_NAME[name].kind is Kind.ENTRIES}
    assert len(named) > len(patterns)
    assert {name: default for name, default in named.items() if name not in patterns} == {
        name: BY_NAME[name].unsaid for name in named.keys() - patterns
    }


def test_a_setting_says_which_attribute_is_wrong() -> None:
    with pytest.raises(BadValueError, match=r"^max_days_to_hold: 'x' is no number of days"):
        setting("max_days_to_hold=x")
    with pytest.raises(BadValueError, match=r"that can be set$"):
        setting("post_id=1")
