"""Exim from its unpacked packages (the Exim specification, chapters 6 to 14).

Rules: it takes mail for lists.example, throws it away where no router says otherwise, relays nothing, asks no DNS, and
announces neither PRDR nor TLS. It runs as the account `news`, which stands for the `Debian-exim` that is built into it.
"""

from pathlib import Path
from typing import ClassVar

from labs.mta.instance import HOST_NAME, Instance

USER = "news"
BUILT_IN_USER = "Debian-exim"
ACCEPT_LIST_DOMAIN = """\
accept domains = +list_domains
deny message = relay not permitted
"""
DISCARD = """\
discard:
  driver = redirect
  data = :blackhole:
"""
# What any configuration needs to run here.
LAB = """\
exim_user = {user}
exim_group = {user}
exim_path = {exim}
spool_directory = {dir}/spool
log_file_path = {dir}/log/%slog
pid_file_path = {dir}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
disable_ipv6 = true
tls_advertise_hosts =
chunking_advertise_hosts =
host_lookup =
helo_try_verify_hosts =
rfc1413_query_timeout = 0s
smtp_enforce_sync = false
# Without this a delivery needs the set-id bit, which the unpacked program does not have.
deliver_drop_privilege = true
log_selector = +all_parents +smtp_confirmation
# Every step of a delivery is a new start of the program, with an environment of only these.
keep_environment =
add_environment = <; {environment}
"""
CONFIGURATION = """\
primary_hostname = {host}
qualify_domain = lab.example
recipients_max = 1000
smtp_accept_max = 100
domainlist list_domains = lists.example
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = acl_data
{main}
begin acl
acl_rcpt:
{acl_rcpt}
acl_data:
{acl_data}
begin routers
{routers}
begin transports
{transports}
begin retry
* * F,1h,5s
"""


class Exim(Instance):
    """An Exim; its blocks of configuration are given in Exim's own syntax, with `{dir}` and `{port}` filled in."""

    name: ClassVar[str] = "exim"

    def __init__(
        self,
        *,
        main: str = "",
        acl_rcpt: str = ACCEPT_LIST_DOMAIN,
        acl_data: str = "accept",
        routers: str = DISCARD,
        transports: str = "",
    ) -> None:
        """Prepare it without starting it. main: further main options; the others: the whole of that block."""
        super().__init__()
        self._blocks = {"main": main, "acl_rcpt": acl_rcpt, "acl_data": acl_data}
        self._blocks |= {"routers": routers, "transports": transports}

    @property
    def log_files(self) -> list[Path]:
        return [self.path("log", "mainlog"), self.path("log", "rejectlog"), self.path("log", "paniclog")]

    @property
    def command(self) -> list[str]:
        return [self._program, "-C", str(self.path("exim.conf")), "-bdf"]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_LIBRARY_PATH": self.lab.library_path,
            "LD_PRELOAD": str(self.lab.shim),
            "LAB_ALIAS": f"{BUILT_IN_USER}={USER}",
        }

    @property
    def _program(self) -> str:
        return str(self.lab.exim / "usr/sbin/exim4")

    def configure(self) -> None:
        self.make_dir("spool", USER, USER, 0o750)
        self.make_dir("log", USER, USER)
        handed_on = " ; ".join(f"{name}={value}" for name, value in self.environment.items())
        values = {"user": USER, "exim": self._program, "host": HOST_NAME, "environment": handed_on}
        self.write("exim.conf", self.fill(LAB + self.own_configuration(), **values))

    def own_configuration(self) -> str:
        """All of the configuration but what it needs to run here."""
        return self.fill(CONFIGURATION, **self._blocks)


class WholeExim(Exim):
    """An Exim with a configuration file made elsewhere; `{dir}` and `{port}` are filled in."""

    def __init__(self, configuration: str) -> None:
        """Prepare it without starting it. configuration: the whole file."""
        super().__init__()
        self._configuration = configuration

    def own_configuration(self) -> str:
        return self._configuration
