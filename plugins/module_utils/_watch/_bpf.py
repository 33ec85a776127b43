# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who connects to the service, as the kernel tells it at that moment? This module util is private to the collection.

The programs are loaded by the raw bpf(2) call: no compiler, no library, no kernel headers. They are gone with this
process, and they never hold a connection up or refuse it.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import struct
import sys
import typing as t

from . import _bpf_programs as programs

_SYSCALL = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "loongarch64": 280}
_MAP_CREATE, _PROG_LOAD, _LINK_CREATE = 0, 5, 28
_RINGBUF_MAP, _LRU_HASH_MAP = 27, 9
_KNOWN_PROCESSES = 2048
_SOCK_ADDR, _SOCK_OPS = 18, 13
_ATTACH_CONNECT4, _ATTACH_CONNECT6, _ATTACH_SOCK_OPS = 10, 11, 3
_RING_BYTES = 1 << 18
_BUSY, _DISCARDED, _LENGTH = 1 << 31, 1 << 30, (1 << 30) - 1
_FIRST_PID_NAMESPACE = 0xEFFFFFFC  # the inode of the one that all others are in


class Connect(t.NamedTuple):
    """A process connects. ``pid`` is 0 where it has none in our namespace."""

    cookie: int
    pid: int
    uid: int
    cgroup: int
    comm: bytes


class Established(t.NamedTuple):
    """The connection stands: the process's own address and port, and the number of its first byte."""

    cookie: int
    source: str
    port: int
    first: int


class Hook:
    """The programs, attached to a control group and all below it."""

    def __init__(self, cgroup: str, address: bytes, port: int) -> None:
        """Raise OSError where the kernel does not allow it or has no such thing."""
        if os.uname().machine not in _SYSCALL or sys.byteorder != "little":
            raise OSError(errno.ENOSYS, "no number of bpf(2) is known for %s" % os.uname().machine)
        self.tells_names = True  #: command names, too
        self._fds: t.List[int] = []
        try:
            self._ring = self._keep(_bpf(_MAP_CREATE, struct.pack("<4I", _RINGBUF_MAP, 0, 0, _RING_BYTES)))
            known = self._keep(_bpf(_MAP_CREATE, struct.pack("<4I", _LRU_HASH_MAP, 8, 8, _KNOWN_PROCESSES)))
            self._attach(cgroup, programs.Target(address, port, self._ring, known))
            page = mmap.PAGESIZE
            own = mmap.mmap(self._ring, page, prot=mmap.PROT_READ | mmap.PROT_WRITE)
            # the kernel maps the data twice in a row, so that no event is cut
            self._data = mmap.mmap(self._ring, page + 2 * _RING_BYTES, prot=mmap.PROT_READ, offset=page)
        except OSError:
            self.close()
            raise
        self._at = 0
        # Shared with the kernel, so read and written as whole numbers; struct would do it byte by byte.
        self._read, self._written = memoryview(own).cast("Q"), memoryview(self._data).cast("Q")
        self._headers = memoryview(self._data).cast("I")

    def fileno(self) -> int:
        return self._ring

    def waiting(self) -> bool:
        """Are there events?"""
        return self._at < self._written[0]

    def events(self) -> t.Iterator[t.Union[Connect, Established]]:
        """All events that are there."""
        while self.waiting():
            start = mmap.PAGESIZE + (self._at & (_RING_BYTES - 1))
            header = self._headers[start // 4]
            if header & _BUSY:
                return
            length = header & _LENGTH
            event = None if header & _DISCARDED else _decode(self._data[start + 8 : start + 8 + length])
            self._at += (length + 8 + 7) & ~7
            self._read[0] = self._at
            if event:
                yield event

    def close(self) -> None:
        """Detach and free everything."""
        while self._fds:
            os.close(self._fds.pop())

    def _keep(self, fd: int) -> int:
        os.set_inheritable(fd, False)
        self._fds.append(fd)
        return fd

    def _attach(self, path: str, target: programs.Target) -> None:
        cgroup = self._keep(os.open(path, os.O_RDONLY | os.O_DIRECTORY))
        for make, where in ((programs.connect4, _ATTACH_CONNECT4), (programs.connect6, _ATTACH_CONNECT6)):
            program, self.tells_names = _load_best(where, make, target)
            self._link(program, cgroup, where)
        self._link(_load(_SOCK_OPS, _ATTACH_SOCK_OPS, programs.established(target)), cgroup, _ATTACH_SOCK_OPS)

    def _link(self, program: int, cgroup: int, where: int) -> None:
        self._keep(program)
        self._keep(_bpf(_LINK_CREATE, struct.pack("<4I", program, cgroup, where, 0)))


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
    return None


def _pid_namespace() -> t.Optional[t.Tuple[int, int]]:
    """Device and inode of this process's PID namespace; None if it is the outermost, whose PIDs the kernel tells anyway."""
    global _known
    if _known is None:
        found = os.stat("/proc/self/ns/pid")
        first = found.st_ino == _FIRST_PID_NAMESPACE
        _known = (None if first else (os.major(found.st_dev) << 20 | os.minor(found.st_dev), found.st_ino),)
    return _known[0]


_known: t.Optional[t.Tuple[t.Optional[t.Tuple[int, int]]]] = None


def _load_best(
    where: int, make: t.Callable[[programs.Target, programs.Desired], bytes], target: programs.Target
) -> t.Tuple[int, bool]:
    """The program that tells the most of those that may be loaded; and whether it tells command names."""
    namespace = _pid_namespace()
    choices = [programs.Desired(namespace, comm) for comm in (True, False)]
    if namespace is not None:  # Linux before 6.10 does not translate PIDs
        choices += [programs.Desired(None, comm) for comm in (True, False)]
    for desired in choices[:-1]:
        try:
            return _load(_SOCK_ADDR, where, make(target, desired)), desired.comm
        except OSError:
            continue
    return _load(_SOCK_ADDR, where, make(target, choices[-1])), choices[-1].comm


def _load(kind: int, attach: int, code: bytes) -> int:
    instructions, license_ = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(b"GPL")
    where = (ctypes.addressof(instructions), ctypes.addressof(license_))
    attributes = struct.pack("<IIQQIIQII16sII", kind, len(code) // 8, *where, 0, 0, 0, 0, 0, b"imds_watch", 0, attach)
    return _bpf(_PROG_LOAD, attributes)


def _bpf(command: int, attributes: bytes) -> int:
    buffer = ctypes.create_string_buffer(attributes, max(len(attributes), 144))
    call = ctypes.CDLL(None, use_errno=True).syscall
    result = int(call(ctypes.c_long(_SYSCALL[os.uname().machine]), command, buffer, len(buffer)))
    if result < 0:
        raise OSError(ctypes.get_errno(), "bpf(%d): %s" % (command, os.strerror(ctypes.get_errno())))
    return result
