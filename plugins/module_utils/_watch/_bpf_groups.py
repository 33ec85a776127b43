# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Report new control groups by a BPF program at the tracepoint cgroup_mkdir.

A unit may end before the watch looks at its group, for example on a busy host. The kernel then still knows the group's number, by
which the event of a connection names it, but not its path any more. The events of this program have both, and wait in a ring buffer
until the watch reads them.

Only groups that root creates are reported. Names that other users choose are not used, and no user can fill the ring buffer.

The program is attached to the raw tracepoint, whose arguments are the group and its path. The usual interface, perf_event_open(2),
needs CAP_SYS_ADMIN on Debian and Ubuntu, and tracefs.
"""

import ctypes
import errno
import os
import struct
import sys
import typing as t

from . import _bpf_call as calls
from . import _bpf_code as bpf
from ._bpf_parts import END, NO_WAKE_UP
from ._bpf_ring import Ring
from ._btf import Member, offsets

_TYPES = "/sys/kernel/btf/vmlinux"
_NAME = b"cgroup_mkdir"
_RING_BYTES = 1 << 18
_PATH_BYTES = 384  # with the zero at its end; a longer path is not reported
_SIZE = 8 + _PATH_BYTES
_RAW_TRACEPOINT = 17  # BPF_PROG_TYPE_RAW_TRACEPOINT
_ROOT, _HIERARCHY = ("cgroup", "root"), ("cgroup_root", "hierarchy_id")
_NODE, _NUMBER = ("cgroup", "kn"), ("kernfs_node", "id")

# Helper functions: BPF_FUNC_* of the kernel
_USER, _READ_KERNEL, _READ_KERNEL_STRING, _RINGBUF_OUTPUT = 15, 113, 115, 130


class NewGroups:
    """The control groups of version 2 that root has created since the start."""

    def __init__(self, types: str = _TYPES, call: calls.Call = calls.bpf) -> None:
        """Attach the program. *types* is the file with the kernel's types, *call* replaces bpf(2) in tests. Raises OSError."""
        if sys.byteorder != "little":
            raise OSError(errno.ENOSYS, "the byte order of the processor is not supported")
        with open(types, "rb") as stream:
            at = offsets(stream.read(), (_ROOT, _HIERARCHY, _NODE, _NUMBER))
        self._fds = calls.Descriptors()
        self._ring = Ring(_RING_BYTES, call)
        try:
            program = self._fds.keep(calls.load(call, _RAW_TRACEPOINT, 0, created(at, self._ring.descriptor)))
            name = ctypes.create_string_buffer(_NAME)
            attributes = struct.pack("=QI", ctypes.addressof(name), program)
            self._fds.keep(call(calls.RAW_TRACEPOINT_OPEN, attributes))
        except OSError:
            self.close()
            raise

    def read(self) -> t.Iterator[t.Tuple[int, str]]:
        """Yield the number, and the path in its hierarchy, of each group that was created since the last call."""
        for data in self._ring.read():
            path, end, _rest = data[8:].partition(b"\0")
            if end and len(path) < _PATH_BYTES - 1:  # else the path was cut
                yield struct.unpack_from("=Q", data)[0], os.fsdecode(path)

    def close(self) -> None:
        """Detach the program and close all descriptors."""
        self._ring.close()
        self._fds.close()


#     struct { u64 number; char path[PATH_BYTES]; } event;
#     r6 = ctx;                                           // the group, and its path
#     if ((bpf_get_current_uid_gid() & 0xffffffff) != 0)
#         return 0;
#     r7 = ctx[0];
#     if (r7->root->hierarchy_id != 0)                    // 0 is version 2
#         return 0;
#     event.number = r7->kn->id;
#     bpf_probe_read_kernel_str(&event.path, PATH_BYTES, ctx[1]);
#     bpf_ringbuf_output(&ring, &event, sizeof(event), BPF_RB_NO_WAKEUP);
#     return 0;
def created(at: t.Mapping[Member, int], ring: int) -> bytes:
    """Return the program. *at* has the offsets of the members; *ring* is a descriptor."""
    event = -_SIZE  # its place on the stack
    value = event - 8
    code: bpf.Code = [
        bpf.instruction(bpf.MOVE_REGISTER, bpf.R6, bpf.R1),
        bpf.instruction(bpf.CALL, imm=_USER),
        bpf.Jump(bpf.IF_NOT_EQUAL_32, END, bpf.R0, 0),
        bpf.instruction(bpf.LOAD, bpf.R7, bpf.R6),
        *_follow(bpf.R7, at[_ROOT], at[_HIERARCHY], value, 4),
        bpf.instruction(bpf.LOAD_32, bpf.R0, bpf.FRAME, value),
        bpf.Jump(bpf.IF_NOT_EQUAL_32, END, bpf.R0, 0),
        *_follow(bpf.R7, at[_NODE], at[_NUMBER], event, 8),
        bpf.instruction(bpf.LOAD, bpf.R3, bpf.R6, 8),
        *_read(event + 8, _PATH_BYTES, _READ_KERNEL_STRING),
        bpf.load_constant(bpf.R1, ring, bpf.MAP_FD),
        *bpf.address_of(bpf.R2, event),
        bpf.instruction(bpf.MOVE, bpf.R3, imm=_SIZE),
        bpf.instruction(bpf.MOVE, bpf.R4, imm=NO_WAKE_UP),
        bpf.instruction(bpf.CALL, imm=_RINGBUF_OUTPUT),
        END,
        bpf.instruction(bpf.MOVE, bpf.R0, imm=0),
        bpf.instruction(bpf.EXIT),
    ]
    return bpf.resolved(code)


def _follow(register: int, pointer: int, member: int, place: int, size: int) -> bpf.Code:
    """Return the instructions that read a *member* of the structure to which the *pointer* in another one points, to the stack."""
    code: bpf.Code = [
        bpf.instruction(bpf.MOVE_REGISTER, bpf.R3, register),
        bpf.instruction(bpf.ADD, bpf.R3, imm=pointer),
        *_read(place, 8, _READ_KERNEL),
        bpf.instruction(bpf.LOAD, bpf.R3, bpf.FRAME, place),
        bpf.instruction(bpf.ADD, bpf.R3, imm=member),
    ]
    return [*code, *_read(place, size, _READ_KERNEL)]


def _read(place: int, size: int, helper: int) -> bpf.Code:
    """Return the instructions that read from the address in r3 to the stack."""
    return [
        *bpf.address_of(bpf.R1, place),
        bpf.instruction(bpf.MOVE, bpf.R2, imm=size),
        bpf.instruction(bpf.CALL, imm=helper),
    ]
