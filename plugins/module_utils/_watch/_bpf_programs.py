# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assemble the three BPF programs that report connections to the metadata service.

* connect4 and connect6 (IPv6 sockets that connect to an IPv4-mapped address) run in the connecting process and report its
  identity.
* sockops runs when the connection is established, before any data is sent, and reports its port and first sequence number.

All three let every connection pass, and only inspect connections to the service. The cookie of the socket relates the two
events of one connection. An event wakes up the watch only if its process has not connected within the last second: such a
process may end soon, so the watch must read it from /proc at once. To wake up for every connection would slow down, on a busy
host, the very programs that connect.

Instruction set: https://docs.kernel.org/bpf/standardization/instruction-set.html. Contexts: struct bpf_sock_addr and struct
bpf_sock_ops in the kernel's include/uapi/linux/bpf.h. The listings in pseudo-C use the names of that header; ``r6`` is the
context, ``r7`` the flag for the ring buffer, ``r10`` the frame pointer.
"""

import struct
import typing as t

CONNECT, ESTABLISHED = 1, 2
CONNECT_EVENT = struct.Struct("<6Q16s")  # kind, task, task in our PID namespace, user, cgroup, cookie, comm
ESTABLISHED_EVENT = struct.Struct("<5Q")  # kind, cookie, local address, local port, next sequence number

# Helper functions: BPF_FUNC_* of the kernel
_COMM, _RINGBUF_OUTPUT, _COOKIE, _CGROUP, _USER, _TASK, _NS_TASK = 16, 130, 46, 80, 15, 14, 120
_MAP_LOOKUP, _MAP_UPDATE, _CLOCK = 1, 2, 5

# Opcodes. "32" operates on the lower half of the register, all others on 64 bits.
_LOAD_32, _LOAD, _STORE, _LOAD_CONSTANT = 0x61, 0x79, 0x7B, 0x18
_MOVE, _MOVE_REGISTER, _ADD, _SUBTRACT_REGISTER, _SHIFT_RIGHT = 0xB7, 0xBF, 0x07, 0x1F, 0x77
_IF_EQUAL, _IF_GREATER, _IF_NOT_EQUAL, _IF_NOT_EQUAL_32 = 0x15, 0x25, 0x55, 0x56
_CALL, _EXIT = 0x85, 0x95

_PASS = 1  # the result of all programs
_WAKE_UP, _NO_WAKE_UP = 0, 1  # BPF_RB_NO_WAKEUP
_SECOND = 1000000000
_ESTABLISHED_CB = 4  # BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB
_MAP_FD = 1  # BPF_PSEUDO_MAP_FD: the constant is the file descriptor of a map
_R0, _R1, _R2, _R3, _R4, _R6, _R7, _R8, _FRAME = 0, 1, 2, 3, 4, 6, 7, 8, 10

Condition = t.Tuple[int, int]  # offset of a 32-bit field in the context, expected value


class Target(t.NamedTuple):
    """The address of the service, and the maps that the programs write to."""

    address: bytes  # four bytes
    port: int
    ring: int  # file descriptor of the ring buffer
    known: int = -1  # file descriptor of a map from processes to the time of their last wake-up


class Desired(t.NamedTuple):
    """Values that some kernels, or some privileges, do not provide."""

    namespace: t.Optional[t.Tuple[int, int]] = None  #: translate PIDs to the namespace with this device and inode
    comm: bool = True  #: report command names


def connect4(target: Target, desired: Desired) -> bytes:
    """Return the program for BPF_CGROUP_INET4_CONNECT, whose context is a struct bpf_sock_addr.

    ::

        if (ctx->user_ip4 != ADDRESS || ctx->user_port != PORT)
            return 1;
        ... the body of _report_process
    """
    conditions = [(4, _number(target.address)), (24, _port(target.port))]  # user_ip4, user_port
    return _report_process(target, conditions, desired)


def connect6(target: Target, desired: Desired) -> bytes:
    """Return the program for BPF_CGROUP_INET6_CONNECT, whose context is a struct bpf_sock_addr.

    ::

        if (ctx->user_ip6[0] != 0 || ctx->user_ip6[1] != 0 || ctx->user_ip6[2] != htonl(0xffff) ||
            ctx->user_ip6[3] != ADDRESS || ctx->user_port != PORT)
            return 1;
        ... the body of _report_process
    """
    mapped = [(8, 0), (12, 0), (16, _number(b"\0\0\xff\xff")), (20, _number(target.address))]  # user_ip6
    return _report_process(target, [*mapped, (24, _port(target.port))], desired)


def established(target: Target) -> bytes:
    """Return the program for BPF_CGROUP_SOCK_OPS, whose context is a struct bpf_sock_ops.

    ::

        if (ctx->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB || ctx->remote_ip4 != ADDRESS || ctx->remote_port != PORT << 16)
            return 1;
        struct { u64 kind, cookie, address, port, first; } event;
        event.kind = ESTABLISHED;
        event.cookie = bpf_get_socket_cookie(ctx);
        event.address = ctx->local_ip4;
        event.port = ctx->local_port;
        event.first = ctx->snd_nxt;
        r7 = BPF_RB_NO_WAKEUP;
        bpf_ringbuf_output(&ring, &event, sizeof(event), r7);
        return 1;
    """
    conditions = [
        (0, _ESTABLISHED_CB),  # op
        (24, _number(target.address)),  # remote_ip4
        (64, _port(target.port) << 16),  # remote_port
    ]
    event = -int(ESTABLISHED_EVENT.size)  # its place on the stack
    body = [_set(event, ESTABLISHED), _ins(_MOVE_REGISTER, _R1, _R6), _ins(_CALL, imm=_COOKIE), _store(event + 8)]
    for field, place in ((28, 16), (68, 24), (104, 32)):  # local_ip4, local_port, snd_nxt
        body += [_ins(_LOAD_32, _R0, _R6, field), _store(event + place)]
    return _program(conditions, [*body, _ins(_MOVE, _R7, imm=_NO_WAKE_UP), *_output(target.ring, event)])


def _report_process(target: Target, conditions: t.List[Condition], desired: Desired) -> bytes:
    """Return the program that reports the current process if the *conditions* hold.

    ::

        struct { u64 kind, task; struct { u32 pid, tgid; } ours; u64 user, cgroup, cookie; char comm[16]; } event;
        event.kind = CONNECT;
        event.task = bpf_get_current_pid_tgid();
        event.ours = 0;
        event.comm = "";
        #if NAMESPACE
        bpf_get_ns_current_pid_tgid(NAMESPACE_DEVICE, NAMESPACE_INODE, &event.ours, 8);
        #endif
        event.user = bpf_get_current_uid_gid();
        event.cgroup = bpf_get_current_cgroup_id();
        event.cookie = bpf_get_socket_cookie(ctx);
        #if COMM
        bpf_get_current_comm(&event.comm, 16);
        #endif
        ... the body of _choose_wake_up, which sets r7
        bpf_ringbuf_output(&ring, &event, sizeof(event), r7);
        return 1;
    """
    event = -int(CONNECT_EVENT.size)  # its place on the stack
    body = [_set(event, CONNECT), _ins(_CALL, imm=_TASK), _store(event + 8), _set(event + 16, 0)]
    body += [_set(event + 48, 0), _set(event + 56, 0)]
    if desired.namespace:
        device, inode = desired.namespace
        body += [_load_constant(_R1, device), _load_constant(_R2, inode), *_address_of(_R3, event + 16)]
        body += [_ins(_MOVE, _R4, imm=8), _ins(_CALL, imm=_NS_TASK)]
    for helper, place in ((_USER, 24), (_CGROUP, 32)):
        body += [_ins(_CALL, imm=helper), _store(event + place)]
    body += [_ins(_MOVE_REGISTER, _R1, _R6), _ins(_CALL, imm=_COOKIE), _store(event + 40)]
    if desired.comm:
        body += [*_address_of(_R1, event + 48), _ins(_MOVE, _R2, imm=16), _ins(_CALL, imm=_COMM)]
    return _program(conditions, body + _choose_wake_up(target.known, event) + _output(target.ring, event))


def _choose_wake_up(known: int, event: int) -> t.List[bytes]:
    """Return the instructions that set r7: wake up the watch unless it was woken up for this process a second ago.

    ::

        u64 process, now;
        r7 = BPF_RB_WAKEUP;                       // 0
        process = event.task >> 32;               // the PID
        u64 *last = bpf_map_lookup_elem(&known, &process);
        if (last) {
            r8 = *last;
            if (bpf_ktime_get_ns() - r8 <= SECOND)
                r7 = BPF_RB_NO_WAKEUP;
        }
        if (r7 == BPF_RB_WAKEUP) {
            now = bpf_ktime_get_ns();
            bpf_map_update_elem(&known, &process, &now, 0);
        }
    """
    process, now = event - 8, event - 16
    update = [_ins(_CALL, imm=_CLOCK), _store(now), _load_constant(_R1, known, _MAP_FD), *_address_of(_R2, process)]
    update += [*_address_of(_R3, now), _ins(_MOVE, _R4), _ins(_CALL, imm=_MAP_UPDATE)]
    compare = [_ins(_LOAD, _R8, _R0), _ins(_CALL, imm=_CLOCK), _ins(_SUBTRACT_REGISTER, _R0, _R8)]
    compare += [_ins(_IF_GREATER, _R0, offset=1, imm=_SECOND), _ins(_MOVE, _R7, imm=_NO_WAKE_UP)]
    lookup = [_ins(_MOVE, _R7, imm=_WAKE_UP), _ins(_LOAD, _R0, _FRAME, event + 8), _ins(_SHIFT_RIGHT, _R0, imm=32)]
    lookup += [_store(process), _load_constant(_R1, known, _MAP_FD), *_address_of(_R2, process)]
    lookup += [_ins(_CALL, imm=_MAP_LOOKUP), _ins(_IF_EQUAL, _R0, offset=len(compare)), *compare]
    return [*lookup, _ins(_IF_NOT_EQUAL, _R7, offset=len(b"".join(update)) // 8), *update]


def _program(conditions: t.List[Condition], body: t.List[bytes]) -> bytes:
    """Return the program that runs *body* if all *conditions* hold, and lets every connection pass.

    ::

        r6 = ctx;
        if (*(u32 *)(ctx + offset) != value)      // for each condition
            return 1;
        ... the body
        return 1;
    """
    code, end = b"".join(body), _ins(_MOVE, _R0, imm=_PASS) + _ins(_EXIT)
    checks: t.List[bytes] = []
    distance = len(code) // 8  # instructions from the check to the end
    for field, value in reversed(conditions):
        checks[:0] = [_ins(_LOAD_32, _R0, _R6, field), _ins(_IF_NOT_EQUAL_32, _R0, offset=distance, imm=value)]
        distance += 2
    return _ins(_MOVE_REGISTER, _R6, _R1) + b"".join(checks) + code + end


def _output(ring: int, event: int) -> t.List[bytes]:
    """Return ``bpf_ringbuf_output(&ring, &event, sizeof(event), r7)``; the event ends at the frame pointer."""
    start = [_load_constant(_R1, ring, _MAP_FD), *_address_of(_R2, event)]
    return [*start, _ins(_MOVE, _R3, imm=-event), _ins(_MOVE_REGISTER, _R4, _R7), _ins(_CALL, imm=_RINGBUF_OUTPUT)]


def _ins(code: int, destination: int = 0, source: int = 0, offset: int = 0, imm: int = 0) -> bytes:
    """Return one instruction: struct bpf_insn."""
    return struct.pack("<BBhI", code, destination | source << 4, offset, imm & 0xFFFFFFFF)


def _load_constant(register: int, value: int, source: int = 0) -> bytes:
    """Return ``register = value`` for 64 bits, which takes two instructions."""
    return _ins(_LOAD_CONSTANT, register, source, imm=value) + _ins(0, imm=value >> 32)


def _address_of(register: int, offset: int) -> t.List[bytes]:
    """Return ``register = r10 + offset``."""
    return [_ins(_MOVE_REGISTER, register, _FRAME), _ins(_ADD, register, imm=offset)]


def _store(offset: int) -> bytes:
    """Return ``*(u64 *)(r10 + offset) = r0``; r0 is the result of the last call."""
    return _ins(_STORE, _FRAME, _R0, offset)


def _set(offset: int, value: int) -> bytes:
    """Return ``*(u64 *)(r10 + offset) = value``."""
    return _ins(_MOVE, _R0, imm=value) + _store(offset)


def _number(address: bytes) -> int:
    """Return the number that a little-endian processor loads from an address in network byte order."""
    return int.from_bytes(address, "little")


def _port(port: int) -> int:
    return int.from_bytes(port.to_bytes(2, "big"), "little")
