"""What Sendmail needs: lines for sendmail.mc, and mailertable entries (cf/README, the Operation Guide).

Either the milter or the socket map asks the judge; the LMTP mailer brings the mail. No I/O here.

Where the headers are to count only the milter is printed, since the map is asked before them; where pymilter is missing
only the map is.
"""

from __future__ import annotations

from gatepost_conf.asking import door_to_ask, troubles
from gatepost_conf.dialling import Dialled, Tcp, dialled
from gatepost_conf.names import hosts_of_lists
from gatepost_conf.pieces import Piece
from gatepost_conf.site import Site

_MAKE = "then, as root: make -C /etc/mail, and restart Sendmail"
_BEFORE = f"for sendmail.mc, before the MAILER lines; {_MAKE}"
_BEHIND = f"for sendmail.mc, behind the MAILER lines; {_MAKE}"
# z speaks LMTP, m takes many recipients in one transaction, X doubles dots, u keeps the case, k allows our own host
# name in the greeting, 8 leaves eight-bit text alone, D, F and M add the headers that every message must have.
_FLAGS = "mDFMuXzk8"


def pieces(site: Site) -> list[Piece]:
    """Everything for Sendmail."""
    return [
        *_asking(site),
        Piece("lists.mc", f"the lists' domains; {_BEFORE}", _domains(site)),
        Piece("mailers.mc", f"the LMTP mailer; {_BEHIND}", _mailers(site)),
        _mailer_table(site),
    ]


def warnings(site: Site) -> list[str]:
    """What somebody should know of what is asked."""
    milter, table = _sockets(site)
    return list(troubles(site, door_to_ask(bool(table), bool(milter), site.milter_stage)))


def _asking(site: Site) -> list[Piece]:
    """The milter, the socket map, or one of them to choose."""
    milter, table = _sockets(site)
    by_headers = milter is not None and site.milter_stage == "headers"
    found = [_milter(milter, by_headers)] if milter else []
    if table and not by_headers:
        found.append(_socket_map(table, bool(milter), site.milter is not None and not site.has_pymilter))
    return found


def _sockets(site: Site) -> tuple[Dialled | None, Dialled | None]:
    """The milter's and the socket map's, None for what cannot answer."""
    milter = dialled([site.milter] if site.milter and site.has_pymilter else [])
    table = dialled(site.socketmap)
    return milter if _socket(milter) else None, table if _socket(table) else None


def _milter(where: Dialled, alone: bool) -> Piece:
    filters = f"INPUT_MAIL_FILTER(`gatepost', `S={_socket(where)}, F=T, T=C:10s;S:10s;R:30s;E:30s')dnl\n"
    how = "by the headers too, which a socket map is not shown" if alone else "asked of the milter"
    return Piece("milter.mc", f"who may post, {how}; {_BEFORE}", _sockets_note(where) + filters)


def _socket_map(where: Dialled, beside_milter: bool, no_pymilter: bool) -> Piece:
    """Without -T an answer that cannot be had now would be a permanent refusal."""
    lines = [
        "LOCAL_CONFIG",
        f"Kverdict socket -T<TMPF> {_socket(where)}",
        "LOCAL_RULESETS",
        "SLocal_check_rcpt",
        "R$*\t\t\t\t$: $(verdict $&f | $1 $: NONE $)",
        'R$* <TMPF>\t\t\t$#error $@ 4.3.0 $: "451 cannot tell now, try again later"',
        "R$- $- . $- . $- $*\t\t$#error $@ $2.$3.$4 $: $1 $5",
    ]
    if beside_milter:
        comment = "the same without a milter, by the socket map: one of the two is enough"
    elif no_pymilter:
        comment = "who may post, asked by the socket map; no milter, as pymilter is not installed here (docs/milter.md)"
    else:
        comment = "who may post, asked by the socket map"
    return Piece(
        "verdict.mc",
        f"{comment}; {_BEHIND}.\nBehind SLocal_check_rcpt the columns are parted by tabs",
        _sockets_note(where) + "".join(f"{line}\n" for line in lines),
    )


def _domains(site: Site) -> str:
    relayed = "".join(f"RELAY_DOMAIN(`{host}')dnl\n" for host in hosts_of_lists(site.domains))
    return f"FEATURE(`mailertable')dnl\n{relayed}"


def _mailers(site: Site) -> str:
    """A mailer over TCP, and one over a socket where there is one."""
    path = dialled(site.lmtp).path
    mailers = [_mailer(site.lmtp_service, f"TCP $h {site.lmtp_endpoint[1]}")]
    if path:
        mailers.append(_mailer(f"{site.lmtp_service}unix", f"FILE {path}"))
    return "MAILER_DEFINITIONS\n" + "".join(mailers)


def _mailer(name: str, arguments: str) -> str:
    return (
        f"M{name},\tP=[IPC], F={_FLAGS}, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\\r\\n, L=990,\n"
        f"\t\tT=DNS/RFC822/SMTP,\n\t\tA={arguments}\n"
    )


def _mailer_table(site: Site) -> Piece:
    where = dialled(site.lmtp)
    name = site.lmtp_service  # the live mailertable names it so
    to = f"{name}unix:localhost" if where.path and not where.tcp else f"{name}:{_literal(site.lmtp_endpoint[0])}"
    shared = [each.domain.mail_host for each in site.domains if each.domain.shared]
    named = [
        f"left out, as Sendmail has no mailertable for domains with mailboxes of its own: {host}" for host in shared
    ]
    return Piece(
        "mailertable",
        "\n".join(["lines for /etc/mail/mailertable; then, as root: make -C /etc/mail", *named]),
        "".join(f"{host}\t{to}\n" for host in hosts_of_lists(site.domains)),
    )


def _socket(where: Dialled) -> str:
    """A socket as Sendmail writes it: the port first."""
    if where.tcp:
        return f"{_family(where.tcp)}:{where.tcp.port}@{where.tcp.host}"
    return f"local:{where.path}" if where.path else ""


def _family(tcp: Tcp) -> str:
    return "inet6" if ":" in tcp.host else "inet"


def _literal(host: str) -> str:
    """A host in brackets: its mail exchangers are not looked up."""
    return f"[IPv6:{host}]" if ":" in host else f"[{host}]"


def _sockets_note(where: Dialled) -> str:
    if where.tcp or not where.path:
        return ""
    return (
        "dnl Sendmail closes a socket below a folder that others may write to, and says nothing. If it must be there:\n"
        "dnl define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit')dnl\n"
    )
