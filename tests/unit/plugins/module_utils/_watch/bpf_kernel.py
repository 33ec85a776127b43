# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A replacement of the kernel for programs that make the system call bpf(2)."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import struct
from collections.abc import Callable


# The parts of union bpf_attr in the kernel's include/uapi/linux/bpf.h that are used here.
class MapCreate(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("map_type", "key_size", "value_size", "max_entries")]


class MappedMapCreate(MapCreate):
    _fields_ = [("map_flags", ctypes.c_uint32)]


class ProgLoad(ctypes.Structure):
    _fields_ = [
        ("prog_type", ctypes.c_uint32),
        ("insn_cnt", ctypes.c_uint32),
        ("insns", ctypes.c_uint64),
        ("license", ctypes.c_uint64),
        ("log_level", ctypes.c_uint32),
        ("log_size", ctypes.c_uint32),
        ("log_buf", ctypes.c_uint64),
        ("kern_version", ctypes.c_uint32),
        ("prog_flags", ctypes.c_uint32),
        ("prog_name", ctypes.c_char * 16),
        ("prog_ifindex", ctypes.c_uint32),
        ("expected_attach_type", ctypes.c_uint32),
    ]


class LinkCreate(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("prog_fd", "target_fd", "attach_type", "flags")]


class RawTracepointOpen(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("name", ctypes.c_uint64), ("prog_fd", ctypes.c_uint32)]


# BPF_MAP_CREATE, BPF_PROG_LOAD, BPF_RAW_TRACEPOINT_OPEN, BPF_LINK_CREATE
COMMANDS = {0: MapCreate, 5: ProgLoad, 17: RawTracepointOpen, 28: LinkCreate}
ZERO = ("log_level", "log_size", "log_buf", "kern_version", "prog_flags", "prog_ifindex", "flags")


class Kernel:
    """A replacement of bpf(2): it parses what it is given, and returns descriptors; the ring buffer is a file in memory."""

    def __init__(self, refuse: Callable[[bytes], bool] = lambda code: False) -> None:
        """*refuse* decides which programs are not loaded."""
        self.refuse = refuse
        self.maps: list[tuple[int, ...]] = []
        self.loaded: list[tuple[int, int, bytes]] = []  # type, attach type, instructions
        self.links: list[tuple[int, int, int]] = []
        self.tracepoints: list[tuple[bytes, int]] = []
        self.fds: list[int] = []
        self.ring = self.counters = -1
        self.position = 0
        self.data = bytearray()

    def __call__(self, command: int, attributes: bytes) -> int:
        layout = COMMANDS[command]
        if layout is MapCreate and len(attributes) > ctypes.sizeof(MapCreate):
            layout = MappedMapCreate
        assert len(attributes) == ctypes.sizeof(layout)
        parsed = layout.from_buffer_copy(attributes)
        assert not any(getattr(parsed, name, 0) for name in ZERO)
        fd = os.memfd_create("bpf", 0)
        self.fds.append(fd)
        if isinstance(parsed, MapCreate):
            self.maps.append((parsed.map_type, parsed.key_size, parsed.value_size, parsed.max_entries))
            if isinstance(parsed, MappedMapCreate):
                assert parsed.map_flags == 1 << 10  # BPF_F_MMAPABLE
                self.counters = fd
                os.truncate(fd, mmap.PAGESIZE)
            if parsed.map_type == 27:
                self.ring = fd
                self.data = bytearray(parsed.max_entries)
                os.truncate(fd, 2 * mmap.PAGESIZE + 2 * parsed.max_entries)
        elif isinstance(parsed, ProgLoad):
            assert ctypes.string_at(parsed.license) == b"GPL" and parsed.prog_name == b"imds_watch"
            code = ctypes.string_at(parsed.insns, parsed.insn_cnt * 8)
            if self.refuse(code):
                raise PermissionError(errno.EPERM, "bpf(5)")
            self.loaded.append((parsed.prog_type, parsed.expected_attach_type, code))
        elif isinstance(parsed, RawTracepointOpen):
            if self.refuse(b""):
                raise OSError(errno.ENOENT, "bpf(17)")
            self.tracepoints.append((ctypes.string_at(parsed.name), parsed.prog_fd))
        else:
            self.links.append((parsed.prog_fd, parsed.target_fd, parsed.attach_type))
        return fd

    def write(self, event: bytes, flags: int = 0) -> None:
        """Append an event as the kernel does: header, padding to 8 bytes, data mapped twice."""
        record = struct.pack("<II", len(event) | flags, 0) + event
        record += bytes(-len(record) % 8)
        start = self.position % len(self.data)
        before_end = record[: len(self.data) - start]
        self.data[start : start + len(before_end)] = before_end
        self.data[: len(record) - len(before_end)] = record[len(before_end) :]
        os.pwrite(self.ring, self.data * 2, 2 * mmap.PAGESIZE)
        self.position += len(record)
        os.pwrite(self.ring, struct.pack("<Q", self.position), mmap.PAGESIZE)

    def consumed(self) -> int:
        return int(struct.unpack("<Q", os.pread(self.ring, 8, 0))[0])
