"""docs/install.md followed in a system, with Debian's own mail server and somebody outside the server's networks.

Rules: what is typed is the page's, as it stands; what the page takes for granted (a mail server with a way out, a
host's name) is made before. Beside the mail server's host, mx, stands another one, in a network namespace: it sends,
and takes what goes out. The system is booted twice, so that the service has to start with it.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field

from tools.fresh.container import CHECKOUT, Booted, Container
from tools.fresh.newcomer import CLONE, USER

PAGE = CHECKOUT / "docs" / "install.md"
_MX, _OUTSIDE = "198.51.100.1", "198.51.100.2"
_MAKE_OUTSIDE = f"""
ip netns add outside && ip link add outside type veth peer name eth0 netns outside
ip address add {_MX}/24 dev outside && ip link set outside up
ip -n outside address add {_OUTSIDE}/24 dev eth0 && ip -n outside link set eth0 up && ip -n outside link set lo up
ip netns exec outside setsid unshare --uts sh -c 'hostname outside.example
    exec {{python}} -u -m aiosmtpd -n -l {_OUTSIDE}:25 -c aiosmtpd.handlers.Debugging stdout' \
    >> /root/sink.log 2>&1 < /dev/null &
"""
# What makes a minimal root a machine on which mail is sent.
_MACHINE = (
    "export DEBIAN_FRONTEND=noninteractive; apt-get -qq update; "
    "apt-get -qq install --no-install-recommends systemd-sysv dbus iproute2 procps {packages} > /dev/null; "
    "echo mx.lab.example > /etc/hostname; echo lab.example > /etc/mailname; "
    "echo '127.0.0.1 localhost\n::1 localhost\n127.0.1.1 mx.lab.example mx' > /etc/hosts; "
)
_WAY_OUT = {
    "postfix": f"postconf -e 'relayhost = [{_OUTSIDE}]' 'myhostname = mx.lab.example'",
    "exim": "sed -i -e s/^dc_eximconfig_configtype=.*/dc_eximconfig_configtype=\\'smarthost\\'/"
    f" -e s/^dc_smarthost=.*/dc_smarthost=\\'{_OUTSIDE}\\'/ -e s/^dc_local_interfaces=.*/dc_local_interfaces=\\'\\'/"
    " /etc/exim4/update-exim4.conf.conf && update-exim4.conf",
}
_PACKAGES = {"postfix": "postfix postfix-lmdb postfix-cdb postfix-pcre", "exim": "exim4-daemon-light"}
_SECTION = {"postfix": "Postfix", "exim": "Exim"}
_PYTHON = "/opt/gatepost/.venv/bin/python"
# What a lab cannot have: no DNS knows its domain.
_OF_THE_LAB = {"domains"}


@dataclass
class Installing:
    """One system in which the page is followed. faults: what did not go as the page says."""

    container: Container
    mail_server: str
    faults: list[str] = field(default_factory=list)

    def follow(self) -> list[str]:
        """All of the page; the faults."""
        try:
            self._follow()
        except TimeoutError as error:
            self._expect(False, str(error))
        return self.faults

    def _follow(self) -> None:
        page = blocks(PAGE.read_text())
        self._prepare(*page["The program"])
        with self.container.booted() as booted:
            before = self._configuration(booted)
            self._make_outside(booted)
            for title in ("Its user, its folders, its settings", "The service", "A list"):
                self._type(booted, page[title])
            self._type(booted, page[_SECTION[self.mail_server]])
            self._try(booted, "as it was installed")
            self._type(booted, page["Look at it"])
            self._look(booted)
            self._try_each_kind(booted, page)
        newer, restart = page["A newer version"]
        self._fetch(newer)
        with self.container.booted() as booted:
            self._make_outside(booted)
            self._refuses(booted, "after a restart of the machine")
            self._type(booted, [restart])
            self._try(booted, "after a newer version")
            postfix, exim, *all_of_it = page["Taking it away"]
            self._type(booted, [postfix if self.mail_server == "postfix" else exim, *all_of_it])
            self._is_as_before(booted, before)

    def _prepare(self, program: str) -> None:
        packages = _PACKAGES[self.mail_server]
        self.container.run(_MACHINE.format(packages=packages) + _WAY_OUT[self.mail_server])
        self.container.run(f"useradd --create-home {USER}")
        self.container.run(CLONE, user=USER)
        self._fetch(program)

    def _fetch(self, block: str) -> None:
        """Type what needs the network outside, in the clone."""
        ended = self.container.run(f"cd /home/{USER}/gatepost\nset -e\n{block}")
        self._expect(ended.status == 0, f"{block}gave {ended.status}: {ended.output[-500:]}")

    def _type(self, booted: Booted, blocks: list[str]) -> None:
        for block in blocks:
            ended = booted.run(f"set -e\n{block}")
            self._expect(ended.status == 0, f"{block}gave {ended.status}: {ended.output[-500:]}")

    def _make_outside(self, booted: Booted) -> None:
        booted.run(_MAKE_OUTSIDE.format(python=_PYTHON))
        booted.wait_until("ip netns exec outside ss -Hltn sport = 25 | grep -q LISTEN")

    def _send(self, booted: Booted, sender: str, recipient: str, subject: str = "hello") -> str:
        words = shlex.join(["python3", "/src/tools/fresh/outside.py", _MX, sender, recipient, subject])
        return booted.run(f"ip netns exec outside {words}").output.strip()

    def _refuses(self, booted: Booted, when: str) -> None:
        reply = self._send(booted, "stranger@example.net", "announce@lists.example")
        self._expect(bool(re.match("550 .*5.7.2 .*you may not post", reply)), f"{when} a stranger got: {reply}")
        reply = self._send(booted, "stranger@example.net", "nobody@lists.example")
        self._expect(bool(re.match(r"550 .*5\.1\.1 ", reply)), f"{when} an unknown address got: {reply}")

    def _try(self, booted: Booted, when: str) -> None:
        """A stranger, an unknown address, and a new list, to which somebody posts one second after it was made."""
        self._refuses(booted, when)
        name = re.sub(r"\W+", "-", when)
        booted.run(
            f"gatepost list create {name}@lists.example default_nonmember_action=accept"
            f" && gatepost member add {name}@lists.example bo@example.org"
        )
        booted.run("sleep 1")
        reply = self._send(booted, "stranger@example.net", f"{name}@lists.example", f"post-{name}")
        self._expect(reply.startswith("250 "), f"{when} a post to a list one second old got: {reply}")
        if reply.startswith("250 "):
            try:
                booted.wait_until(f"grep -q 'post-{name}' /root/sink.log")
            except TimeoutError:
                self.faults.append(f"{when} a post did not come to the member")
                booted.run("journalctl --no-pager --lines 100; cat /var/log/exim4/mainlog; gatepost queue ls")

    def _look(self, booted: Booted) -> None:
        """The doctor has nothing to say, but of what the lab lacks."""
        ended = booted.run("gatepost doctor --json")
        findings = json.loads(ended.output)["findings"]
        wrong = [each for each in findings if each["state"] == "wrong" and each["name"] not in _OF_THE_LAB]
        self._expect(not wrong, f"the doctor says: {wrong}")

    def _try_each_kind(self, booted: Booted, page: dict[str, list[str]]) -> None:
        if self.mail_server == "postfix":
            code = "from gatepost_conf.postfix.maps import MAP_TYPES; print(*MAP_TYPES)"
            has = booted.run("postconf -m").output.split()
            for kind in booted.run(f"{_PYTHON} -c '{code}'").output.split():
                if kind in has:
                    booted.run(
                        f"sed -i '/^map_type/d; /^.postfix.$/a map_type = \"{kind}\"' /etc/gatepost/gatepost.toml"
                    )
                    self._type(booted, page["With written tables"])
                    self._try(booted, f"with {kind}")
        else:
            macros = "/etc/exim4/conf.d/main/000_localmacros"
            booted.run("cp /etc/exim4/gatepost/local_rcpt_callout /etc/exim4/")
            for macro in ("GATEPOST_ROUTE_BY_CALLOUT", "GATEPOST_JUDGE_BY_CALLOUT"):
                booted.run(f"echo '{macro} = yes' > {macros}; update-exim4.conf; systemctl restart exim4")
                self._try(booted, f"with {macro}")
            booted.run(f"rm {macros} /etc/exim4/local_rcpt_callout; update-exim4.conf; systemctl restart exim4")

    def _configuration(self, booted: Booted) -> str:
        command = "postconf -n" if self.mail_server == "postfix" else "find /etc/exim4 -type f | sort"
        return booted.run(command).output

    def _is_as_before(self, booted: Booted, before: str) -> None:
        after = self._configuration(booted)
        self._expect(after == before, f"the mail server's configuration is not as it was: {after}")
        left = booted.run("ls -d /etc/gatepost /var/lib/gatepost /opt/gatepost 2>/dev/null; id -u gatepost 2>/dev/null")
        self._expect(not left.output, f"there is left: {left.output}")

    def _expect(self, is_right: bool, fault: str) -> None:
        if not is_right:
            self.faults.append(f"install with {self.mail_server}: {fault}")


def blocks(page: str) -> dict[str, list[str]]:
    """The page's blocks for the shell, by the heading that they stand under."""
    sections = re.split(r"^##+ (.*)\n", page, flags=re.MULTILINE)
    found = (re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL) for text in sections[2::2])
    return dict(zip(sections[1::2], found, strict=True))
