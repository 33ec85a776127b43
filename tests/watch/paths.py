# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The methods of attribution, and the commands before the watch that force each of them.

The kernel here has all methods. Others are forced by what the watch finds, not by a switch of the watch: system calls that fail, and
file systems that are not mounted.
"""

from __future__ import annotations

import sys
from pathlib import Path

REFUSE = (sys.executable, str(Path(__file__).resolve().parent / "clients/refuse.py"))

# The laboratory has a PID namespace of its own. On a real host the watch runs in the initial one, so show it that one, too.
HOST_PROC = "umount --lazy /proc; mkdir -p /run/host-proc; mount --rbind /proc /run/host-proc; mount -t proc proc /proc"
NO_CGROUP2 = "for place in $(awk '$3 == \"cgroup2\" {print $2}' /proc/self/mounts); do umount --lazy $place; done"


def after(script: str) -> tuple[str, ...]:
    """Return a command prefix that runs *script* in a mount namespace of its own first."""
    return ("unshare", "--mount", "--propagation", "private", "sh", "-c", script + '; exec "$@"', "sh")


METHODS: dict[str, tuple[str, ...]] = {
    "bpf": (),
    "bpf, private cgroup2": after(NO_CGROUP2),
    "tracepoint": (*after(HOST_PROC), *REFUSE, "bpf"),
    "sockets": (*REFUSE, "bpf,mount"),
}
ATTRIBUTION = {"bpf": "connect", "bpf, private cgroup2": "connect", "tracepoint": "tracepoint", "sockets": "socket"}
EXACT = [method for method in METHODS if method != "sockets"]
