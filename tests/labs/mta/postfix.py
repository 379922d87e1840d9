"""Postfix from its unpacked packages (master(5), postconf(5)).

Rules: chroot is off, everything resolves without DNS, only listed domains are taken. The daemons run as accounts that
every Debian has; a socket or script of a test belongs into the instance's folder, where those can reach it.
"""

import json
import os
import re
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from labs.mta.instance import HOST_NAME, PATIENCE_SECONDS, Instance
from labs.mta.processes import wait_until

OWNER = "uucp"
SETGID_GROUP = "operator"
LIST_DOMAIN = "lists.example"
QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")
# name, type, private, unprivileged, chroot, wakeup, maxproc, command: master(5)
SERVICES = """\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
lmtp unix - - n - - lmtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
SETTINGS = {
    "compatibility_level": "3.6",
    "queue_directory": "{dir}/spool",
    "data_directory": "{dir}/data",
    "maillog_file": "{dir}/maillog",
    "maillog_file_prefixes": "{dir}",
    "command_directory": "{postfix}/usr/sbin",
    "daemon_directory": "{postfix}/usr/lib/postfix/sbin",
    "shlib_directory": "{postfix}/usr/lib/postfix",
    "meta_directory": "{postfix}/etc/postfix",
    "sendmail_path": "{postfix}/usr/sbin/sendmail",
    # Daemons and commands scrub their environment: the library path must be handed on by name.
    "import_environment": "MAIL_CONFIG POSTLOG_SERVICE POSTLOG_HOSTNAME LANG=C LD_LIBRARY_PATH={libraries}",
    "export_environment": "MAIL_CONFIG LANG LD_LIBRARY_PATH={libraries}",
    "mail_owner": OWNER,
    "setgid_group": SETGID_GROUP,
    "myhostname": HOST_NAME,
    "myorigin": "$mydomain",
    "mydestination": "",
    "mynetworks": "127.0.0.0/8, [::1]/128",
    "default_database_type": "lmdb",
    "alias_maps": "",
    "alias_database": "",
    "local_recipient_maps": "",
    "local_transport": "error:5.1.1 no local mail",
    "default_transport": "error:5.4.4 no mail leaves the tests",
    "relay_domains": LIST_DOMAIN,
    "relay_transport": "discard:",
    "smtp_dns_support_level": "disabled",
    "smtpd_peername_lookup": "no",
    "smtp_host_lookup": "native",
    "smtpd_relay_restrictions": "reject_unauth_destination",
    "smtpd_authorized_xclient_hosts": "127.0.0.0/8, [::1]",
    # Since Postfix 3.11 a milter that is away ends the connection, as its own default.
    "milter_default_action": "tempfail",
    # No brake on clients that are refused a thousand times in a row.
    "smtpd_error_sleep_time": "0",
    "smtpd_soft_error_limit": "10000",
    "smtpd_hard_error_limit": "10000",
    "smtpd_client_connection_count_limit": "0",
    "in_flow_delay": "0",
    "notify_classes": "",
    "biff": "no",
}
# What newer programs of Postfix's say of no fault: of an older compatibility_level, and
# that it reloads; Debian's of tables by Berkeley DB.
_CHATTER = re.compile(
    r"^(postfix: (Postfix is using backwards-compatible|See https:|To disable backwards)"
    r"|postfix/\S+: refreshing the Postfix mail system"
    r"|postmap: warning: (\S+: hash/btree support is deprecated|See \S+/NON_BERKELEYDB_README)).*\n",
    re.MULTILINE,
)


def complaints(said: str) -> str:
    """What programs of Postfix's have written to standard error, without what is no complaint."""
    return _CHATTER.sub("", said)


class Postfix(Instance):
    """A Postfix; `{dir}`, `{etc}` and `{port}` are filled in wherever its files are given."""

    name: ClassVar[str] = "postfix"

    def __init__(
        self,
        main: Mapping[str, str] | None = None,
        *,
        master: Sequence[str] = (),
        listeners: Mapping[str, Mapping[str, str]] | None = None,
        maps: Mapping[str, str] | None = None,
        ipv6: bool = False,
    ) -> None:
        """Prepare it without starting it.

        main: main.cf settings that replace or join SETTINGS. master: further lines of master.cf. listeners: further
        SMTP ports, found in `ports` under their name, each with settings of its own. maps: files in {etc}, by name, to
        be used as texthash:{etc}/name or after postmap(). ipv6: listen on [::1] too.
        """
        super().__init__()
        self._main = dict(main or {})
        self._master = list(master)
        self._maps = dict(maps or {})
        self._listeners: dict[str, Mapping[str, str]] = {"smtp": {}, **(listeners or {})}
        self._hosts = ["127.0.0.1", "::1"] if ipv6 else ["127.0.0.1"]
        self.ports = {name: self.reserve_port() if name != "smtp" else self.port for name in self._listeners}

    @property
    def addresses(self) -> list[tuple[str, int]]:
        return [(host, port) for port in self.ports.values() for host in self._hosts]

    @property
    def log_files(self) -> list[Path]:
        return [self.path("maillog")]

    @property
    def command(self) -> list[str]:
        # What `postfix start` runs in the end, without the checks of a whole installation before it.
        return [str(self.lab.postfix / "usr/lib/postfix/sbin/master"), "-c", str(self.path("etc"))]

    @property
    def environment(self) -> dict[str, str]:
        return {"MAIL_CONFIG": str(self.path("etc")), "LD_LIBRARY_PATH": self.lab.library_path}

    def configure(self) -> None:
        self._make_queue()
        hosts = {"inet_interfaces": ", ".join(self._hosts), "inet_protocols": "all" if "::1" in self._hosts else "ipv4"}
        settings = {**SETTINGS, **hosts, **self._main}
        self.write("etc/main.cf", self._fill("".join(f"{name} = {value}\n" for name, value in settings.items())))
        lines = [*self._listener_lines(), SERVICES.rstrip("\n"), *self._master]
        self.write("etc/master.cf", self._fill("\n".join(lines) + "\n"))
        for name, text in self._maps.items():
            self.write(f"etc/{name}", self._fill(text))

    def postmap(self, table: str) -> None:
        """Compile a map, e.g. postmap("lmdb:transport"); it is used as lmdb:{etc}/transport."""
        kind, _, name = table.partition(":")
        self._tool("postmap", f"{kind}:{self.path('etc', name)}")

    def reload(self) -> None:
        """Have it read its files again, and wait until every process that still has the old settings is gone.

        So no client may be connected and no delivery be under way. Raises LabError when a process stays.
        """
        seen = len(self.log())
        old = {process for process in self.processes() if process.pid != self.pid}
        os.kill(self.pid, signal.SIGHUP)
        self.wait_log(r"reload -- version", after=seen)
        wait_until(
            lambda: not old & self.processes(),
            PATIENCE_SECONDS,
            lambda: f"these did not end at the reload: {old & self.processes()}",
        )

    def queue(self) -> list[dict[str, Any]]:
        """Return the messages that wait, as postqueue(1) -j describes them.

        The queue is no snapshot: a message that moves meanwhile is listed at both places. The later one counts.
        """
        entries = map(json.loads, self._tool("postqueue", "-j").splitlines())
        return list({entry["queue_id"]: entry for entry in entries}.values())

    def flush(self) -> None:
        """Try again now to deliver all that waits."""
        self._tool("postqueue", "-f")

    def _tool(self, program: str, *arguments: str) -> str:
        return self.run(self.lab.postfix / "usr/sbin" / program, *arguments)

    def _fill(self, text: str) -> str:
        return self.fill(text, etc=self.path("etc"), postfix=self.lab.postfix, libraries=self.lab.library_path)

    def _listener_lines(self) -> list[str]:
        lines = []
        for name, settings in self._listeners.items():
            options = "".join(f" -o {{ {setting} = {value} }}" for setting, value in settings.items())
            for host in self._hosts:
                lines.append(f"[{host}]:{self.ports[name]} inet n - n - - smtpd{options}")  # noqa: PERF401
        return lines

    def _make_queue(self) -> None:
        self.make_dir("spool")
        self.make_dir("spool/pid")
        for name in QUEUES:
            self.make_dir(f"spool/{name}", OWNER, mode=0o700)
        self.make_dir("spool/public", OWNER, SETGID_GROUP, 0o710)
        self.make_dir("spool/maildrop", OWNER, SETGID_GROUP, 0o730)
        self.make_dir("data", OWNER, mode=0o700)
