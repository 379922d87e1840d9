"""Everything that an Exim needs, as pieces: one whole file, and the same blocks for Debian's split configuration.

No I/O here.
"""

from __future__ import annotations

from gatepost_conf.exim import blocks
from gatepost_conf.exim.list_file import list_file
from gatepost_conf.names import hosts_of_lists
from gatepost_conf.pieces import Piece
from gatepost_conf.site import Site

_WHOLE = """\
primary_hostname = {hostname}
qualify_domain = {origin}
{main}hostlist gatepost_own_hosts = <; 127.0.0.1 ; ::1
acl_smtp_rcpt = acl_gatepost_rcpt
acl_smtp_data = acl_gatepost_data

begin acl

acl_gatepost_rcpt:
  accept
    hosts = :
  deny
    domains = !+gatepost_domains
    !hosts = +gatepost_own_hosts
    message = relay not permitted
  accept
    domains = +gatepost_domains
    local_parts = postmaster
  require
    verify = recipient
{rcpt_acl}  accept

acl_gatepost_data:
{data_acl}  accept

begin routers

{routers}
elsewhere:
  driver = dnslookup
  domains = !+gatepost_domains
  transport = elsewhere
  ignore_target_hosts = <; 0.0.0.0 ; 127.0.0.0/8 ; ::1
  no_more

begin transports

{transports}
elsewhere:
  driver = smtp

begin retry

* * F,2h,15m; G,16h,1h,1.5; F,4d,6h
"""
_INCLUDES = """\
.ifndef CHECK_RCPT_LOCAL_ACL_FILE
CHECK_RCPT_LOCAL_ACL_FILE = /etc/exim4/gatepost_rcpt_acl
.endif
.ifndef CHECK_DATA_LOCAL_ACL_FILE
CHECK_DATA_LOCAL_ACL_FILE = /etc/exim4/gatepost_data_acl
.endif
"""
_WAYS = """\
By default Exim asks the live tables which lists there are, and the policy service who may post.
GATEPOST_ROUTE_BY_FILE = yes looks the lists up in gatepost_lists, GATEPOST_ROUTE_BY_CALLOUT = yes not at all;
GATEPOST_JUDGE_BY_CALLOUT = yes asks the LMTP receiver who may post;
GATEPOST_LMTP_SOCKET = /PATH delivers over a UNIX socket. Define them before this: {where}."""


def pieces(site: Site) -> list[Piece]:
    """Everything for Exim: the whole file, Debian's files, and the file of lists."""
    return [
        Piece(
            "exim.conf",
            "one whole file, for an Exim that serves lists alone; /etc/exim4/exim4.conf on Debian.\n"
            + _WAYS.format(where="at its top, or by exim -D"),
            _whole(site),
        ),
        *_debian(site),
        _list_file(site),
    ]


def warnings(site: Site) -> list[str]:
    """A line for each list that Exim cannot look up in a file."""
    return [f"left out of gatepost_lists, Exim cannot look it up: {name!a}" for name in list_file(site.domains)[1]]


def _whole(site: Site) -> str:
    return _WHOLE.format(
        hostname=site.hostname,
        origin=site.origin,
        main=blocks.main(site),
        rcpt_acl=blocks.RCPT_ACL,
        data_acl=blocks.DATA_ACL,
        routers=blocks.routers(site),
        transports=blocks.transports(),
    )


def _debian(site: Site) -> list[Piece]:
    hosts = hosts_of_lists(site.domains)
    split = "for Debian's split configuration: /etc/exim4/conf.d"
    return [
        Piece(
            "debian.main",
            f"{split}/main/15_gatepost\n" + _WAYS.format(where="in conf.d/main/000_localmacros"),
            blocks.main(site) + _INCLUDES,
        ),
        Piece("debian.router", f"{split}/router/090_gatepost; before every other router", blocks.routers(site)),
        Piece("debian.transport", f"{split}/transport/30_gatepost", blocks.transports()),
        Piece("gatepost_rcpt_acl", "for Debian: /etc/exim4/gatepost_rcpt_acl; debian.main names it", blocks.RCPT_ACL),
        Piece("gatepost_data_acl", "for Debian: /etc/exim4/gatepost_data_acl; debian.main names it", blocks.DATA_ACL),
        Piece(
            "local_rcpt_callout",
            "for Debian, with GATEPOST_ROUTE_BY_CALLOUT: /etc/exim4/local_rcpt_callout; add it to what stands there",
            "".join(f"*@{host}\n" for host in hosts),
        ),
        Piece(
            "update-exim4.conf.conf",
            "for Debian: add these domains to what stands in dc_relay_domains of\n"
            "/etc/exim4/update-exim4.conf.conf, then run update-exim4.conf and restart Exim",
            f"dc_relay_domains='{' : '.join(hosts)}'\n",
        ),
    ]


def _list_file(site: Site) -> Piece:
    comment = f"with GATEPOST_ROUTE_BY_FILE: {blocks.LIST_FILE}; write it anew when lists come and go"
    return Piece("gatepost_lists", comment, list_file(site.domains)[0])
