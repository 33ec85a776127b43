# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Install, restart and remove the systemd service of the callers watch."""

import os
import re
import shutil
import typing as t

from .._callers._vocabulary import STATE_DIRECTORY
from ._managed_files import Entry, Link, file
from ._subprocess import HostError, has_systemd, is_active, run, systemctl

UNIT = "alicloud-imds-watch.service"
PATH = "/etc/systemd/system/" + UNIT
_WANTED_BY = "/etc/systemd/system/multi-user.target.wants/" + UNIT
_OLDEST_SYSTEMD = 239
# What ProtectHome=yes hides
_HOMES = ("/root/", "/home/", "/run/user/")

_SERVICE = """\
# Written by the Ansible collection alicloud.imds.
[Unit]
Description=Recorder of callers of the ECS instance metadata service
Documentation=https://github.com/alicloud-imds/alicloud.imds
# Start early, to record callers at boot such as cloud-init.
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

# A process that connects may live for a millisecond only, so the watch must run at once. It lowers its priority under load.
Nice=-20
LimitNICE=-20
MemoryMax=256M
TasksMax=8
LimitMEMLOCK=infinity
LimitCORE=0

# NET_RAW: capture packets. BPF: load the programs that attribute connections. PERFMON: let them read the process name.
# NET_ADMIN: attach them. SYS_PTRACE: read the paths of executables.
CapabilityBoundingSet=CAP_NET_RAW CAP_NET_ADMIN CAP_BPF CAP_PERFMON CAP_SYS_PTRACE
# Without IP sockets it cannot open a connection.
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
ProtectHome=%(home)s
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


def files(program: str, python: str) -> t.Dict[str, Entry]:
    """Return the unit, which runs *program*, and the link that makes systemd start it at boot, by path.

    *python* is the interpreter that *program* uses. Only if it is in a home directory, home directories are visible.
    """
    home = "read-only" if python.startswith(_HOMES) else "yes"
    text = _SERVICE % {"program": program, "state": os.path.basename(STATE_DIRECTORY), "home": home}
    return {PATH: file(text), _WANTED_BY: Link(PATH)}


def check_host() -> None:
    """Check that systemd can run the unit.

    Raises:
        HostError: It is older than the oldest supported version.
    """
    if not has_systemd():
        return
    version = re.match(r"systemd (\d+)", run("systemctl", "--version").output)
    if version and int(version.group(1)) < _OLDEST_SYSTEMD:
        raise HostError(
            "The callers watch needs systemd %d or later, and this host has %s. To install the command without it, set"
            " 'watch' (the role's hardening_watch) to false." % (_OLDEST_SYSTEMD, version.group(1))
        )


def is_running() -> bool:
    """Return whether systemd reports the watch as active."""
    return is_active(UNIT)


def stop() -> None:
    """Stop the watch and delete its records. Call it before its files are removed."""
    if has_systemd():
        run("systemctl", "stop", UNIT)
        run("systemctl", "reset-failed", UNIT)
    shutil.rmtree(STATE_DIRECTORY, ignore_errors=True)


def restart() -> None:
    """Reload the unit and start the watch with the present files, or only reload it if systemd is not process 1.

    Raises:
        HostError: The watch does not start.
    """
    systemctl("daemon-reload")
    if not has_systemd():
        return
    if run("systemctl", "restart", UNIT).status != 0:
        log = run("journalctl", "--unit=" + UNIT, "--lines=5", "--output=cat", "--no-pager").output
        raise HostError(
            "Cannot start the callers watch: %s. To install the command without it, set 'watch' (the role's"
            " hardening_watch) to false." % (" ".join(log.split())[-600:] or "see journalctl -u " + UNIT)
        )
