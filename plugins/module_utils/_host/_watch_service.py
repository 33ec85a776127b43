# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Install, restart and remove the systemd service of the callers watch.

The unit has only the directives that the host's systemd knows, so that it logs no warning, and only the privileges that the method of
attribution needs on this host.
"""

import os
import re
import shutil
import typing as t

from .._callers._vocabulary import STATE_DIRECTORY
from .._watch._bpf import is_available
from .._watch._mounts import mounted
from .._watch._tracepoint import remove_instances
from ._managed_files import Entry, Link, file
from ._subprocess import HostError, find, has_systemd, is_active, run, systemctl

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
# The nice value counts within this unit only, and the weight among units. The watch cannot lower the weight, so it rests instead.
Nice=-20
LimitNICE=-20
CPUWeight=10000
# No flood of requests may take more of the host: beyond these limits the watch loses requests, and reports the loss.
MemoryMax=256M
CPUQuota=100%%
TasksMax=8
LimitMEMLOCK=infinity
LimitCORE=0

# NET_RAW: capture packets. BPF: load the programs that attribute connections. PERFMON: let them read the process name.
# NET_ADMIN: attach them. SYS_PTRACE: read the paths of executables.
# SYS_ADMIN, where it is: mount cgroup2 or tracefs in a namespace of the service. The watch drops it before it captures packets.
CapabilityBoundingSet=%(capabilities)s
# Without IP sockets it cannot open a connection.
RestrictAddressFamilies=AF_PACKET AF_NETLINK AF_UNIX
SystemCallFilter=@system-service setpriority bpf%(mount)s
SystemCallFilter=~%(no_mount)s@clock @module @raw-io @reboot @swap @obsolete @debug @cpu-emulation
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
RestrictNamespaces=%(namespaces)s
RestrictRealtime=yes
RestrictSUIDSGID=yes

[Install]
WantedBy=multi-user.target
"""


# The first version of systemd that knows a directive. All others are known by _OLDEST_SYSTEMD.
_SINCE = {"ProtectHostname": 242, "RestrictSUIDSGID": 242, "ProtectKernelLogs": 244, "ProtectClock": 245}
_NAMES_OF_BPF_SINCE = 247
_CAPABILITIES = ("CAP_NET_RAW", "CAP_NET_ADMIN", "CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE")
# All capabilities that every supported systemd knows, in the order of their numbers.
_KNOWN = """CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID CAP_SETUID CAP_SETPCAP
    CAP_LINUX_IMMUTABLE CAP_NET_BIND_SERVICE CAP_NET_BROADCAST CAP_NET_ADMIN CAP_NET_RAW CAP_IPC_LOCK CAP_IPC_OWNER CAP_SYS_MODULE
    CAP_SYS_RAWIO CAP_SYS_CHROOT CAP_SYS_PTRACE CAP_SYS_PACCT CAP_SYS_ADMIN CAP_SYS_BOOT CAP_SYS_NICE CAP_SYS_RESOURCE CAP_SYS_TIME
    CAP_SYS_TTY_CONFIG CAP_MKNOD CAP_LEASE CAP_AUDIT_WRITE CAP_AUDIT_CONTROL CAP_SETFCAP CAP_MAC_OVERRIDE CAP_MAC_ADMIN CAP_SYSLOG
    CAP_WAKE_ALARM CAP_BLOCK_SUSPEND CAP_AUDIT_READ""".split()


class Traits(t.NamedTuple):
    """What the unit depends on: the version of systemd, and whether the watch has to mount file systems."""

    systemd: int
    mounts: bool


def traits() -> Traits:
    """Return the traits of this host. An image without systemd is likely to get a new one."""
    return Traits(_systemd_version() or 1000, not (mounted("cgroup2") and is_available()))


def check_host() -> None:
    """Check that systemd can run the unit.

    Raises:
        HostError: It is older than the oldest supported version.
    """
    version = _systemd_version()
    if has_systemd() and version is not None and version < _OLDEST_SYSTEMD:
        raise HostError(
            "The callers watch needs systemd %d or later, and this host has %d. To install the command without it, set"
            " 'watch' to false (the role's hardening_watch to off)." % (_OLDEST_SYSTEMD, version)
        )


def _systemd_version() -> t.Optional[int]:
    """Return the version of systemd, or None if it is not installed or has none."""
    match = re.match(r"systemd (\d+)", run("systemctl", "--version").output) if find("systemctl") else None
    return int(match.group(1)) if match else None


def unit(program: str, python: str, host: Traits) -> str:
    """Return the unit that runs *program* with the interpreter *python* on a host with these traits.

    Only if the interpreter is in a home directory, home directories are visible.
    """
    text = _SERVICE % {
        "program": program,
        "home": "read-only" if python.startswith(_HOMES) else "yes",
        "state": os.path.basename(STATE_DIRECTORY),
        "capabilities": _bounding_set(host),
        "mount": " @mount" if host.mounts else "",
        "no_mount": "" if host.mounts else "@mount ",
        "namespaces": "mnt" if host.mounts else "yes",
    }
    unknown = tuple(name + "=" for name, since in _SINCE.items() if host.systemd < since)
    return "".join(line for line in text.splitlines(True) if not line.startswith(unknown))


def _bounding_set(host: Traits) -> str:
    """Return the value of CapabilityBoundingSet.

    Older systemd knows neither the names nor the numbers of CAP_BPF and CAP_PERFMON. It then gets the list of those to drop, which is
    shorter by the ones that it does not know.
    """
    wanted = [*_CAPABILITIES, *(["CAP_SYS_ADMIN"] if host.mounts else [])]
    if host.systemd >= _NAMES_OF_BPF_SINCE:
        return " ".join(wanted)
    return "~" + " ".join(name for name in _KNOWN if name not in wanted)


def files(program: str, python: str) -> t.Dict[str, Entry]:
    """Return the unit, and the link that makes systemd start it at boot, by path. *python* is the interpreter that *program* uses."""
    return {PATH: file(unit(program, python, traits())), _WANTED_BY: Link(PATH)}


def is_installed() -> bool:
    """Return whether the unit is installed."""
    return os.path.lexists(PATH)


def is_running() -> bool:
    """Return whether systemd reports the watch as active."""
    return is_active(UNIT)


def stop() -> None:
    """Stop the watch and delete its records. Call it before its files are removed."""
    if has_systemd():
        run("systemctl", "stop", UNIT)
        run("systemctl", "reset-failed", UNIT)
    shutil.rmtree(STATE_DIRECTORY, ignore_errors=True)
    for tracefs in mounted("tracefs"):
        remove_instances(tracefs)  # that of a watch that was killed


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
            "Cannot start the callers watch: %s. To install the command without it, set 'watch' to false (the role's"
            " hardening_watch to off)." % (" ".join(log.split())[-600:] or "see journalctl -u " + UNIT)
        )
