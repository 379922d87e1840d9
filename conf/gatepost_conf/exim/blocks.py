"""The blocks of Exim's configuration, each for one section of it (chapters 6 to 48 of its specification). No I/O here.

Rules: what the client says (`$local_part`, `$sender_address`) is tainted from Exim 4.94 on and is only ever a key or a
line of a request, never a file's name. Which way is taken is chosen by macros, which Exim reads once, at its start.
Where no answer can be had, mail waits.
"""

from __future__ import annotations

from gatepost_conf.dialling import Dialled, dialled
from gatepost_conf.names import hosts, hosts_of_lists
from gatepost_conf.site import Site
from gatepost_lists.subaddresses import SUBADDRESSES

LIST_FILE = "/etc/exim4/gatepost_lists"
# RFC 5321 section 4.5.1: mail for postmaster is always taken.
_ROUTERS = """\
.ifndef GATEPOST_ROUTE_BY_CALLOUT
.ifndef GATEPOST_ROUTE_BY_FILE
# The live table is asked once for each address; it knows every sub-address.
gatepost_ask:
  driver = redirect
  domains = +gatepost_domains
  address_data = ${readsocket{GATEPOST_TABLES}\\
    {${strlen:relay_recipients $local_part@$domain}:relay_recipients $local_part@$domain,}{10s}{}{}}
  allow_defer
  data = ${if match{$address_data}{\\N^\\d+:(OK|NOTFOUND) \\N}{}{:defer: the lists cannot be asked now}}

gatepost_live:
  driver = accept
  domains = +gatepost_domains
  condition = ${if match{$address_data}{\\N^\\d+:OK \\N}}
  transport = GATEPOST_TRANSPORT
.else
# A list by its own name, or with an extension behind a plus sign.
gatepost_list:
  driver = accept
  domains = +gatepost_domains
  local_part_suffix = +*
  local_part_suffix_optional
  condition = ${lookup{$local_part$local_part_suffix@$domain}lsearch{GATEPOST_LISTS}{yes}\\
    {${lookup{$local_part@$domain}lsearch{GATEPOST_LISTS}{yes}{no}}}}
  transport = GATEPOST_TRANSPORT

gatepost_subaddress:
  driver = accept
  domains = +gatepost_domains
  local_part_suffix = @SUFFIXES@
  condition = ${lookup{$local_part@$domain}lsearch{GATEPOST_LISTS}{yes}{no}}
  transport = GATEPOST_TRANSPORT
.endif
.endif

gatepost_postmaster:
  driver = redirect
  domains = +gatepost_only_domains
  local_parts = postmaster
  data = \\N@OWNER@\\N

.ifdef GATEPOST_ROUTE_BY_CALLOUT
# Every address goes to gatepost: the ACL must have asked whether it exists.
gatepost_any:
  driver = accept
  domains = +gatepost_only_domains
  transport = GATEPOST_TRANSPORT
.else
gatepost_unknown:
  driver = redirect
  domains = +gatepost_only_domains
  allow_fail
  data = :fail: 550 5.1.1 no such mailing list
.endif
"""
_TRANSPORTS = """\
# Without rcpt_include_affixes announce-request@ would arrive as announce@. size_addition would make messages look
# bigger. A Message-ID that stays the same lets gatepost know a message that is sent again after a lost reply.
gatepost_tcp:
  driver = smtp
  protocol = lmtp
  hosts = <; GATEPOST_LMTP_HOST
  port = GATEPOST_LMTP_TCP_PORT
  allow_localhost
  rcpt_include_affixes
  size_addition = 0
  headers_add = ${if def:h_message-id:{}{Message-ID: <E$message_exim_id@$primary_hostname>}}

.ifdef GATEPOST_LMTP_SOCKET
gatepost_unix:
  driver = lmtp
  socket = GATEPOST_LMTP_SOCKET
  batch_max = 50
  rcpt_include_affixes
  headers_add = ${if def:h_message-id:{}{Message-ID: <E$message_exim_id@$primary_hostname>}}
.endif
"""
RCPT_ACL = """\
.ifdef GATEPOST_JUDGE_BY_CALLOUT
  # no_cache: who is a member changes, and an answer from the cache has lost its text.
  deny
    domains = +gatepost_domains
    message = ${if match{$acl_verify_message}{\\N(?m)(5\\.\\d+\\.\\d+ .*)$\\N}{550 $1}{550 5.1.1 $acl_verify_message}}
    !verify = recipient/callout=20s,use_sender,no_cache
.else
  warn
    domains = +gatepost_domains
    condition = ${if !def:acl_m_gatepost_instance}
    set acl_m_gatepost_instance = $pid.$tod_epoch_l
  warn
    domains = +gatepost_domains
    set acl_m_gatepost = ${readsocket{GATEPOST_POLICY}\\
      {request=smtpd_access_policy\\nprotocol_state=RCPT\\nsender=$sender_address\\nrecipient=$local_part@$domain\\n\\
      size=$message_size\\nclient_address=$sender_host_address\\nsasl_username=$authenticated_id\\n\\
      instance=$acl_m_gatepost_instance\\n\\n}{10s}{}{}}
  defer
    domains = +gatepost_domains
    condition = ${if !match{$acl_m_gatepost}{\\N^action=(DUNNO|[45]\\d\\d )\\N}}
    message = 451 4.3.0 cannot tell now, try again later
  deny
    domains = +gatepost_domains
    condition = ${if match{$acl_m_gatepost}{\\N^action=5\\d\\d \\N}}
    message = ${sg{$acl_m_gatepost}{\\N^action=|\\s+$\\N}{}}
.endif
"""
DATA_ACL = """\
.ifndef GATEPOST_JUDGE_BY_CALLOUT
  # Bounces to a posting address, mail in the name of a probe, and the true size. Of several recipients none is named:
  # gatepost knows those of the instance for whom a probe seemed to ask.
  warn
    set acl_m_gatepost = action=DUNNO
  warn
    condition = ${if and{{eq{$recipients_count}{1}}{match_domain{${domain:$recipients}}{+gatepost_domains}}}}
    set acl_m_gatepost = ${readsocket{GATEPOST_POLICY}\\
      {request=smtpd_access_policy\\nprotocol_state=END-OF-MESSAGE\\nsender=$sender_address\\nrecipient=$recipients\\n\\
      recipient_count=1\\nsize=$message_size\\nclient_address=$sender_host_address\\n\\
      sasl_username=$authenticated_id\\nqueue_id=$message_exim_id\\n\\n}{10s}{}{}}
  warn
    condition = ${if and{{>{$recipients_count}{1}}{def:acl_m_gatepost_instance}}}
    set acl_m_gatepost = ${readsocket{GATEPOST_POLICY}\\
      {request=smtpd_access_policy\\nprotocol_state=END-OF-MESSAGE\\nsender=$sender_address\\nrecipient=\\n\\
      recipient_count=$recipients_count\\nsize=$message_size\\nclient_address=$sender_host_address\\n\\
      sasl_username=$authenticated_id\\nqueue_id=$message_exim_id\\ninstance=$acl_m_gatepost_instance\\n\\n}{10s}{}{}}
  defer
    condition = ${if !match{$acl_m_gatepost}{\\N^action=(DUNNO|[45]\\d\\d )\\N}}
    message = 451 4.3.0 cannot tell now, try again later
  defer
    condition = ${if match{$acl_m_gatepost}{\\N^action=4\\d\\d \\N}}
    message = ${sg{$acl_m_gatepost}{\\N^action=|\\s+$\\N}{}}
  deny
    condition = ${if match{$acl_m_gatepost}{\\N^action=5\\d\\d \\N}}
    message = ${sg{$acl_m_gatepost}{\\N^action=|\\s+$\\N}{}}
.endif
"""


def main(site: Site) -> str:
    """The lists' domains and the macros: where gatepost answers, and by which way it is asked."""
    host, port = site.lmtp_endpoint
    lines = [
        f"domainlist gatepost_domains = {' : '.join(hosts(site.domains))}",
        "# Those that have lists alone, and no ordinary mailboxes.",
        f"domainlist gatepost_only_domains = {' : '.join(hosts_of_lists(site.domains))}",
        *_default("GATEPOST_LISTS", LIST_FILE),
        f"GATEPOST_LMTP_HOST = {host}",
        f"GATEPOST_LMTP_TCP_PORT = {port}",
        *_services(dialled(site.policy), dialled(site.socketmap)),
        *_transport(dialled(site.lmtp)),
    ]
    return "".join(f"{line}\n" for line in lines)


def routers(site: Site) -> str:
    """The routers, which belong before every router that could take mail for the lists' domains."""
    suffixes = " : ".join(f"-{name} : -{name}+*" for name in sorted(SUBADDRESSES))
    return _ROUTERS.replace("@SUFFIXES@", suffixes).replace("@OWNER@", site.owner)


def transports() -> str:
    """The transports."""
    return _TRANSPORTS


def _default(name: str, value: str) -> list[str]:
    """A macro that may have been defined before."""
    return [f".ifndef {name}", f"{name} = {value}", ".endif"]


def _services(policy: Dialled, tables: Dialled) -> list[str]:
    """Where the policy service and the live tables answer; the way without them where they do not."""
    asked, live = _socket(policy), _socket(tables)
    return [
        *([f"GATEPOST_POLICY = {asked}"] if asked else _default("GATEPOST_JUDGE_BY_CALLOUT", "yes")),
        *([f"GATEPOST_TABLES = {live}"] if live else _default("GATEPOST_ROUTE_BY_FILE", "yes")),
    ]


def _socket(where: Dialled) -> str:
    """A socket as `${readsocket` names it."""
    return f"inet:{where.tcp.bracketed}:{where.tcp.port}" if where.tcp else where.path or ""


def _transport(lmtp: Dialled) -> list[str]:
    """The transport: over a socket where TCP is not listened on, or where the macro has been set before."""
    return [
        *(_default("GATEPOST_LMTP_SOCKET", lmtp.path) if lmtp.path and not lmtp.tcp else []),
        "GATEPOST_TRANSPORT = gatepost_tcp",
        ".ifdef GATEPOST_LMTP_SOCKET",
        "GATEPOST_TRANSPORT == gatepost_unix",
        ".endif",
        "# Exim never calls out over a socket: it would take every address.",
        ".ifdef GATEPOST_JUDGE_BY_CALLOUT GATEPOST_ROUTE_BY_CALLOUT",
        "GATEPOST_TRANSPORT == gatepost_tcp",
        ".endif",
    ]
