# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The notation in which tests write BPF programs: that of the log of the kernel's verifier."""

from __future__ import annotations

import struct
from collections.abc import Iterator

# The names and numbers of helper functions: enum bpf_func_id in include/uapi/linux/bpf.h
HELPERS = {
    1: "map_lookup_elem", 2: "map_update_elem", 5: "ktime_get_ns", 14: "get_current_pid_tgid", 15: "get_current_uid_gid",
    16: "get_current_comm", 46: "get_socket_cookie", 80: "get_current_cgroup_id", 120: "get_ns_current_pid_tgid",
    113: "probe_read_kernel", 115: "probe_read_kernel_str", 130: "ringbuf_output",
}  # fmt: skip
Instruction = tuple[int, int, int, int, int]  # opcode, destination, source, offset, immediate


def decoded(code: bytes) -> Iterator[Instruction]:
    """Yield struct bpf_insn: __u8 code; __u8 dst_reg:4, src_reg:4; __s16 off; __s32 imm."""
    for opcode, registers, offset, immediate in struct.iter_unpack("<BBhi", code):
        yield opcode, registers & 15, registers >> 4, offset, immediate


def listing(code: bytes) -> list[str]:
    """Return a program in the notation of the kernel's verifier log."""
    lines, instructions = [], list(decoded(code))
    for at, (opcode, dst, src, offset, immediate) in enumerate(instructions):
        if opcode == 0 and instructions[at - 1][0] == 0x18:
            continue  # the upper half of a constant
        if opcode == 0x18:
            upper = instructions[at + 1][4]
            value = (immediate & 0xFFFFFFFF) | upper << 32
            text = "r%d = map[%d]" % (dst, value) if src == 1 else "r%d = %#x ll" % (dst, value)
            text = "r%d = value of map[%d] %+d" % (dst, immediate, upper) if src == 2 else text
        else:
            text = {
                0x61: "r%d = *(u32 *)(r%d %+d)" % (dst, src, offset),
                0x79: "r%d = *(u64 *)(r%d %+d)" % (dst, src, offset),
                0x7B: "*(u64 *)(r%d %+d) = r%d" % (dst, offset, src),
                0x7A: "*(u64 *)(r%d %+d) = %d" % (dst, offset, immediate),
                0xDB: "lock *(u64 *)(r%d %+d) += r%d" % (dst, offset, src),
                0xB7: "r%d = %d" % (dst, immediate),
                0xBF: "r%d = r%d" % (dst, src),
                0x07: "r%d += %d" % (dst, immediate),
                0x1F: "r%d -= r%d" % (dst, src),
                0x67: "r%d <<= %d" % (dst, immediate),
                0x77: "r%d >>= %d" % (dst, immediate),
                0x05: "goto %+d" % offset,
                0x15: "if r%d == %d goto %+d" % (dst, immediate, offset),
                0x25: "if r%d > %d goto %+d" % (dst, immediate, offset),
                0x55: "if r%d != %d goto %+d" % (dst, immediate, offset),
                0x56: "if w%d != %#x goto %+d" % (dst, immediate & 0xFFFFFFFF, offset),
                0x85: "call %s" % HELPERS.get(immediate),
                0x95: "exit",
            }[opcode]
        lines.append(text)
    return lines


def text(commented: str) -> list[str]:
    """Return the instructions of a listing in which pseudo-C follows two slashes."""
    return [line.partition("//")[0].strip() for line in commented.strip().splitlines()]
