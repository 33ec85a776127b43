# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The BPF programs, instruction by instruction, and run by an interpreter."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._watch import _bpf_programs as programs
from ansible_collections.alicloud.imds.plugins.module_utils._watch._bpf_parts import CONNECTIONS_PER_SECOND, Target
from ansible_collections.alicloud.imds.plugins.module_utils._watch._bpf_programs import Desired

from .instructions import HELPERS, decoded, listing, text

SIX = bytes.fromhex("fd000100000000000000000001000200")
TARGET = Target(bytes([100, 100, 100, 200]), 80, ring=5, known=6, address6=SIX, budgets=7, counters=8)
ADDRESS, PORT = 0xC8646464, 0x5000  # as a little-endian processor loads them
NAMESPACE = (4, 0xF0000001)

CONTEXT = "r6 = r1                            // r6 = ctx"

STREAM = """
r0 = *(u32 *)(r6 +32)              // if (ctx->type != SOCK_STREAM)
if w0 != 0x1 goto {0:+d}           //     return 1;
"""

IPV4 = (
    STREAM
    + """
r0 = *(u32 *)(r6 +4)               // if (ctx->user_ip4 != ADDRESS)
if w0 != 0xc8646464 goto {1:+d}    //     return 1;
r0 = *(u32 *)(r6 +24)              // if (ctx->user_port != PORT)
if w0 != 0x5000 goto {2:+d}        //     return 1;
"""
)

MAPPED = (
    STREAM
    + """
r0 = *(u32 *)(r6 +8)               // if (ctx->user_ip6[0] != 0)
if w0 != 0x0 goto {1:+d}           //     return 1;
r0 = *(u32 *)(r6 +12)              // if (ctx->user_ip6[1] != 0)
if w0 != 0x0 goto {2:+d}           //     return 1;
r0 = *(u32 *)(r6 +16)              // if (ctx->user_ip6[2] != htonl(0xffff))
if w0 != 0xffff0000 goto {3:+d}    //     return 1;
r0 = *(u32 *)(r6 +20)              // if (ctx->user_ip6[3] != ADDRESS)
if w0 != 0xc8646464 goto {4:+d}    //     return 1;
r0 = *(u32 *)(r6 +24)              // if (ctx->user_port != PORT)
if w0 != 0x5000 goto {5:+d}        //     return 1;
"""
)

IPV6 = (
    STREAM
    + """
r0 = *(u32 *)(r6 +8)               // if (ctx->user_ip6[0] != htonl(0xfd000100))
if w0 != 0x100fd goto {1:+d}       //     return 1;
r0 = *(u32 *)(r6 +12)              // if (ctx->user_ip6[1] != 0)
if w0 != 0x0 goto {2:+d}           //     return 1;
r0 = *(u32 *)(r6 +16)              // if (ctx->user_ip6[2] != 0)
if w0 != 0x0 goto {3:+d}           //     return 1;
r0 = *(u32 *)(r6 +20)              // if (ctx->user_ip6[3] != htonl(0x01000200))
if w0 != 0x20001 goto {4:+d}       //     return 1;
r0 = *(u32 *)(r6 +24)              // if (ctx->user_port != PORT)
if w0 != 0x5000 goto {5:+d}        //     return 1;
"""
)

BEGIN = """
r0 = 1
*(u64 *)(r10 -64) = r0             // event.kind = CONNECT;
call get_current_pid_tgid
*(u64 *)(r10 -56) = r0             // event.task = bpf_get_current_pid_tgid();
r0 = 0
*(u64 *)(r10 -48) = r0             // event.ours = 0;
r0 = 0
*(u64 *)(r10 -16) = r0             // event.comm = "";
r0 = 0
*(u64 *)(r10 -8) = r0
"""

OURS = """
r1 = 0x4 ll                        // the device of the PID namespace
r2 = 0xf0000001 ll                 // its inode
r3 = r10
r3 += -48                          // &event.ours
r4 = 8
call get_ns_current_pid_tgid       // bpf_get_ns_current_pid_tgid(device, inode, &event.ours, 8);
"""

IDENTITY = """
call get_current_uid_gid
*(u64 *)(r10 -40) = r0             // event.user = bpf_get_current_uid_gid();
call get_current_cgroup_id
*(u64 *)(r10 -32) = r0             // event.cgroup = bpf_get_current_cgroup_id();
r1 = r6
call get_socket_cookie
*(u64 *)(r10 -24) = r0             // event.cookie = bpf_get_socket_cookie(ctx);
"""

NAME = """
r1 = r10
r1 += -16                          // &event.comm
r2 = 16
call get_current_comm              // bpf_get_current_comm(&event.comm, 16);
"""

BUDGET = """
r0 = *(u64 *)(r10 -40)
r0 <<= 32
r0 >>= 32
*(u64 *)(r10 -72) = r0             // user = event.user & 0xffffffff;
r1 = map[7]                        // &budgets
r2 = r10
r2 += -72                          // &user
call map_lookup_elem
r8 = r0                            // r8 = bpf_map_lookup_elem(&budgets, &user);
call ktime_get_ns
r9 = r0                            // r9 = bpf_ktime_get_ns();
if r8 != 0 goto +12                // if (!r8) {
*(u64 *)(r10 -88) = r9             //     fresh.start = r9;
r0 = 1
*(u64 *)(r10 -80) = r0             //     fresh.count = 1;
r1 = map[7]
r2 = r10
r2 += -72
r3 = r10
r3 += -88                          //     &fresh
r4 = 0
call map_update_elem               //     bpf_map_update_elem(&budgets, &user, &fresh, 0);
goto +16
r1 = *(u64 *)(r8 +0)               // } else {
r0 = r9
r0 -= r1
if r0 > 1000000000 goto +10        //     if (r9 - r8->start <= SECOND) {
r1 = *(u64 *)(r8 +8)
r1 += 1
*(u64 *)(r8 +8) = r1
if r1 > 4096 goto +1               //         if (++r8->count > CONNECTIONS_PER_SECOND) {
goto +7
r1 = value of map[8] +8
r2 = 1
lock *(u64 *)(r1 +0) += r2         //             lock counters.over_budget += 1;
goto END                           //             return 1; }
*(u64 *)(r8 +0) = r9               //     } else { r8->start = r9;
*(u64 *)(r8 +8) = 1                //         r8->count = 1; } }
"""

WAKE_UP = """
r7 = 2                             // r7 = BPF_RB_FORCE_WAKEUP;
r0 = *(u64 *)(r10 -56)
r0 >>= 32
*(u64 *)(r10 -72) = r0             // process = event.task >> 32;
r1 = map[6]                        // &known
r2 = r10
r2 += -72                          // &process
call map_lookup_elem               // last = bpf_map_lookup_elem(&known, &process);
if r0 == 0 goto +5                 // if (last) {
r8 = *(u64 *)(r0 +0)               //     r8 = *last;
call ktime_get_ns
r0 -= r8
if r0 > 1000000000 goto +1         //     if (bpf_ktime_get_ns() - r8 <= SECOND)
r7 = 1                             //         r7 = BPF_RB_NO_WAKEUP; }
if r7 != 2 goto +10                // if (r7 == BPF_RB_FORCE_WAKEUP) {
call ktime_get_ns
*(u64 *)(r10 -80) = r0             //     now = bpf_ktime_get_ns();
r1 = map[6]
r2 = r10
r2 += -72
r3 = r10
r3 += -80                          //     &now
r4 = 0
call map_update_elem               //     bpf_map_update_elem(&known, &process, &now, 0); }
"""

OUTPUT = """
r1 = map[5]                        // &ring
r2 = r10
r2 += {0:d}                        // &event
r3 = {1:d}                         // sizeof(event)
r4 = r7
call ringbuf_output                // bpf_ringbuf_output(&ring, &event, sizeof(event), r7);
if r0 == 0 goto +4                 // if it failed
r1 = value of map[8] +0
r2 = 1
lock *(u64 *)(r1 +0) += r2         //     lock counters.lost += 1;
"""

END = """
r0 = 1
exit                               // return 1;
"""

ESTABLISHED = """
r0 = *(u32 *)(r6 +0)               // if (ctx->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
if w0 != 0x4 goto +28              //     return 1;
r0 = *(u32 *)(r6 +24)              // if (ctx->remote_ip4 != ADDRESS)
if w0 != 0xc8646464 goto +26       //     return 1;
r0 = *(u32 *)(r6 +64)              // if (ctx->remote_port != PORT << 16)
if w0 != 0x50000000 goto +24       //     return 1;
r0 = 2
*(u64 *)(r10 -40) = r0             // event.kind = ESTABLISHED;
r1 = r6
call get_socket_cookie
*(u64 *)(r10 -32) = r0             // event.cookie = bpf_get_socket_cookie(ctx);
r0 = *(u32 *)(r6 +28)
*(u64 *)(r10 -24) = r0             // event.address = ctx->local_ip4;
r0 = *(u32 *)(r6 +68)
*(u64 *)(r10 -16) = r0             // event.port = ctx->local_port;
r0 = *(u32 *)(r6 +104)
*(u64 *)(r10 -8) = r0              // event.first = ctx->snd_nxt;
r7 = 1                             // r7 = BPF_RB_NO_WAKEUP;
"""

ESTABLISHED6 = """
r0 = *(u32 *)(r6 +0)               // if (ctx->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
if w0 != 0x4 goto +40              //     return 1;
r0 = *(u32 *)(r6 +32)              // if (ctx->remote_ip6 != ADDRESS6)
if w0 != 0x100fd goto +38          //     return 1;
r0 = *(u32 *)(r6 +36)
if w0 != 0x0 goto +36
r0 = *(u32 *)(r6 +40)
if w0 != 0x0 goto +34
r0 = *(u32 *)(r6 +44)
if w0 != 0x20001 goto +32
r0 = *(u32 *)(r6 +64)              // if (ctx->remote_port != PORT << 16)
if w0 != 0x50000000 goto +30       //     return 1;
r0 = 3
*(u64 *)(r10 -64) = r0             // event.kind = ESTABLISHED6;
r1 = r6
call get_socket_cookie
*(u64 *)(r10 -56) = r0             // event.cookie = bpf_get_socket_cookie(ctx);
r0 = *(u32 *)(r6 +48)
*(u64 *)(r10 -48) = r0             // event.address[0] = ctx->local_ip6[0]; ...
r0 = *(u32 *)(r6 +52)
*(u64 *)(r10 -40) = r0
r0 = *(u32 *)(r6 +56)
*(u64 *)(r10 -32) = r0
r0 = *(u32 *)(r6 +60)
*(u64 *)(r10 -24) = r0
r0 = *(u32 *)(r6 +68)
*(u64 *)(r10 -16) = r0             // event.port = ctx->local_port;
r0 = *(u32 *)(r6 +104)
*(u64 *)(r10 -8) = r0              // event.first = ctx->snd_nxt;
r7 = 1                             // r7 = BPF_RB_NO_WAKEUP;
"""


def size_of(lines: list[str]) -> int:
    """Return the number of places that instructions take: constants of 64 bits take two."""
    return len(lines) + sum(" ll" in line or "map[" in line for line in lines)


@pytest.mark.parametrize("namespace", [None, NAMESPACE])
@pytest.mark.parametrize("comm", [True, False])
@pytest.mark.parametrize(
    ("assemble", "conditions"),
    [(programs.connect4, IPV4), (programs.connect6_mapped, MAPPED), (programs.connect6, IPV6)],
)
def test_instructions_of_connect_programs(
    assemble: Callable[[Target, Desired], bytes], conditions: str, comm: bool, namespace: tuple[int, int] | None
) -> None:
    rest = text(WAKE_UP) + text(OUTPUT.format(-64, 64))
    body = text(BEGIN) + (text(OURS) if namespace else []) + text(IDENTITY) + (text(NAME) if comm else [])
    body += text(BUDGET.replace("goto END", "goto %+d" % (size_of(rest) + 2))) + rest
    checks = len(text(conditions.replace("\n\n", "\n"))) // 2
    jumps = [size_of(body) + 2 * (checks - 1 - check) for check in range(checks)]  # all to the end
    listed = [line for line in text(conditions.format(*jumps)) if line]
    assert listing(assemble(TARGET, Desired(namespace, comm))) == text(CONTEXT) + listed + body + text(END)


@pytest.mark.parametrize(
    ("code", "instructions", "size"),
    [(programs.established(TARGET), ESTABLISHED, 40), (programs.established6(TARGET), ESTABLISHED6, 64)],
)
def test_instructions_of_the_sockops_programs(code: bytes, instructions: str, size: int) -> None:
    expected = text(CONTEXT) + text(instructions) + text(OUTPUT.format(-size, size)) + text(END)
    assert listing(code) == expected


# The interpreter: enough of the instruction set to run these programs.

STACK = 1 << 32  # the value of the frame pointer
VALUES = 1 << 40  # the address of the values of maps
M64 = (1 << 64) - 1
KNOWN, BUDGETS, COUNTERS = 6, 7, 8


class Machine:
    """A processor and a kernel for one process: PID 4711, or 7 in its PID namespace; user 33; control group 99."""

    def __init__(self, clock: int = 5 * 10**9, full: bool = False) -> None:
        self.clock = clock
        self.uid = 33
        self.full = full  # whether the ring buffer has no space
        self.values = bytearray(4096)  # of all maps
        self.places: dict[tuple[int, int], int] = {(COUNTERS, 0): 0}  # of each value, by map and key
        self.used = 16
        self.events: list[tuple[bytes, int]] = []  # with the flags

    def run(self, code: bytes, context: dict[int, int]) -> int:
        """Run a program; *context* has the 32-bit fields by their offset. Return its result."""
        instructions = list(decoded(code))
        self.stack, self.registers = bytearray(512), [0] * 11
        self.registers[10], at = STACK, 0
        while True:
            opcode, dst, src, offset, immediate = instructions[at]
            r, at = self.registers, at + 1
            if opcode == 0x95:
                return r[0]
            if opcode == 0x18:
                upper = instructions[at][4]
                r[dst] = (
                    VALUES + self.places[immediate, 0] + upper if src == 2 else immediate & 0xFFFFFFFF | upper << 32
                )
                at += 1
            elif opcode == 0x61:
                r[dst] = context[offset]
            elif opcode == 0x79:
                r[dst] = self.read(r[src] + offset)
            elif opcode == 0x7B:
                self.write(r[dst] + offset, struct.pack("<Q", r[src]))
            elif opcode == 0x7A:
                self.write(r[dst] + offset, struct.pack("<Q", immediate))
            elif opcode == 0xDB:
                self.write(r[dst] + offset, struct.pack("<Q", self.read(r[dst] + offset) + r[src] & M64))
            elif opcode == 0x85:
                r[0] = self.call(HELPERS[immediate]) & M64
                r[1:6] = [0xBAD] * 5  # a call overwrites these
            elif opcode == 0x05:
                at += offset
            elif opcode in (0x15, 0x25, 0x55, 0x56):
                value = immediate & (0xFFFFFFFF if opcode == 0x56 else M64)
                at += offset if {0x15: r[dst] == value, 0x25: r[dst] > value}.get(opcode, r[dst] != value) else 0
            else:
                r[dst] = (
                    M64
                    & {
                        0xB7: immediate,
                        0xBF: r[src],
                        0x07: r[dst] + immediate,
                        0x1F: r[dst] - r[src],
                        0x67: r[dst] << (immediate & 63),
                        0x77: r[dst] >> (immediate & 63),
                    }[opcode]
                )

    def call(self, name: str) -> int:
        """Run a helper function."""
        r = self.registers
        if name == "map_lookup_elem":
            place = self.places.get((r[1], self.read(r[2])))
            return 0 if place is None else VALUES + place
        if name == "map_update_elem":
            size = {KNOWN: 8, BUDGETS: 16}[r[1]]
            assert r[4] == 0
            self.places[r[1], self.read(r[2])] = self.used
            self.write(VALUES + self.used, bytes(self.memory(r[3])[: self.at(r[3]) + size][self.at(r[3]) :]))
            self.used += size
            return 0
        if name == "ringbuf_output":
            assert r[1] == 5
            if self.full:
                return -11
            self.events.append((bytes(self.stack[self.at(r[2]) : self.at(r[2]) + r[3]]), r[4]))
            return 0
        if name == "get_ns_current_pid_tgid":
            assert (r[1], r[2], r[4]) == (*NAMESPACE, 8)
            self.write(r[3], struct.pack("<II", 8, 7))  # struct bpf_pidns_info: pid, tgid
            return 0
        if name == "get_current_comm":
            self.write(r[1], b"curl".ljust(r[2], b"\0"))
            return 0
        return {
            "get_current_pid_tgid": 4711 << 32 | 4712, "get_current_uid_gid": 34 << 32 | self.uid,
            "get_current_cgroup_id": 99, "get_socket_cookie": 12345, "ktime_get_ns": self.clock,
        }[name]  # fmt: skip

    def counters(self) -> tuple[int, int]:
        """Return the numbers of lost events, and of connections over the budget."""
        return self.read(VALUES), self.read(VALUES + 8)

    def memory(self, address: int) -> bytearray:
        return self.values if address >= VALUES else self.stack

    def at(self, address: int) -> int:
        """Return the index in the memory of this address. The stack grows down from the frame pointer."""
        index = address - VALUES if address >= VALUES else address - STACK + len(self.stack)
        assert 0 <= index < len(self.memory(address))
        return index

    def read(self, address: int) -> int:
        return int(struct.unpack_from("<Q", self.memory(address), self.at(address))[0])

    def write(self, address: int, data: bytes) -> None:
        self.memory(address)[self.at(address) : self.at(address) + len(data)] = data


V4 = {32: 1, 4: ADDRESS, 24: PORT}
MAPPED_V6 = {32: 1, 8: 0, 12: 0, 16: 0xFFFF0000, 20: ADDRESS, 24: PORT}
V6 = {32: 1, 8: 0x000100FD, 12: 0, 16: 0, 20: 0x00020001, 24: PORT}
OPS = {0: 4, 24: ADDRESS, 64: PORT << 16, 28: 0x0100000A, 68: 40000, 104: 0xFFFFFFF0}
OPS6 = {0: 4, 32: 0x000100FD, 36: 0, 40: 0, 44: 0x00020001, 64: PORT << 16}
LOCAL6 = {48: 0x000000FD, 52: 0, 56: 0, 60: 0x01000000, 68: 40000, 104: 0xFFFFFFF0}
CONNECTS = [(programs.connect4, V4), (programs.connect6_mapped, MAPPED_V6), (programs.connect6, V6)]


@pytest.mark.parametrize(("assemble", "context"), CONNECTS)
def test_a_connecting_process_is_reported(
    assemble: Callable[[Target, Desired], bytes], context: dict[int, int]
) -> None:
    machine = Machine()
    assert machine.run(assemble(TARGET, Desired(NAMESPACE, True)), context) == 1
    assert machine.run(assemble(TARGET, Desired(None, False)), context) == 1
    full, small = (programs.CONNECT_EVENT.unpack(data) for data, _flags in machine.events)
    assert full == (1, 4711 << 32 | 4712, 7 << 32 | 8, 34 << 32 | 33, 99, 12345, b"curl".ljust(16, b"\0"))
    assert small == (*full[:2], 0, *full[3:6], bytes(16))
    assert machine.counters() == (0, 0)


def test_a_process_wakes_up_the_watch_at_most_once_a_second() -> None:
    machine, code = Machine(), programs.connect4(TARGET, Desired())
    flags = []
    for elapsed in (0, 999_999_999, 1, 1, 10**9):
        machine.clock += elapsed
        machine.run(code, V4)
        flags.append(machine.events[-1][1])
    assert flags == [2, 1, 1, 2, 1]  # BPF_RB_FORCE_WAKEUP or BPF_RB_NO_WAKEUP
    assert machine.read(VALUES + machine.places[KNOWN, 4711]) == 6_000_000_001


@pytest.mark.slow
def test_a_user_over_the_budget_is_counted_and_does_not_take_that_of_others() -> None:
    machine, code = Machine(), programs.connect4(TARGET, Desired())
    for _connection in range(CONNECTIONS_PER_SECOND + 7):
        assert machine.run(code, V4) == 1
    assert len(machine.events) == CONNECTIONS_PER_SECOND and machine.counters() == (0, 7)
    machine.uid = 34
    machine.run(code, V4)
    assert len(machine.events) == CONNECTIONS_PER_SECOND + 1
    machine.uid, machine.clock = 33, machine.clock + 1_000_000_001  # the next second
    machine.run(code, V4)
    assert len(machine.events) == CONNECTIONS_PER_SECOND + 2 and machine.counters() == (0, 7)


@pytest.mark.parametrize(
    ("code", "context"),
    [
        (programs.connect4(TARGET, Desired()), V4),
        (programs.connect6(TARGET, Desired()), V6),
        (programs.established(TARGET), OPS),
        (programs.established6(TARGET), {**OPS6, **LOCAL6}),
    ],
)
def test_events_that_do_not_fit_are_counted(code: bytes, context: dict[int, int]) -> None:
    machine = Machine(full=True)
    assert machine.run(code, context) == 1
    assert machine.counters() == (1, 0) and machine.events == []


def test_an_established_connection_is_reported_without_waking_up_the_watch() -> None:
    machine = Machine()
    assert machine.run(programs.established(TARGET), OPS) == 1
    assert machine.run(programs.established6(TARGET), {**OPS6, **LOCAL6}) == 1
    (four, flags), (six, flags6) = machine.events
    assert flags == flags6 == 1
    assert programs.ESTABLISHED_EVENT.unpack(four) == (2, 12345, 0x0100000A, 40000, 0xFFFFFFF0)
    assert programs.ESTABLISHED6_EVENT.unpack(six) == (3, 12345, 0xFD, 0, 0, 0x01000000, 40000, 0xFFFFFFF0)


@pytest.mark.parametrize(
    ("code", "context"),
    [
        *((assemble(TARGET, Desired()), context) for assemble, context in CONNECTS),
        (programs.established(TARGET), {field: OPS[field] for field in (0, 24, 64)}),
        (programs.established6(TARGET), OPS6),
    ],
    ids=["connect4", "connect6_mapped", "connect6", "established", "established6"],
)
def test_other_connections_pass_without_an_event(code: bytes, context: dict[int, int]) -> None:
    """This includes UDP sockets: another type is one of the changed fields."""
    for field in context:
        machine = Machine()
        assert machine.run(code, {**context, field: context[field] ^ 1}) == 1
        assert machine.events == [] and machine.used == 16 and machine.counters() == (0, 0)
