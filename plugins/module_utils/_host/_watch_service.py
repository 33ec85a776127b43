# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The callers watch as a service of the host: its unit, and how it is started, renewed and ended. Private to the collection."""

from __future__ import annotations

import os
import shutil
import typing as t

from .._callers._vocabulary import STATE_DIRECTORY
from ._managed_files import Entry, Link, file
from ._subprocess import HostError, has_systemd, is_active, run, systemctl

UNIT = "alicloud-imds-watch.service"
PATH = "/etc/systemd/system/" + UNIT
_WANTED_BY = "/etc/systemd/system/multi-user.target.wants/" + UNIT

_SERVICE = """\
# Written by the Ansible collection alicloud.imds.
[Unit]
Description=Who uses the ECS instance metadata service, and in which mode
Documentation=https://github.com/alicloud-imds/alicloud.imds
# Early, so that it also sees what asks at boot, such as cloud-init.
DefaultDependencies=no
After=local-fs.target systemd-tmpfiles-setup.service
Wants=network-pre.target
Before=network-pre.target cloud-init-local.service cloud-init.service shutdown.target
Conflicts=shutdown.target
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart=%(program)s watch
Restart=always
RestartSec=5
StateDirectory=%(state)s
StateDirectoryMode=0700
UMask=0077

# It runs at once when a process connects, which may live for a millisecond, and steps back when it uses much.
Nice=-20
LimitNICE=-20
MemoryMax=256M
TasksMax=8
LimitMEMLOCK=infinity
LimitCORE=0

# NET_RAW captures; BPF loads the programs that tell who connects, PERFMON lets them tell its name, NET_ADMIN attaches them;
# SYS_PTRACE reads executables.
CapabilityBoundingSet=CAP_NET_RAW CAP_NET_ADMIN CAP_BPF CAP_PERFMON CAP_SYS_PTRACE
# It can open no connection: IP sockets are not allowed.
RestrictAddressFamilies=AF_PACKET AF_NETLINK AF_UNIX
SystemCallFilter=@system-service setpriority bpf
SystemCallFilter=~@mount @clock @module @raw-io @reboot @swap @obsolete @debug @cpu-emulation
SystemCallErrorNumber=EPERM
SystemCallArchitectures=native
DevicePolicy=closed
KeyringMode=private
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=strict
RemoveIPC=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes

[Install]
WantedBy=multi-user.target
"""


def files(program: str) -> t.Dict[str, Entry]:
    """The unit, which runs *program*, and what makes systemd start it at boot."""
    text = _SERVICE % {"program": program, "state": os.path.basename(STATE_DIRECTORY)}
    return {PATH: file(text), _WANTED_BY: Link(PATH)}


def is_running() -> bool:
    return is_active(UNIT)


def end() -> None:
    """Stop it, before its files go; what it has counted goes as well."""
    if has_systemd():
        run("systemctl", "stop", UNIT)
        run("systemctl", "reset-failed", UNIT)
    shutil.rmtree(STATE_DIRECTORY, ignore_errors=True)


def renew() -> None:
    """Have systemd know the unit and run it, with the present files; raise HostError."""
    systemctl("daemon-reload")
    if not has_systemd():
        return
    if run("systemctl", "restart", UNIT).status != 0:
        said = run("journalctl", "--unit=" + UNIT, "--lines=5", "--output=cat", "--no-pager").output
        raise HostError(
            "The callers watch does not start: %s. Set 'watch' (the role's hardening_watch) to false to do without."
            % (" ".join(said.split())[-600:] or "see journalctl -u " + UNIT)
        )
