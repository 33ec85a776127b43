# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find or mount the pseudo file systems that the callers watch needs, and drop the privilege to mount.

Where the host has not mounted cgroup2 or tracefs, the watch mounts it in a mount namespace of its own and detaches it at once. The
mount is reachable by its descriptor only, and ends with the watch.
"""

import ctypes
import os
import struct
import typing as t

from ._proc import INITIAL_PID_NAMESPACE, namespace

_NEW_MOUNT_NAMESPACE = 0x20000  # CLONE_NEWNS
_NO_SUID_DEV_EXEC, _RECURSIVE, _SLAVE = 2 | 4 | 8, 0x4000, 0x80000  # MS_*
_DETACH = 2  # MNT_DETACH
_MOUNT_POINTS = ("/sys/kernel/tracing", "/sys/fs/cgroup", "/mnt", "/tmp")  # any directory serves for a moment
_CAPABILITIES_VERSION, _SYS_ADMIN = 0x20080522, 21


def mounted(kind: str, mounts: str = "/proc/self/mounts") -> t.List[str]:
    """Return the mount points of file systems of this *kind*, such as ``cgroup2``."""
    return [mount.path for mount in _mounts(mounts) if mount.kind == kind]


def cgroup_roots(mounts: str = "/proc/self/mounts") -> t.Dict[str, str]:
    """Return the mount points of control groups, by hierarchy: a controller, ``name=systemd``, or empty for version 2."""
    roots: t.Dict[str, str] = {}
    for mount in _mounts(mounts):
        if mount.kind == "cgroup2":
            roots.setdefault("", mount.path)
        elif mount.kind == "cgroup":
            for option in mount.options:
                roots.setdefault(option, mount.path)
    return roots


def initial_proc(mounts: str = "/proc/self/mounts") -> t.Optional[str]:
    """Return the mount point of a proc file system that shows the initial PID namespace, or None."""
    if namespace("/proc", "self", "pid") == INITIAL_PID_NAMESPACE:
        return "/proc"
    for path in mounted("proc", mounts):
        # The first two processes of a proc file system belong to its own namespace: init, and kthreadd in the initial one.
        if any(namespace(path, pid, "pid") == INITIAL_PID_NAMESPACE for pid in ("1", "2")):
            return path
    return None


def mount_privately(kind: str) -> str:
    """Mount a file system of this *kind* where no other process sees it; return its path. Raises OSError.

    Call this before any thread is started: the mount namespace is that of the calling thread.
    """
    library = ctypes.CDLL(None, use_errno=True)
    _checked(library.unshare(_NEW_MOUNT_NAMESPACE), "unshare")
    _checked(library.mount(b"none", b"/", None, ctypes.c_ulong(_RECURSIVE | _SLAVE), None), "mount")
    place = os.fsencode(next((path for path in _MOUNT_POINTS if os.path.isdir(path)), "/"))
    name = kind.encode("ascii")
    _checked(library.mount(name, place, name, ctypes.c_ulong(_NO_SUID_DEV_EXEC), None), "mount")
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        library.umount2(place, _DETACH)
    return "/proc/self/fd/%d" % descriptor


def drop_mount_privilege() -> None:
    """Drop CAP_SYS_ADMIN, which only mounting needs. Without it, do nothing."""
    library = ctypes.CDLL(None, use_errno=True)
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITIES_VERSION, 0), 8)
    data = ctypes.create_string_buffer(24)
    if library.capget(header, data) != 0:
        return
    words = list(struct.unpack("=6I", data.raw))  # effective, permitted, inheritable; each lower, then upper half
    kept = [word & ~(1 << _SYS_ADMIN) if at < 3 else word for at, word in enumerate(words)]
    if kept != words:
        library.capset(header, ctypes.create_string_buffer(struct.pack("=6I", *kept), 24))


class _Mount(t.NamedTuple):
    """A line of /proc/self/mounts."""

    path: str
    kind: str
    options: t.List[str]


def _mounts(path: str) -> t.List[_Mount]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            lines = [line.split(" ") for line in stream]
    except OSError:
        return []
    return [_Mount(line[1], line[2], line[3].split(",")) for line in lines if len(line) > 3]


def _checked(result: int, call: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, "%s: %s" % (call, os.strerror(number)))
