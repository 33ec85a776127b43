# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find network devices whose packets do not pass the fence. Devices inside containers are not visible on the host."""

import os
import typing as t

_NET = "/sys/class/net"
_MODULES = "/proc/modules"
# Kernel modules of devices whose packets go to a network card without the IP layer of the host.
_BYPASSING = ("ipvlan", "ipvtap", "macvlan", "macvtap")


def past_the_ip_layer() -> t.List[str]:
    """Return signs of devices whose packets only the egress hook of a network card sees."""
    found = ["the kernel module %s is loaded" % name for name in _loaded_modules() if name in _BYPASSING]
    for name in _devices():
        if _is_card(name) and os.path.isdir(os.path.join(_NET, name, "brport")):
            found.append("the network card %s is a port of a bridge" % name)
    return found


def past_the_host() -> t.List[str]:
    """Return signs of devices whose packets no hook of this host sees."""
    found = []
    for name in _devices():
        number = _read(os.path.join(_NET, name, "device", "sriov_numvfs")).strip()
        if number.isdigit() and int(number) > 0:
            found.append("the network card %s has %s virtual functions (SR-IOV)" % (name, number))
    return found


def _devices() -> t.List[str]:
    try:
        return sorted(os.listdir(_NET))
    except OSError:
        return []


def _is_card(name: str) -> bool:
    return os.path.exists(os.path.join(_NET, name, "device"))


def _loaded_modules() -> t.List[str]:
    return sorted(line.split(" ", 1)[0] for line in _read(_MODULES).splitlines())


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""
