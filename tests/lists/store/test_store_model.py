"""The store and a plain-dict model of it agree after any sequence of changes.

Changes go in through Store; what it lists, and what the doors' reading side finds, must be what the model says.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gatepost_lists import open_directory, parse_address
from gatepost_lists.errors import ExistsError, NotFoundError
from gatepost_lists.model import Action, Role, Standing
from gatepost_lists.store.admin import Store
from gatepost_lists.store.changes import Ban, DeliveryStatus
from gatepost_lists.store.versions import create

SOAKING = "GATEPOST_SOAK" in os.environ
HOSTS = ("one.example", "two.example")
NAMES = ("ann", "ann-request", "bob", "bob+x")
PEOPLE = tuple(f"p{number}@example.org" for number in range(5))
BANS = (PEOPLE[0], PEOPLE[1], "^P[23]@", "^.*@other")

hosts = st.sampled_from(HOSTS)
lists = st.builds("{}@{}".format, st.sampled_from(NAMES), hosts)
people = st.sampled_from(PEOPLE)
roles = st.sampled_from(Role)
actions = st.sampled_from((None, "default", "reject", "accept"))
statuses = st.sampled_from(DeliveryStatus)
attributes = st.sampled_from(("hold_these_nonmembers", "accept_these_nonmembers"))
entries = st.sampled_from(("x@example.org", "^y"))


class StoreAgreesWithModel(RuleBasedStateMachine):
    """The model: domains by name, lists by address, roles by (list, person, role), people by user, and bans.

    `stopped` are the members, by (list, person), whose delivery is not enabled.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        url = f"sqlite:///{self.folder}/store.db"
        create(url)
        self.store, self.directory = Store(url), open_directory(url)
        self.domains: dict[str, tuple[str, bool]] = {}
        self.lists: dict[str, dict[str, Any]] = {}
        self.members: dict[tuple[str, str, Role], str | None] = {}
        self.users: list[set[str]] = []
        self.bans: set[Ban] = set()
        self.stopped: dict[tuple[str, str], DeliveryStatus] = {}

    def teardown(self) -> None:
        self.store.close()
        self.directory.close()
        shutil.rmtree(self.folder)

    def attempt(self, there: bool, change: Any, *arguments: Any) -> bool:
        """Make a change that must raise NotFoundError if and only if what it is about is not there."""
        try:
            change(*arguments)
        except NotFoundError:
            assert not there
            return False
        assert there
        return True

    def user(self, person: str) -> set[str]:
        return next((user for user in self.users if person in user), set())

    def know(self, person: str) -> None:
        if not self.user(person):
            self.users.append({person})

    def forget_strangers(self) -> None:
        on_lists = {person for _, person, _ in self.members}
        self.users = [user for user in self.users if len(user) > 1 or user & on_lists]

    @initialize()
    def begin_with_a_list(self) -> None:
        self.add_domain(HOSTS[0], "", False)
        self.create_list(f"ann@{HOSTS[0]}")

    @rule(host=hosts, alias=st.sampled_from(("", "alias.example")), shared=st.booleans())
    def add_domain(self, host: str, alias: str, shared: bool) -> None:
        taken = alias and any(other == alias for name, (other, _) in self.domains.items() if name != host)
        try:
            self.store.add_domain(host, alias, shared)
        except ExistsError:
            assert taken
        else:
            assert not taken
            self.domains[host] = alias, shared

    @rule(host=hosts)
    def remove_domain_with_lists(self, host: str) -> None:
        gone = [f"{name}@{host}" for name in sorted(NAMES) if f"{name}@{host}" in self.lists]
        if host in self.domains:
            assert self.store.remove_domain(host, with_lists=True) == gone
            del self.domains[host]
        for name in gone:
            self.forget_list(name)

    @rule(host=hosts)
    def remove_domain(self, host: str) -> None:
        has_lists = any(name.endswith(f"@{host}") for name in self.lists)
        try:
            if self.attempt(host in self.domains, self.store.remove_domain, host):
                assert not has_lists
                del self.domains[host]
        except ExistsError:
            assert has_lists

    @rule(name=lists)
    def create_list(self, name: str) -> None:
        if name.partition("@")[2] in self.domains:
            self.store.create_list(name)
            self.lists.setdefault(name, {"hold_these_nonmembers": [], "accept_these_nonmembers": []})

    @rule(name=lists, attribute=attributes, entry=entries)
    def add_entry(self, name: str, attribute: str, entry: str) -> None:
        if self.attempt(name in self.lists, self.store.set_list, name, f"{attribute}+={entry}"):
            kept = self.lists[name][attribute]
            kept.extend([entry] if entry not in kept else [])

    @rule(name=lists, attribute=attributes, entry=entries)
    def take_entry(self, name: str, attribute: str, entry: str) -> None:
        there = entry in self.lists.get(name, {}).get(attribute, [])
        if self.attempt(there, self.store.set_list, name, f"{attribute}-={entry}"):
            self.lists[name][attribute].remove(entry)

    @rule(name=lists)
    def remove_list(self, name: str) -> None:
        if self.attempt(name in self.lists, self.store.remove_list, name):
            self.forget_list(name)

    def forget_list(self, name: str) -> None:
        del self.lists[name]
        self.members = {key: action for key, action in self.members.items() if key[0] != name}
        self.bans = {ban for ban in self.bans if ban.mailing_list != name}
        self.stopped = {key: status for key, status in self.stopped.items() if key[0] != name}
        self.forget_strangers()

    @rule(name=lists, who=st.lists(people, min_size=1, max_size=3), role=roles, action=actions, bulk=st.booleans())
    def add_members(self, name: str, who: list[str], role: Role, action: str | None, bulk: bool) -> None:
        change = self.store.import_members if bulk else self.store.add_members
        if self.attempt(name in self.lists, change, name, who, role, action):
            for person in who:
                self.know(person)
                before = self.members.get((name, person, role))
                self.members[name, person, role] = before if action is None else action.replace("default", "") or None

    @rule(name=lists, person=people, role=roles)
    def remove_member(self, name: str, person: str, role: Role) -> None:
        there = (name, person, role) in self.members
        if self.attempt(there, self.store.remove_members, name, [person], role):
            del self.members[name, person, role]
            if role is Role.MEMBER:
                self.stopped.pop((name, person), None)
            self.forget_strangers()

    @rule(name=lists, person=people, status=statuses)
    def set_delivery(self, name: str, person: str, status: DeliveryStatus) -> None:
        there = (name, person, Role.MEMBER) in self.members
        if self.attempt(there, self.store.set_delivery, name, person, status, "because", 0.0):
            self.stopped[name, person] = status
            if status is DeliveryStatus.ENABLED:
                del self.stopped[name, person]

    @rule(first=people, second=people)
    def link(self, first: str, second: str) -> None:
        if first != second and self.attempt(bool(self.user(first)), self.store.link, first, second):
            joined = self.user(first) | self.user(second) | {second}
            self.users = [user for user in self.users if not user & joined] + [joined]

    @rule(person=people)
    def unlink(self, person: str) -> None:
        user = self.user(person)
        if self.attempt(len(user) > 1, self.store.unlink, person):
            user.remove(person)
            self.users.append({person})
            self.forget_strangers()

    @rule(pattern=st.sampled_from(BANS), name=st.one_of(st.just(""), lists))
    def add_ban(self, pattern: str, name: str) -> None:
        if self.attempt(not name or name in self.lists, self.store.add_ban, pattern, name):
            self.bans.add(Ban(pattern, name))

    @rule(pattern=st.sampled_from(BANS), name=st.one_of(st.just(""), lists))
    def remove_ban(self, pattern: str, name: str) -> None:
        if self.attempt(Ban(pattern, name) in self.bans, self.store.remove_ban, pattern, name):
            self.bans.remove(Ban(pattern, name))

    @invariant()
    def listings_agree(self) -> None:
        assert {one.mail_host: (one.alias_domain, one.shared) for one in self.store.domains()} == self.domains
        assert set(self.store.bans()) == self.bans
        found = {row["fqdn_listname"]: row for row in self.store.lists()}
        assert found.keys() == self.lists.keys()
        for name, expected in self.lists.items():
            assert {attribute: found[name][attribute] for attribute in expected} == expected
            rows = {(name, one.email, one.role): one.moderation_action for one in self.store.members(name)}
            assert rows == {key: action for key, action in self.members.items() if key[0] == name}
            self.compare_delivery(name)
        for person in PEOPLE:
            linked = {person, *self.store.linked(person)} if self.user(person) else set()
            assert linked == self.user(person)

    def compare_delivery(self, name: str) -> None:
        members = {person for of, person, role in self.members if (of, role) == (name, Role.MEMBER)}
        found = {one.email: one.delivery_status for one in self.store.members(name, Role.MEMBER)}
        assert found == {person: self.stopped.get((name, person), DeliveryStatus.ENABLED) for person in members}
        recipients = [one.email for one in self.store.recipients(name, None, 99)]
        assert sorted(recipients) == sorted(members - {person for of, person in self.stopped if of == name})

    @invariant()
    def what_the_doors_find_agrees(self) -> None:
        with self.directory.snapshot():
            for host in (*HOSTS, "alias.example"):
                for local in (*NAMES, "ann-owner", "bob+y", "cat"):
                    self.compare_place(local, host)
            for name in self.lists:
                for person in PEOPLE:
                    self.compare_standing(name, person)

    def compare_place(self, local: str, host: str) -> None:
        place = self.directory.find(parse_address(f"{local}@{host}"))
        own = next((name for name, (alias, _) in self.domains.items() if host in (name, alias)), None)
        assert (place.domain.mail_host if place.domain else None) == own
        readings = {
            "ann-request": ("ann", "request"),
            "ann-owner": ("ann", "owner"),
            "bob+x": ("bob", ""),
            "bob+y": ("bob", ""),
        }
        expected: tuple[str | None, str] = (None, "")
        for name, subaddress in ((local, ""), readings.get(local, (local, ""))):
            if f"{name}@{own}" in self.lists and expected[0] is None:
                expected = (f"{name}@{own}", subaddress)
        found = place.mailing_list
        assert (found.fqdn_listname if found else None, place.subaddress) == expected

    def compare_standing(self, name: str, person: str) -> None:
        found = self.directory.find(parse_address(name)).mailing_list
        assert found is not None
        standing = self.directory.standing(found, (person,))
        assert bool(standing.banned) == self.is_banned(name, person)
        own = (name, person, Role.MEMBER)
        linked = [key for other in self.user(person) if (key := (name, other, Role.MEMBER)) in self.members]
        memberships = [own] if own in self.members else linked
        possible = {self.members[key] for key in memberships} or {None}
        assert (standing.member_action.value if standing.member_action else None) in possible
        record = self.members.get((name, person, Role.NONMEMBER))
        assert standing._replace(banned="", member_action=None) == Standing(
            member=bool(memberships),
            linked=bool(memberships) and own not in self.members,
            nonmember_action=Action(record) if record else None,
        )
        assert self.directory.is_member(name, (person,)) == bool(memberships)

    def is_banned(self, name: str, person: str) -> bool:
        patterns = [ban.email for ban in self.bans if ban.mailing_list in ("", name)]
        return person in patterns or ("^P[23]@" in patterns and person in PEOPLE[2:4])


TestStoreAgreesWithModel = StoreAgreesWithModel.TestCase
TestStoreAgreesWithModel.settings = settings(max_examples=300 if SOAKING else 30, stateful_step_count=30, deadline=None)
