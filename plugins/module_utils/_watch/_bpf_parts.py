# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts of the BPF programs: the budget of each user, the wake-up of the watch, and the output. See `_bpf_programs`. Does no I/O."""

import typing as t

from . import _bpf_code as bpf

CONNECTIONS_PER_SECOND = 4096  # of each user; the ring buffer holds the events of three such users for a second
LOST, OVER_BUDGET = 0, 8  # offsets of the counters: events that did not fit, connections over the budget
USER_FIELD, TASK_FIELD = 24, 8  # offsets in the event of a connecting process

# Helper functions: BPF_FUNC_* of the kernel
_RINGBUF_OUTPUT, _MAP_LOOKUP, _MAP_UPDATE, _CLOCK = 130, 1, 2, 5
WAKE_UP, NO_WAKE_UP = 2, 1  # BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP
_SECOND = 1000000000
END = "end"  # the label before ``return 1``


class Target(t.NamedTuple):
    """The addresses of the service, and the file descriptors of the maps that the programs write to."""

    address: bytes  # four bytes
    port: int
    ring: int
    known: int = -1  # from processes to the time of their last wake-up
    address6: bytes = bytes(16)
    budgets: int = -1  # from users to the begin of a second, and the number of connections in it
    counters: int = -1  # an array of one element that can be mapped into memory


#     struct { u64 start, count; } fresh;
#     u64 user = event.user & 0xffffffff;           // the UID; the upper half is the GID
#     r8 = bpf_map_lookup_elem(&budgets, &user);
#     r9 = bpf_ktime_get_ns();
#     if (!r8) {
#         fresh.start = r9;
#         fresh.count = 1;
#         bpf_map_update_elem(&budgets, &user, &fresh, 0);
#     } else if (r9 - r8->start > SECOND) {
#         r8->start = r9;
#         r8->count = 1;
#     } else if (++r8->count > CONNECTIONS_PER_SECOND) {
#         lock counters.over_budget += 1;
#         return 1;
#     }
def check_budget(target: Target, event: int) -> bpf.Code:
    """Return the instructions that return 1 if the user has connected more often in this second than the budget allows."""
    user, start, count = event - 8, event - 24, event - 16
    code: bpf.Code = [
        bpf.instruction(bpf.LOAD, bpf.R0, bpf.FRAME, event + USER_FIELD),
        bpf.instruction(bpf.SHIFT_LEFT, bpf.R0, imm=32),
        bpf.instruction(bpf.SHIFT_RIGHT, bpf.R0, imm=32),
    ]
    code += [bpf.store(user), bpf.load_constant(bpf.R1, target.budgets, bpf.MAP_FD), *bpf.address_of(bpf.R2, user)]
    code += [bpf.instruction(bpf.CALL, imm=_MAP_LOOKUP), bpf.instruction(bpf.MOVE_REGISTER, bpf.R8, bpf.R0)]
    code += [
        bpf.instruction(bpf.CALL, imm=_CLOCK),
        bpf.instruction(bpf.MOVE_REGISTER, bpf.R9, bpf.R0),
        bpf.Jump(bpf.IF_NOT_EQUAL, "known user", bpf.R8),
    ]
    code += [
        bpf.instruction(bpf.STORE, bpf.FRAME, bpf.R9, start),
        bpf.assign(count, 1),
        bpf.load_constant(bpf.R1, target.budgets, bpf.MAP_FD),
    ]
    code += [
        *bpf.address_of(bpf.R2, user),
        *bpf.address_of(bpf.R3, start),
        bpf.instruction(bpf.MOVE, bpf.R4),
        bpf.instruction(bpf.CALL, imm=_MAP_UPDATE),
    ]
    return [*code, bpf.Jump(bpf.GOTO, "within budget"), *_spend(target)]


def _spend(target: Target) -> bpf.Code:
    """Return the part of `check_budget` for a known user, whose value is at r8; r9 is the time."""
    code: bpf.Code = [
        "known user",
        bpf.instruction(bpf.LOAD, bpf.R1, bpf.R8),
        bpf.instruction(bpf.MOVE_REGISTER, bpf.R0, bpf.R9),
    ]
    code += [
        bpf.instruction(bpf.SUBTRACT_REGISTER, bpf.R0, bpf.R1),
        bpf.Jump(bpf.IF_GREATER, "new second", bpf.R0, _SECOND),
    ]
    code += [
        bpf.instruction(bpf.LOAD, bpf.R1, bpf.R8, 8),
        bpf.instruction(bpf.ADD, bpf.R1, imm=1),
        bpf.instruction(bpf.STORE, bpf.R8, bpf.R1, 8),
    ]
    code += [
        bpf.Jump(bpf.IF_GREATER, "over budget", bpf.R1, CONNECTIONS_PER_SECOND),
        bpf.Jump(bpf.GOTO, "within budget"),
    ]
    code += ["over budget", *_count(target, OVER_BUDGET), bpf.Jump(bpf.GOTO, END)]
    code += [
        "new second",
        bpf.instruction(bpf.STORE, bpf.R8, bpf.R9),
        bpf.instruction(bpf.STORE_CONSTANT, bpf.R8, offset=8, imm=1),
        "within budget",
    ]
    return code


#     u64 process, now;
#     r7 = BPF_RB_FORCE_WAKEUP;                 // also if the watch has not read all events
#     process = event.task >> 32;               // the PID
#     u64 *last = bpf_map_lookup_elem(&known, &process);
#     if (last) {
#         r8 = *last;
#         if (bpf_ktime_get_ns() - r8 <= SECOND)
#             r7 = BPF_RB_NO_WAKEUP;
#     }
#     if (r7 == BPF_RB_FORCE_WAKEUP) {
#         now = bpf_ktime_get_ns();
#         bpf_map_update_elem(&known, &process, &now, 0);
#     }
def choose_wake_up(known: int, event: int) -> bpf.Code:
    """Return the instructions that set r7: wake up the watch unless it was woken up for this process a second ago."""
    process, now = event - 8, event - 16
    code: bpf.Code = [
        bpf.instruction(bpf.MOVE, bpf.R7, imm=WAKE_UP),
        bpf.instruction(bpf.LOAD, bpf.R0, bpf.FRAME, event + TASK_FIELD),
        bpf.instruction(bpf.SHIFT_RIGHT, bpf.R0, imm=32),
    ]
    code += [bpf.store(process), bpf.load_constant(bpf.R1, known, bpf.MAP_FD), *bpf.address_of(bpf.R2, process)]
    code += [bpf.instruction(bpf.CALL, imm=_MAP_LOOKUP), bpf.Jump(bpf.IF_EQUAL, "chosen", bpf.R0)]
    code += [
        bpf.instruction(bpf.LOAD, bpf.R8, bpf.R0),
        bpf.instruction(bpf.CALL, imm=_CLOCK),
        bpf.instruction(bpf.SUBTRACT_REGISTER, bpf.R0, bpf.R8),
    ]
    code += [
        bpf.Jump(bpf.IF_GREATER, "chosen", bpf.R0, _SECOND),
        bpf.instruction(bpf.MOVE, bpf.R7, imm=NO_WAKE_UP),
        "chosen",
    ]
    code += [
        bpf.Jump(bpf.IF_NOT_EQUAL, "no wake-up", bpf.R7, WAKE_UP),
        bpf.instruction(bpf.CALL, imm=_CLOCK),
        bpf.store(now),
    ]
    code += [
        bpf.load_constant(bpf.R1, known, bpf.MAP_FD),
        *bpf.address_of(bpf.R2, process),
        *bpf.address_of(bpf.R3, now),
    ]
    code += [bpf.instruction(bpf.MOVE, bpf.R4), bpf.instruction(bpf.CALL, imm=_MAP_UPDATE), "no wake-up"]
    return code


def output(target: Target, event: int) -> bpf.Code:
    """Return the instructions that write the event, which ends at the frame pointer.

    ::

        if (bpf_ringbuf_output(&ring, &event, sizeof(event), r7) != 0)
            lock counters.lost += 1;
    """
    code: bpf.Code = [
        bpf.load_constant(bpf.R1, target.ring, bpf.MAP_FD),
        *bpf.address_of(bpf.R2, event),
        bpf.instruction(bpf.MOVE, bpf.R3, imm=-event),
    ]
    code += [
        bpf.instruction(bpf.MOVE_REGISTER, bpf.R4, bpf.R7),
        bpf.instruction(bpf.CALL, imm=_RINGBUF_OUTPUT),
        bpf.Jump(bpf.IF_EQUAL, END, bpf.R0),
    ]
    return code + _count(target, LOST)


def _count(target: Target, counter: int) -> bpf.Code:
    """Return ``lock counters[counter] += 1``."""
    address = bpf.load_constant(bpf.R1, target.counters, bpf.MAP_VALUE, counter)
    return [address, bpf.instruction(bpf.MOVE, bpf.R2, imm=1), bpf.instruction(bpf.ATOMIC_ADD, bpf.R1, bpf.R2)]
