# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Load the BPF programs, attach them to a control group, and read the events that they report.

The programs are loaded with the raw bpf(2) system call, which needs no compiler, library or kernel headers. The kernel removes
them when this process ends. They neither delay nor refuse connections.
"""

import ctypes
import errno
import mmap
import os
import socket
import struct
import sys
import typing as t

from . import _bpf_parts as parts
from . import _bpf_programs as programs
from ._events import Connect, Established
from ._proc import INITIAL_PID_NAMESPACE

_SYSCALL = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "loongarch64": 280}
_ATTRIBUTES_SIZE = 144  # of union bpf_attr, as far as it is used here; the rest must be zero
_MAP_CREATE, _PROG_LOAD, _LINK_CREATE = 0, 5, 28
_ARRAY_MAP, _LRU_HASH_MAP, _RINGBUF_MAP = 2, 9, 27
_CAN_BE_MAPPED = 1 << 10  # BPF_F_MMAPABLE
_KNOWN_PROCESSES = _KNOWN_USERS = 2048
_SOCK_ADDR, _SOCK_OPS = 18, 13  # program types
_ATTACH_CONNECT4, _ATTACH_CONNECT6, _ATTACH_SOCK_OPS = 10, 11, 3
_RING_BYTES = 1 << 20
_BUSY, _DISCARDED, _LENGTH = 1 << 31, 1 << 30, (1 << 30) - 1  # in the header of an event

Call = t.Callable[[int, bytes], int]  # see `bpf`


def bpf(command: int, attributes: bytes) -> int:
    """Make the system call with *attributes*, a prefix of union bpf_attr; return a file descriptor. Raises OSError."""
    buffer = ctypes.create_string_buffer(attributes, max(len(attributes), _ATTRIBUTES_SIZE))
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    result = int(syscall(ctypes.c_long(_SYSCALL[os.uname().machine]), command, buffer, len(buffer)))
    if result < 0:
        raise OSError(ctypes.get_errno(), "bpf(%d): %s" % (command, os.strerror(ctypes.get_errno())))
    return result


def is_available() -> bool:
    """Return whether the kernel has the ring buffer, and lets this process create one."""
    try:
        os.close(bpf(_MAP_CREATE, struct.pack("<4I", _RINGBUF_MAP, 0, 0, mmap.PAGESIZE)))
    except (OSError, KeyError):
        return False
    return True


class Hook:
    """The programs, attached to a control group and all groups below it."""

    def __init__(self, cgroup: str, addresses: t.Sequence[bytes], port: int, call: Call = bpf) -> None:
        """Attach to the directory *cgroup*, for an IPv4 and an IPv6 address.

        *call* replaces bpf(2) in tests. Raises OSError if the kernel refuses.
        """
        if os.uname().machine not in _SYSCALL or sys.byteorder != "little":
            raise OSError(errno.ENOSYS, "the number of bpf(2) is unknown for %s" % os.uname().machine)
        self.reports_names = True  #: whether events contain command names
        self._call = call
        self._fds: t.List[int] = []
        try:
            self._ring = self._keep(call(_MAP_CREATE, struct.pack("<4I", _RINGBUF_MAP, 0, 0, _RING_BYTES)))
            known = self._keep(call(_MAP_CREATE, struct.pack("<4I", _LRU_HASH_MAP, 8, 8, _KNOWN_PROCESSES)))
            budgets = self._keep(call(_MAP_CREATE, struct.pack("<4I", _LRU_HASH_MAP, 8, 16, _KNOWN_USERS)))
            counters = self._keep(call(_MAP_CREATE, struct.pack("<5I", _ARRAY_MAP, 4, 16, 1, _CAN_BE_MAPPED)))
            four, six = sorted(addresses, key=len)
            self._attach(cgroup, parts.Target(four, port, self._ring, known, six, budgets, counters))
            page = mmap.PAGESIZE
            self._counters = memoryview(mmap.mmap(counters, page, prot=mmap.PROT_READ)).cast("Q")
            consumer = mmap.mmap(self._ring, page, prot=mmap.PROT_READ | mmap.PROT_WRITE)
            # The kernel maps the data twice in a row, so that every event is contiguous.
            self._data = mmap.mmap(self._ring, page + 2 * _RING_BYTES, prot=mmap.PROT_READ, offset=page)
        except OSError:
            self.close()
            raise
        self._position = 0
        # The kernel reads and writes these concurrently. A memoryview accesses whole numbers, struct single bytes.
        self._consumed, self._produced = memoryview(consumer).cast("Q"), memoryview(self._data).cast("Q")
        self._headers = memoryview(self._data).cast("I")

    def fileno(self) -> int:
        """Return a descriptor that is readable when an event wakes up the watch."""
        return self._ring

    @property
    def lost(self) -> int:
        """The number of connections that were not reported: no space in the ring buffer, or a user over the budget."""
        return self._counters[parts.LOST // 8] + self._counters[parts.OVER_BUDGET // 8]

    def waiting(self) -> bool:
        """Return whether there are unread events."""
        return self._position < self._produced[0]

    def events(self) -> t.Iterator[t.Union[Connect, Established]]:
        """Yield all events up to now, or up to the first one that a program is still writing. New ones may arrive faster than read."""
        end = self._produced[0]
        while self._position < end:
            start = mmap.PAGESIZE + (self._position & (_RING_BYTES - 1))
            header = self._headers[start // 4]
            if header & _BUSY:
                return
            length = header & _LENGTH
            event = None if header & _DISCARDED else _decode(self._data[start + 8 : start + 8 + length])
            self._position += (length + 8 + 7) & ~7
            self._consumed[0] = self._position
            if event:
                yield event

    def close(self) -> None:
        """Detach the programs and close all descriptors."""
        while self._fds:
            os.close(self._fds.pop())

    def _keep(self, fd: int) -> int:
        os.set_inheritable(fd, False)
        self._fds.append(fd)
        return fd

    def _attach(self, path: str, target: parts.Target) -> None:
        cgroup = self._keep(os.open(path, os.O_RDONLY | os.O_DIRECTORY))
        for assemble, where in (
            (programs.connect4, _ATTACH_CONNECT4),
            (programs.connect6_mapped, _ATTACH_CONNECT6),
            (programs.connect6, _ATTACH_CONNECT6),
        ):
            program, self.reports_names = self._load_best(where, assemble, target)
            self._link(program, cgroup, where)
        for code in (programs.established(target), programs.established6(target)):
            self._link(self._load(_SOCK_OPS, _ATTACH_SOCK_OPS, code), cgroup, _ATTACH_SOCK_OPS)

    def _link(self, program: int, cgroup: int, where: int) -> None:
        self._keep(program)
        self._keep(self._call(_LINK_CREATE, struct.pack("<4I", program, cgroup, where, 0)))

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
                return self._load(_SOCK_ADDR, where, assemble(target, desired)), desired.comm
            except OSError:
                continue
        return self._load(_SOCK_ADDR, where, assemble(target, variants[-1])), variants[-1].comm

    def _load(self, kind: int, attach: int, code: bytes) -> int:
        """Load a program. The attributes: type, instruction count, instructions, license, three for the log, ..., name."""
        instructions, license_ = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(b"GPL")
        pointers = (ctypes.addressof(instructions), ctypes.addressof(license_))
        layout = "<IIQQIIQII16sII"
        return self._call(
            _PROG_LOAD, struct.pack(layout, kind, len(code) // 8, *pointers, 0, 0, 0, 0, 0, b"imds_watch", 0, attach)
        )


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
