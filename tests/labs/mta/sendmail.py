"""Sendmail from its unpacked packages (cf/README, the Sendmail Installation and Operation Guide).

Rules: it takes mail for lists.example, and from 127.0.0.1 for anywhere: a test that must be a stranger binds its client
to 127.0.0.9. It runs as the account `irc`, asks no DNS, and knows no aliases.
"""

import grp
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from labs.mta.instance import HOST_NAME, Instance

USER = "irc"
MACROS = """\
divert(-1)dnl
define(`_CF_DIR_', `{cf}/')dnl
include(`{cf}/m4/cf.m4')dnl
divert(0)dnl
VERSIONID(`gatepost tests')dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{host}')dnl
define(`MAIL_SETTINGS_DIR', `{dir}/etc/')dnl
define(`QUEUE_DIR', `{dir}/spool')dnl
define(`STATUS_FILE', `{dir}/statistics')dnl
define(`HELP_FILE', `{dir}/etc/helpfile')dnl
define(`ALIAS_FILE', `')dnl
define(`confPID_FILE', `{dir}/sendmail.pid')dnl
define(`confSERVICE_SWITCH_FILE', `{dir}/etc/service.switch')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confTO_IDENT', `0')dnl
define(`confTO_QUEUEWARN', `')dnl
define(`confTO_ICONNECT', `15s')dnl
define(`confLOG_LEVEL', `14')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confDELAY_LA', `0')dnl
define(`confMIN_QUEUE_AGE', `0')dnl
define(`confBAD_RCPT_THROTTLE', `0')dnl
define(`confDEF_USER_ID', `{user}')dnl
define(`confRUN_AS_USER', `{user}')dnl
define(`confTRUSTED_USER', `{account}')dnl
dnl the instances live below a world-writable folder, where sockets and maps are not trusted otherwise
define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`mailertable', `{mailertable}')dnl
RELAY_DOMAIN(`lists.example')dnl
DAEMON_OPTIONS(`Name=MTA, Family=inet, Addr=127.0.0.1, Port={port}')dnl
{macros}
LOCAL_CONFIG
O AliasFile=
O DoubleBounceAddress=
{config}
MAILER(`smtp')dnl
MAILER_DEFINITIONS
{mailers}
LOCAL_RULESETS
{rules}
"""
# F=z speaks LMTP, m takes many recipients in one transaction, X doubles dots, u keeps the case, k allows our own host
# name in the greeting, 8 leaves eight-bit text alone, D F M add the headers that every message must have.
LMTP_MAILER = """\
M{name},\tP=[IPC], F=mDFMuXzk8, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\\r\\n, L=990,
\t\tT=DNS/RFC822/SMTP,
\t\tA={arguments}
"""


class Sendmail(Instance):
    """A Sendmail; `{dir}` and `{port}` are filled in wherever its configuration is given."""

    name: ClassVar[str] = "sendmail"

    def __init__(
        self,
        *,
        macros: str = "",
        config: str = "",
        rules: str = "",
        lmtp: Mapping[str, int | str] | None = None,
        mailertable: str = "text -k0 -v1 {dir}/etc/mailertable",
    ) -> None:
        """Prepare it without starting it.

        macros: further lines of the .mc file. config: raw lines for LOCAL_CONFIG. rules: raw rule sets, with tabs
        between their columns. lmtp: for each domain the port at 127.0.0.1 of its LMTP server, or the path of its
        socket, which belongs below {dir} so that the account can reach it. mailertable: the map that says which domain
        goes to which of them; they are named lmtp0, lmtp1 and so on.
        """
        super().__init__()
        self._macros = macros
        self._config = config
        self._rules = rules
        self._lmtp = dict(lmtp or {})
        self._mailertable = mailertable

    @property
    def log_files(self) -> list[Path]:
        return [self.path("syslog")]

    @property
    def command(self) -> list[str]:
        program = self.lab.sendmail / "usr/libexec/sendmail/sendmail"
        return [str(program), "-C", str(self.path("etc/sendmail.cf")), "-bD", "-q1m"]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_LIBRARY_PATH": self.lab.library_path,
            "LD_PRELOAD": str(self.lab.shim),
            "LAB_SYSLOG": str(self.path("syslog")),
            # With a host name that has no dot it sleeps for a minute before it reads its configuration.
            "LAB_HOSTNAME": HOST_NAME,
        }

    def configure(self) -> None:
        account = pwd.getpwnam(USER)
        group = grp.getgrgid(account.pw_gid).gr_name
        self.write("syslog", "", 0o666)
        self.make_dir("spool", USER, group, 0o700)
        self.write("etc/service.switch", "hosts files\npasswd files\naliases files\n")
        self.write("etc/helpfile", "#vers 2\n")
        self.write("etc/mailertable", self._mailer_table())
        source = self.write("etc/lab.mc", self._source(f"{USER}:{group}"))
        self.write("etc/sendmail.cf", self.run(self.lab.sendmail / "usr/bin/m4", source))

    def _source(self, user: str) -> str:
        return self.fill(
            MACROS,
            mailertable=self._mailertable,
            macros=self._macros,
            config=self._config,
            rules=self._rules,
            mailers=self._mailers(),
            cf=self.lab.sendmail / "usr/share/sendmail/cf",
            host=HOST_NAME,
            user=user,
            account=USER,
        )

    def _mailer_table(self) -> str:
        hosts = {domain: "[127.0.0.1]" if isinstance(to, int) else "localhost" for domain, to in self._lmtp.items()}
        return "".join(f"{domain}\tlmtp{number}:{host}\n" for number, (domain, host) in enumerate(hosts.items()))

    def _mailers(self) -> str:
        return "".join(
            LMTP_MAILER.format(name=f"lmtp{number}", arguments=f"TCP $h {to}" if isinstance(to, int) else f"FILE {to}")
            for number, to in enumerate(self._lmtp.values())
        )
