"""The units that run gatepost under systemd (systemd.service(5), systemd.exec(5), systemd.socket(5)). No I/O here.

Rules: the service may write what the settings name, and nothing else. Folders below /var/lib, /var/log and /run belong
to systemd, which makes them for the service's user; any other must be there. No program is needed beside gatepost and
the shell, whose own `kill` does for reloading: a minimal system has no /bin/kill.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from gatepost_conf.pieces import Piece
from gatepost_conf.site import Site
from gatepost_service.sockets import ListenAddress

USER = "gatepost"
_FIRST_FREE_PORT = 1024
_MANAGED = {"/run": "RuntimeDirectory", "/var/lib": "StateDirectory", "/var/log": "LogsDirectory"}
_HOMES = ("/home", "/root", "/run/user")
_TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - nothing is made there
_UNIT = """\
[Unit]
Description=gatepost: may this sender post to this list?
After=network.target
Before=postfix.service exim4.service sendmail.service

[Service]
Type=notify
User={user}
ExecStart={command}
ExecReload=/bin/sh -c 'kill -HUP $MAINPID'
Restart=on-failure
WatchdogSec=30
TimeoutStopSec=10
{folders}UMask=0027
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome={home}
PrivateTmp={temporary}
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
CapabilityBoundingSet={capabilities}
AmbientCapabilities={capabilities}
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""
_SOCKETS = """\
[Unit]
Description=gatepost's listening sockets

[Socket]
{addresses}BindIPv6Only=ipv6-only
NoDelay=yes
Service=gatepost.service

[Install]
WantedBy=sockets.target
"""


def pieces(site: Site) -> list[Piece]:
    """The service's unit, and one for its TCP sockets."""
    commands = "then systemctl daemon-reload, systemctl enable --now"
    service = Piece(
        "gatepost.service",
        f"/etc/systemd/system/gatepost.service; {commands} gatepost.\n"
        f"The user {USER} must own the store; make it with: useradd --system --home-dir /var/lib/gatepost {USER}",
        _service(site),
    )
    listened = [each for each in (*site.policy, *site.socketmap, *site.lmtp) if not each.is_unix]
    if not listened:
        return [service]
    sockets = Piece(
        "gatepost.socket",
        f"may be left out: /etc/systemd/system/gatepost.socket; {commands} gatepost.socket.\n"
        "systemd then listens from the start of the machine on; gatepost opens the milter's and UNIX sockets itself",
        _SOCKETS.format(addresses="".join(f"ListenStream={str(each).removeprefix('inet:')}\n" for each in listened)),
    )
    return [service, sockets]


def _service(site: Site) -> str:
    command = [str(site.program), "--config", str(site.settings_file), "run"]
    listened = [*site.policy, *site.socketmap, *site.lmtp, *([site.milter] if site.milter else [])]
    sockets = [Path(each.path) for each in listened if each.is_unix]
    used = [site.program, site.settings_file, *site.written, *sockets]
    return _UNIT.format(
        user=USER,
        command=" ".join(_quoted(word.replace("$", "$$")) for word in command),
        folders=_folders([*site.written, *(path.parent for path in sockets)]),
        home="read-only" if _any_below(used, _HOMES) else "yes",
        temporary="no" if _any_below(used, _TEMPORARY) else "yes",
        capabilities=_capabilities(listened),
    )


def _folders(written: Iterable[Path]) -> str:
    """Who makes them: systemd, or nobody."""
    lines: dict[str, None] = {}
    for folder in written:
        for root, setting in _MANAGED.items():
            if folder.is_relative_to(root) and folder != Path(root):
                name = folder.relative_to(root)
                lines[f"{setting}={_quoted(str(name))}"] = None
                break
        else:
            lines[f"ReadWritePaths={_quoted(str(folder))}"] = None
    runtime = ["RuntimeDirectoryMode=0755"] if any(line.startswith("RuntimeDirectory=") for line in lines) else []
    return "".join(f"{line}\n" for line in (*lines, *runtime))


def _any_below(paths: Iterable[Path], folders: Iterable[str]) -> bool:
    folders = tuple(folders)
    return any(path.is_relative_to(folder) for path in paths for folder in folders)


def _capabilities(listened: Iterable[ListenAddress]) -> str:
    """None, but for privileged ports and for sockets that are given to another user."""
    listened = list(listened)
    names = ["CAP_CHOWN"] if any(each.owner for each in listened) else []
    if any(not each.is_unix and each.port < _FIRST_FREE_PORT for each in listened):
        names.append("CAP_NET_BIND_SERVICE")
    return " ".join(names)


def _quoted(word: str) -> str:
    """A word as systemd reads it: `%` begins a specifier, what no line can hold is escaped as in C."""
    escaped = re.sub(r'[\\"\x00-\x1f\x7f]', lambda found: f"\\x{ord(found[0]):02x}", word).replace("%", "%%")
    return escaped if escaped == word and not re.search(r"[\s']", word) else f'"{escaped}"'
