# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the system call bpf(2): load programs, create maps. No compiler, library or kernel header is needed."""

import ctypes
import os
import struct
import typing as t

MAP_CREATE, PROG_LOAD, RAW_TRACEPOINT_OPEN, LINK_CREATE = 0, 5, 17, 28
_SYSCALL = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "loongarch64": 280}
_ATTRIBUTES_SIZE = 144  # of union bpf_attr, as far as it is used here; the rest must be zero

Call = t.Callable[[int, bytes], int]  # see `bpf`


def bpf(command: int, attributes: bytes) -> int:
    """Make the system call with *attributes*, a prefix of union bpf_attr; return a file descriptor. Raises OSError."""
    buffer = ctypes.create_string_buffer(attributes, max(len(attributes), _ATTRIBUTES_SIZE))
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    result = int(syscall(ctypes.c_long(_SYSCALL[os.uname().machine]), command, buffer, len(buffer)))
    if result < 0:
        raise OSError(ctypes.get_errno(), "bpf(%d): %s" % (command, os.strerror(ctypes.get_errno())))
    return result


def has_number() -> bool:
    """Return whether the number of bpf(2) is known for the processor."""
    return os.uname().machine in _SYSCALL


class Descriptors:
    """Descriptors that are closed together, and that started programs do not inherit."""

    def __init__(self) -> None:
        self._open: t.List[int] = []

    def keep(self, descriptor: int) -> int:
        """Add a descriptor, and return it."""
        os.set_inheritable(descriptor, False)
        self._open.append(descriptor)
        return descriptor

    def close(self) -> None:
        """Close all descriptors."""
        while self._open:
            os.close(self._open.pop())


def load(call: Call, kind: int, attach: int, code: bytes) -> int:
    """Load a program; return its descriptor. Raises OSError.

    The attributes are: type, instruction count, instructions, license, three for the log, ..., name, interface, place to attach.
    """
    instructions, license_ = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(b"GPL")
    pointers = (ctypes.addressof(instructions), ctypes.addressof(license_))
    layout = "<IIQQIIQII16sII"
    return call(
        PROG_LOAD, struct.pack(layout, kind, len(code) // 8, *pointers, 0, 0, 0, 0, 0, b"imds_watch", 0, attach)
    )
