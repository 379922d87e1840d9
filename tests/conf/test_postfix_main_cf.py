"""The lines for main.cf: what the machine has stays, ours is added in its place, for each class of domain."""

import subprocess
from pathlib import Path

import pytest

from gatepost_conf.postfix import generator, lookups, main_cf, typed
from gatepost_conf.postfix.machine import DEFAULTS, DomainClass, Machine
from gatepost_conf.postfix.restrictions import words
from gatepost_lists.model import Domain
from labs.conf import FOLDER, SCENARIOS, Scenario, site

LISTS = Domain("lists.example")
EMPTY_MEANS_ALL = ("local_recipient_maps", "relay_recipient_maps", "virtual_mailbox_maps")


def settings_of(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split(" = ", 1) for line in lines)


def by_files(domains: list[Domain], machine: Machine, settings: str = "", map_type: str = "lmdb") -> dict[str, str]:
    return settings_of(main_cf.main_cf(site(domains, (), settings), machine, lookups.in_files(FOLDER, map_type)))


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_no_value_of_the_machine_is_lost(scenario: Scenario) -> None:
    for name, value in settings_of(scenario.text).items():
        assert set(words(scenario.machine.values.get(name, DEFAULTS.get(name, "")))) <= set(words(value)), name


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_what_checks_no_recipients_is_not_made_to_check_ours_alone(scenario: Scenario) -> None:
    lines = settings_of(scenario.text)
    for name in EMPTY_MEANS_ALL:
        if name in lines and not scenario.machine.value(name):
            assert name == "relay_recipient_maps"
            assert not words(scenario.machine.value("relay_domains"))


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_said_twice_it_is_the_same(scenario: Scenario) -> None:
    lines = settings_of(scenario.text)
    told = {name: value for name, value in lines.items() if name in DEFAULTS}
    again = scenario._replace(machine=Machine(True, {**scenario.machine.values, **told}, scenario.machine.classes))
    assert settings_of(again.text) == lines


def test_a_table_of_another_type_is_replaced() -> None:
    before = f"hash:{FOLDER}/postfix_lmtp, hash:/etc/postfix/transport"
    lines = by_files([LISTS], Machine(True, {"transport_maps": before}))
    assert lines["transport_maps"] == f"lmdb:{FOLDER}/postfix_lmtp, hash:/etc/postfix/transport"


def test_live_tables_take_the_place_of_files_and_files_theirs() -> None:
    made = site([LISTS])
    in_files = {"transport_maps": f"proxy:lmdb:{FOLDER}/postfix_lmtp"}
    live = main_cf.main_cf(made, Machine(True, in_files), lookups.live(made.socketmap[0], FOLDER, Machine()))
    assert settings_of(live)["transport_maps"] == "socketmap:inet:127.0.0.1:8033:transport"
    assert by_files([LISTS], Machine(True, settings_of(live)))["transport_maps"] == f"lmdb:{FOLDER}/postfix_lmtp"


@pytest.mark.parametrize(
    ("before", "after"),
    [("", "+"), ("+", "+"), ("-", "-+"), ("+-", "+-")],
)
def test_the_delimiter(before: str, after: str) -> None:
    assert by_files([LISTS], Machine(True, {"recipient_delimiter": before}))["recipient_delimiter"] == after


@pytest.mark.parametrize("name", ["local_recipient_maps", "virtual_mailbox_maps"])
def test_mailboxes_that_are_not_checked_stay_unchecked(name: str) -> None:
    domain_class = DomainClass.LOCAL if name.startswith("local") else DomainClass.VIRTUAL_MAILBOX
    machine = Machine(True, {name: ""}, {"example.org": domain_class})
    assert name not in by_files([Domain("example.org", shared=True)], machine)


def test_a_domain_in_two_places_is_told_of() -> None:
    text = main_cf.main_cf(
        site([LISTS]), Machine(True, {}, {"lists.example": DomainClass.LOCAL}), lookups.in_files(FOLDER, "hash")
    )
    assert text.startswith("# Mind: lists.example is in mydestination but not shared")
    assert "relay_domains" not in settings_of(text)
    assert settings_of(text)["local_recipient_maps"].endswith("/postfix_relay_recipients")


@pytest.mark.parametrize(
    ("machine", "domain", "said"),
    [
        (Machine(found=True), Domain("example.org", shared=True), "in none of Postfix's classes"),
        (Machine(True, {}, {"lists.example": DomainClass.VIRTUAL_ALIAS}), LISTS, "--alias-domain NAME"),
    ],
)
def test_what_stands_in_the_way_is_told(machine: Machine, domain: Domain, said: str) -> None:
    text = main_cf.main_cf(site([domain]), machine, lookups.in_files(FOLDER, "hash"))
    assert said in text.splitlines()[0]


def test_a_shared_relay_domain_keeps_its_mailboxes() -> None:
    shared, machine = Domain("example.org", shared=True), Machine(True, {}, {"example.org": DomainClass.RELAY})
    assert "relay_recipient_maps" not in by_files([LISTS, shared], machine)
    checked = Machine(True, {"relay_recipient_maps": "hash:/x"}, machine.classes)
    assert by_files([LISTS, shared], checked)["relay_recipient_maps"].startswith("hash:/x, lmdb:")


def test_what_takes_the_token_away_is_mended() -> None:
    machine = Machine(True, {"propagate_unmatched_extensions": "canonical"})
    lines = by_files([Domain("example.com", "x.example.com")], machine)
    assert lines["propagate_unmatched_extensions"] == "canonical, virtual"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ('[policy]\nlisten = "inet:[::]:8031"\n', "check_policy_service inet:[::1]:8031"),
        ('[policy]\nlisten = "inet:localhost:8031"\n', "check_policy_service inet:127.0.0.1:8031"),
        ('[policy]\nlisten = "unix:/var/spool/postfix/g/policy"\n', "check_policy_service unix:g/policy"),
        ('[policy]\nlisten = "unix:/run/g/policy?mode=0666"\n', "check_policy_service unix:/run/g/policy"),
    ],
)
def test_addresses_as_postfix_dials_them(settings: str, expected: str) -> None:
    assert by_files([LISTS], Machine(found=True), settings)["smtpd_recipient_restrictions"] == expected


def test_what_main_cf_cannot_hold_is_not_put_into_it() -> None:
    with pytest.raises(lookups.FolderError, match=r"'/a b': in main\.cf"):
        lookups.in_files(Path("/a b"), "hash")
    unspeakable = '[milter]\nstage = "headers"\nlisten = "unix:/run/{x}"\n'
    listen = f'[policy]\nlisten = ["unix:/run/a b/$x", "unix:/run/policy"]\n{unspeakable}'
    lines = by_files([LISTS], Machine(found=True), listen)
    assert lines["smtpd_data_restrictions"] == "check_policy_service unix:/run/policy"
    assert "smtpd_milters" not in lines


def test_parts_that_are_not_enabled_are_not_asked() -> None:
    lines = by_files([LISTS], Machine(found=True), "[policy]\nenabled = false\n[milter]\nenabled = false\n")
    assert not [name for name in lines if name.startswith("smtpd_")]


def test_a_dedicated_server_whose_other_recipients_are_checked() -> None:
    machine = Machine(True, {"relay_recipient_maps": "hash:/x", "relay_domains": "other.example"})
    lines = settings_of(main_cf.main_cf_verifying(site([LISTS]), machine))
    assert lines["relay_recipient_maps"] == "hash:/x, inline:{ @lists.example=OK }"
    assert lines["relay_domains"] == "other.example, lists.example"


def test_a_refusal_that_is_verified_is_not_kept_where_no_policy_service_stands_before() -> None:
    kept = "address_verify_negative_expire_time"
    alone = main_cf.main_cf_verifying(site([LISTS], (), "[policy]\nenabled = false\n"), Machine(True))
    assert settings_of(alone)[kept] == "10s"
    assert kept not in settings_of(main_cf.main_cf_verifying(site([LISTS]), Machine(True)))


def test_the_lmtp_client() -> None:
    assert main_cf.master_cf(site([LISTS])).startswith("gatepost-lmtp unix - - n - - lmtp -o ")
    assert main_cf.master_cf(site([LISTS], (), 'lmtp_service = "mine"\n')).startswith("mine unix")


def names_of(settings: str) -> list[str]:
    made = site([LISTS], ["ann@lists.example"], settings)
    pieces = generator.commands(made, Machine(), FOLDER, "hash")
    assert all("No Postfix was found here" in piece.comment for piece in pieces[:-1])
    assert pieces[0].comment.startswith("type these, as root: ")
    assert all(piece.comment.startswith("or type these: ") for piece in pieces[1:-1])
    return [piece.name for piece in pieces]


def test_live_tables_come_first_where_they_are_served() -> None:
    others = ["main.cf.tables.sh", "main.cf.verify.sh", "master.cf.sh"]
    assert names_of("") == ["main.cf.live.sh", *others]
    assert names_of("[socketmap]\nenabled = false\n") == others
    assert names_of("[policy]\nenabled = false\n") == others  # which serves them


def test_live_tables_need_no_folder_for_written_ones() -> None:
    made = site([LISTS])
    assert next(generator.ways(made, Machine(), Path("/a b"), "hash")).name == "main.cf.live.sh"


@pytest.mark.parametrize("value", ["$a ${b} `c`", 'it\'s "so" \\ !x', "a, { b # c }; d", "größe"])
def test_commands_say_to_postconf_what_stands_in_the_lines(value: str) -> None:
    text = f"# Comments' quotes\n\none = {value}\ntwo =\n"
    comment, empty, *typed_lines = typed.postconf(text).splitlines()
    assert (comment, empty) == ("# Comments' quotes", "")
    postconf = "postconf() { printf '%s\\n' \"$@\"; }\n"
    script = postconf + "\n".join(typed_lines)
    shown = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout == f"-e\none = {value}\n-e\ntwo =\n"
