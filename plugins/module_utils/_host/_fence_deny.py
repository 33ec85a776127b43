# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check that units can be denied access by IPAddressDeny=: that they exist, and that this host enforces the setting."""

import os
import socket
import sys
import typing as t

from . import _fence_rules as _rules
from ._subprocess import HostError, find, has_systemd, run, summary

_OPTION = "'deny_services' (the role's hardening_fence_services)"
_CGROUPS = "/sys/fs/cgroup"
_MOUNTS = "/proc/self/mountinfo"
_UNIT_DIRECTORIES = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
# systemd creates these without a file.
_WITHOUT_FILE = (".slice", ".scope")
_CONNECTED = 3
# As an argument of `python -I -c`: try to connect to a port of this host.
_CONNECT = (
    "import socket, sys\n"
    "try:\n"
    "    socket.create_connection(('127.0.0.1', int(sys.argv[1])), 1).close()\n"
    "except OSError:\n"
    "    sys.exit(0)\n"
    "sys.exit(%d)\n" % _CONNECTED
)


def require_units(units: t.Sequence[str]) -> None:
    """Raise HostError if one of *units* is not the name of a unit, or does not exist on this host."""
    for unit in units:
        try:
            _rules.check_unit_name(unit)
        except ValueError as exc:
            raise HostError(str(exc)) from exc
    missing = [unit for unit in units if not _exists(unit)]
    if missing:
        raise HostError(
            "There is no unit %s on this host, so nothing would be denied. Correct %s." % (", ".join(missing), _OPTION)
        )


def _exists(unit: str) -> bool:
    if "@." in unit or not has_systemd():
        prefix, at, _instance = unit.partition("@")
        template = prefix + at + os.path.splitext(unit)[1] if at else unit
        return unit.endswith(_WITHOUT_FILE) or any(
            os.path.exists(os.path.join(directory, name))
            for directory in _UNIT_DIRECTORIES
            for name in (unit, template)
        )
    done = run("systemctl", "show", "--property=LoadState", "--", unit)
    state = done.output.strip().partition("=")[2]
    if done.status != 0 or not state:
        raise HostError("Cannot find out whether the unit %s exists: %s" % (unit, summary(done)))
    return state != "not-found"


def require_cgroup2() -> None:
    """Raise HostError if systemd does not manage units in control groups v2: it then ignores IPAddressDeny=."""
    if not has_systemd():
        return
    try:
        with open(_MOUNTS, encoding="utf-8", errors="replace") as stream:
            mounts = [line.split() for line in stream]
    except OSError as exc:
        raise HostError("Cannot read %s: %s." % (_MOUNTS, exc.strerror)) from exc
    for fields in mounts:
        # fields: ID, parent, device, root, mount point, options, optional fields, "-", type, source, options
        kind = fields[fields.index("-") + 1] if "-" in fields[:-1] else ""
        if kind == "cgroup2" and (fields[4] + "/").startswith(_CGROUPS + "/"):
            return
    raise HostError(
        "%s needs control groups v2, and this host uses version 1 (no file system cgroup2 below %s), where systemd ignores"
        " IPAddressDeny=. Remove the option, or start the host with the kernel option systemd.unified_cgroup_hierarchy=1."
        % (_OPTION, _CGROUPS)
    )


def require_enforcement() -> None:
    """Raise HostError if IPAddressDeny= has no effect, or if that cannot be found out.

    If the kernel does not support it, systemd only logs a line and starts the unit anyway. So this starts a unit that may not
    connect to a listener of this process, and lets it try.
    """
    if not has_systemd():
        return
    if find("systemd-run") is None:
        raise HostError(
            "Cannot check IPAddressDeny=: there is no program systemd-run on this host. Remove %s." % _OPTION
        )
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        connect = (sys.executable, "-I", "-c", _CONNECT, str(listener.getsockname()[1]))
        wait = ("systemd-run", "--quiet", "--collect", "--wait")
        done = run(*(wait + ("-p", "IPAddressDeny=127.0.0.1/32") + connect))
    if done.status == _CONNECTED:
        raise HostError(
            "systemd on this host does not enforce IPAddressDeny= (the kernel or the container does not permit the BPF"
            " program). Remove %s." % _OPTION
        )
    if done.status != 0:
        raise HostError("Cannot check IPAddressDeny=: systemd-run failed: %s. Remove %s." % (summary(done), _OPTION))
