# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Report new control groups by a BPF program at the tracepoint cgroup:cgroup_mkdir.

A unit may end before the watch looks at its group, for example on a busy host. The kernel then still knows the group's number, by
which the event of a connection names it, but not its path any more. The events of this program have both, and wait in a ring buffer
until the watch reads them.

Only groups that root creates are reported. Names that other users choose are not used, and no user can fill the ring buffer.

Tracepoints: https://docs.kernel.org/trace/events.html. The layout of the context is that of the file ``format`` in tracefs.
"""

import errno
import fcntl
import os
import struct
import sys
import typing as t

from . import _bpf_call as calls
from . import _bpf_code as bpf
from ._bpf_parts import END, NO_WAKE_UP
from ._bpf_ring import Ring
from ._trace_format import Layout, read_format

_EVENT = "events/cgroup/cgroup_mkdir"
_RING_BYTES = 1 << 18
_PATH_BYTES = 384  # with the zero at its end; a longer path is not reported
_SIZE = 8 + _PATH_BYTES
_TRACEPOINT = 5  # BPF_PROG_TYPE_TRACEPOINT

# perf_event_open(2) and ioctl(2): struct perf_event_attr with type, size, config and sample_period
_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241, "riscv64": 241, "loongarch64": 241}
_ATTRIBUTES = struct.Struct("=IIQQ88x")  # 112 bytes: PERF_ATTR_SIZE_VER5
_TYPE_TRACEPOINT, _CLOSE_ON_EXEC = 2, 8
_SET_PROGRAM, _ENABLE = 0x40042408, 0x2400

# Helper functions: BPF_FUNC_* of the kernel
_USER, _READ_KERNEL_STRING, _RINGBUF_OUTPUT = 15, 115, 130


class NewGroups:
    """The control groups of version 2 that root has created since the start."""

    def __init__(self, tracefs: str, call: calls.Call = calls.bpf) -> None:
        """Attach the program. *tracefs* is its mount point, *call* replaces bpf(2) in tests. Raises OSError."""
        machine = os.uname().machine
        if machine not in _PERF_EVENT_OPEN or sys.byteorder != "little":
            raise OSError(errno.ENOSYS, "the number of perf_event_open(2) is unknown for %s" % machine)
        layout = read_format("%s/%s" % (tracefs, _EVENT), {"root": 4, "path": 4})
        if "id" not in layout.offsets:  # four bytes before Linux 5.16, then eight
            raise OSError(errno.EINVAL, "the format of a tracepoint is unknown: field id")
        self._fds: t.List[int] = []
        self._ring = Ring(_RING_BYTES, call)
        try:
            program = calls.load(call, _TRACEPOINT, 0, created(layout, self._ring.descriptor))
            self._fds.append(program)
            os.set_inheritable(program, False)
            attributes = _ATTRIBUTES.pack(_TYPE_TRACEPOINT, _ATTRIBUTES.size, layout.kind, 1)
            every_process, first_processor, no_group = -1, 0, -1  # a program runs on all processors nevertheless
            event = calls.system_call(
                _PERF_EVENT_OPEN[machine], "perf_event_open", attributes, every_process, first_processor, no_group,
                _CLOSE_ON_EXEC,
            )  # fmt: skip
            self._fds.append(event)
            fcntl.ioctl(event, _SET_PROGRAM, program)
            fcntl.ioctl(event, _ENABLE, 0)
        except OSError:
            self.close()
            raise

    def read(self) -> t.Iterator[t.Tuple[int, str]]:
        """Yield the lower half of the number, and the path in its hierarchy, of each group that was created since the last call."""
        for data in self._ring.read():
            path, end, _rest = data[8:].partition(b"\0")
            if end and len(path) < _PATH_BYTES - 1:  # else the path was cut
                yield struct.unpack_from("=Q", data)[0], os.fsdecode(path)

    def close(self) -> None:
        """Detach the program and close all descriptors."""
        self._ring.close()
        while self._fds:
            os.close(self._fds.pop())


#     r6 = ctx;
#     if (ctx->root != 0)                             // the number of the hierarchy: 0 is version 2
#         return 0;
#     if ((bpf_get_current_uid_gid() & 0xffffffff) != 0)
#         return 0;
#     struct { u64 number; char path[PATH_BYTES]; } event;
#     event.number = (u32) ctx->id;                   // some kernels have only the lower half
#     bpf_probe_read_kernel_str(event.path, PATH_BYTES, (void *) ctx + (ctx->path & 0xffff));
#     bpf_ringbuf_output(&ring, &event, sizeof(event), BPF_RB_NO_WAKEUP);
#     return 0;                                       // nothing else is to be done with the record
def created(layout: Layout, ring: int) -> bytes:
    """Return the program. Its context is a record of the tracepoint, with the fields of *layout*; *ring* is a descriptor."""
    at = layout.offsets
    event = -_SIZE  # its place on the stack
    code: bpf.Code = [
        bpf.instruction(bpf.MOVE_REGISTER, bpf.R6, bpf.R1),
        bpf.instruction(bpf.LOAD_32, bpf.R0, bpf.R6, at["root"]),
        bpf.Jump(bpf.IF_NOT_EQUAL_32, END, bpf.R0, 0),
        bpf.instruction(bpf.CALL, imm=_USER),
        bpf.Jump(bpf.IF_NOT_EQUAL_32, END, bpf.R0, 0),
        bpf.instruction(bpf.LOAD_32, bpf.R0, bpf.R6, at["id"]),
        bpf.store(event),
        bpf.instruction(bpf.LOAD_32, bpf.R3, bpf.R6, at["path"]),  # offset in the lower half, length in the upper one
        bpf.instruction(bpf.SHIFT_LEFT, bpf.R3, imm=48),
        bpf.instruction(bpf.SHIFT_RIGHT, bpf.R3, imm=48),
        bpf.instruction(bpf.ADD_REGISTER, bpf.R3, bpf.R6),
        *bpf.address_of(bpf.R1, event + 8),
        bpf.instruction(bpf.MOVE, bpf.R2, imm=_PATH_BYTES),
        bpf.instruction(bpf.CALL, imm=_READ_KERNEL_STRING),
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
