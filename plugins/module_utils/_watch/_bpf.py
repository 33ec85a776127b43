# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Load the BPF programs, attach them to a control group, and read the events that they report.

The kernel removes the programs when this process ends. They neither delay nor refuse connections.
"""

import errno
import mmap
import os
import socket
import struct
import sys
import typing as t

from . import _bpf_parts as parts
from . import _bpf_programs as programs
from ._bpf_call import LINK_CREATE, MAP_CREATE, Call, Descriptors, bpf, has_number, load
from ._bpf_ring import RINGBUF_MAP, Ring
from ._events import Connect, Established
from ._proc import INITIAL_PID_NAMESPACE

_ARRAY_MAP, _LRU_HASH_MAP = 2, 9
_CAN_BE_MAPPED = 1 << 10  # BPF_F_MMAPABLE
_KNOWN_PROCESSES = _KNOWN_USERS = 2048
_SOCK_ADDR, _SOCK_OPS = 18, 13  # program types
_ATTACH_CONNECT4, _ATTACH_CONNECT6, _ATTACH_SOCK_OPS = 10, 11, 3
_RING_BYTES = 1 << 20


def is_available() -> bool:
    """Return whether the kernel has the ring buffer, and lets this process create one."""
    try:
        os.close(bpf(MAP_CREATE, struct.pack("<4I", RINGBUF_MAP, 0, 0, mmap.PAGESIZE)))
    except (OSError, KeyError):
        return False
    return True


class Hook:
    """The programs, attached to a control group and all groups below it."""

    def __init__(self, cgroup: str, addresses: t.Sequence[bytes], port: int, call: Call = bpf) -> None:
        """Attach to the directory *cgroup*, for an IPv4 and an IPv6 address.

        *call* replaces bpf(2) in tests. Raises OSError if the kernel refuses.
        """
        if not has_number() or sys.byteorder != "little":
            raise OSError(errno.ENOSYS, "the number of bpf(2) is unknown for %s" % os.uname().machine)
        self.reports_names = True  #: whether events contain command names
        self._call = call
        self._fds = Descriptors()
        self._ring = Ring(_RING_BYTES, call)
        try:
            known = self._fds.keep(call(MAP_CREATE, struct.pack("<4I", _LRU_HASH_MAP, 8, 8, _KNOWN_PROCESSES)))
            budgets = self._fds.keep(call(MAP_CREATE, struct.pack("<4I", _LRU_HASH_MAP, 8, 16, _KNOWN_USERS)))
            counters = self._fds.keep(call(MAP_CREATE, struct.pack("<5I", _ARRAY_MAP, 4, 16, 1, _CAN_BE_MAPPED)))
            four, six = sorted(addresses, key=len)
            self._attach(cgroup, parts.Target(four, port, self._ring.descriptor, known, six, budgets, counters))
            self._counters = memoryview(mmap.mmap(counters, mmap.PAGESIZE, prot=mmap.PROT_READ)).cast("Q")
        except OSError:
            self.close()
            raise

    def fileno(self) -> int:
        """Return a descriptor that is readable when an event wakes up the watch."""
        return self._ring.descriptor

    @property
    def lost(self) -> int:
        """The number of connections that were not reported: no space in the ring buffer, or a user over the budget."""
        return self._counters[parts.LOST // 8] + self._counters[parts.OVER_BUDGET // 8]

    def waiting(self) -> bool:
        """Return whether there are unread events."""
        return self._ring.waiting()

    def events(self) -> t.Iterator[t.Union[Connect, Established]]:
        """Yield all events up to now, or up to the first one that a program is still writing."""
        for data in self._ring.read():
            event = _decode(data)
            if event:
                yield event

    def close(self) -> None:
        """Detach the programs and close all descriptors."""
        self._ring.close()
        self._fds.close()

    def _attach(self, path: str, target: parts.Target) -> None:
        cgroup = self._fds.keep(os.open(path, os.O_RDONLY | os.O_DIRECTORY))
        for assemble, where in (
            (programs.connect4, _ATTACH_CONNECT4),
            (programs.connect6_mapped, _ATTACH_CONNECT6),
            (programs.connect6, _ATTACH_CONNECT6),
        ):
            program, self.reports_names = self._load_best(where, assemble, target)
            self._link(program, cgroup, where)
        for code in (programs.established(target), programs.established6(target)):
            self._link(load(self._call, _SOCK_OPS, _ATTACH_SOCK_OPS, code), cgroup, _ATTACH_SOCK_OPS)

    def _link(self, program: int, cgroup: int, where: int) -> None:
        self._fds.keep(program)
        self._fds.keep(self._call(LINK_CREATE, struct.pack("<4I", program, cgroup, where, 0)))

    def _load_best(
        self,
        where: int,
        assemble: t.Callable[[parts.Target, programs.Desired], bytes],
        target: parts.Target,
    ) -> t.Tuple[int, bool]:
        """Load the variant that reports the most of those that the kernel accepts.

        Return its descriptor and whether it reports command names.
        """
        namespace = _pid_namespace()
        variants = [programs.Desired(namespace, comm) for comm in (True, False)]
        if namespace is not None:  # Linux before 6.10 has no helper for PIDs of a namespace in these programs
            variants += [programs.Desired(None, comm) for comm in (True, False)]
        for desired in variants[:-1]:
            try:
                return load(self._call, _SOCK_ADDR, where, assemble(target, desired)), desired.comm
            except OSError:
                continue
        return load(self._call, _SOCK_ADDR, where, assemble(target, variants[-1])), variants[-1].comm


def _decode(data: bytes) -> t.Union[Connect, Established, None]:
    (kind,) = struct.unpack_from("<Q", data)
    if kind == programs.CONNECT:
        _kind, task, ours, user, cgroup, cookie, comm = programs.CONNECT_EVENT.unpack_from(data)
        pid = task >> 32 if _pid_namespace() is None else ours >> 32
        return Connect(cookie, pid, user & 0xFFFFFFFF, cgroup, comm.partition(b"\0")[0])
    if kind == programs.ESTABLISHED:
        _kind, cookie, address, port, first = programs.ESTABLISHED_EVENT.unpack_from(data)
        source = ".".join(map(str, struct.pack("<I", address & 0xFFFFFFFF)))
        return Established(cookie, source, port, first & 0xFFFFFFFF)
    if kind == programs.ESTABLISHED6:
        _kind, cookie, *words, port, first = programs.ESTABLISHED6_EVENT.unpack_from(data)
        packed = struct.pack("<4I", *(word & 0xFFFFFFFF for word in words))
        return Established(cookie, socket.inet_ntop(socket.AF_INET6, packed), port, first & 0xFFFFFFFF)
    return None


# The result of _pid_namespace, in a tuple once it is known
_namespace: t.Optional[t.Tuple[t.Optional[t.Tuple[int, int]]]] = None


def _pid_namespace() -> t.Optional[t.Tuple[int, int]]:
    """Return device and inode of this process's PID namespace, or None for the initial one, where PIDs need no translation."""
    global _namespace
    if _namespace is None:
        found = os.stat("/proc/self/ns/pid")
        initial = found.st_ino == INITIAL_PID_NAMESPACE
        _namespace = (None if initial else (os.major(found.st_dev) << 20 | os.minor(found.st_dev), found.st_ino),)
    return _namespace[0]
