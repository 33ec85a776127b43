# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assemble the BPF programs that report connections to the metadata service.

* connect4 (IPv4), connect6_mapped (IPv6 sockets that connect to an IPv4-mapped address) and connect6 (IPv6) run in the connecting
  process and report its identity.
* established and established6 run when the connection is established, before any data is sent, and report its port and first
  sequence number.

All programs let every connection pass, and only inspect TCP connections to the service. The cookie of the socket relates the two
events of one connection. An event wakes up the watch only if its process has not connected within the last second: such a
process may end soon, so the watch must read it from /proc at once. To wake up for every connection would slow down, on a busy
host, the very programs that connect.

Each user has a budget of connections per second, so that one user cannot fill the ring buffer for all. Connections over the budget,
and events that do not fit into the ring buffer, are counted.

Instruction set: https://docs.kernel.org/bpf/standardization/instruction-set.html. Contexts: struct bpf_sock_addr and struct
bpf_sock_ops in the kernel's include/uapi/linux/bpf.h. The listings in pseudo-C use the names of that header; ``r6`` is the
context, ``r7`` the flag for the ring buffer, ``r10`` the frame pointer. ``lock x += 1`` is an atomic addition.
"""

import struct
import typing as t

CONNECT, ESTABLISHED, ESTABLISHED6 = 1, 2, 3
CONNECT_EVENT = struct.Struct("<6Q16s")  # kind, task, task in our PID namespace, user, cgroup, cookie, comm
ESTABLISHED_EVENT = struct.Struct("<5Q")  # kind, cookie, local address, local port, next sequence number
ESTABLISHED6_EVENT = struct.Struct("<8Q")  # the same with four words of the local address
CONNECTIONS_PER_SECOND = 4096  # of each user; the ring buffer holds the events of three such users for a second
LOST, OVER_BUDGET = 0, 8  # offsets of the counters: events that did not fit, connections over the budget

# Helper functions: BPF_FUNC_* of the kernel
_COMM, _RINGBUF_OUTPUT, _COOKIE, _CGROUP, _USER, _TASK, _NS_TASK = 16, 130, 46, 80, 15, 14, 120
_MAP_LOOKUP, _MAP_UPDATE, _CLOCK = 1, 2, 5

# Opcodes. "32" operates on the lower half of the register, all others on 64 bits.
_LOAD_32, _LOAD, _STORE, _STORE_CONSTANT, _LOAD_CONSTANT, _ATOMIC_ADD = 0x61, 0x79, 0x7B, 0x7A, 0x18, 0xDB
_MOVE, _MOVE_REGISTER, _ADD, _SUBTRACT_REGISTER, _SHIFT_LEFT, _SHIFT_RIGHT = 0xB7, 0xBF, 0x07, 0x1F, 0x67, 0x77
_GOTO, _IF_EQUAL, _IF_GREATER, _IF_NOT_EQUAL, _IF_NOT_EQUAL_32 = 0x05, 0x15, 0x25, 0x55, 0x56
_CALL, _EXIT = 0x85, 0x95

_PASS = 1  # the result of all programs
_WAKE_UP, _NO_WAKE_UP = 0, 1  # BPF_RB_NO_WAKEUP
_SECOND = 1000000000
_ESTABLISHED_CB = 4  # BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB
_STREAM = 1  # SOCK_STREAM
_MAP_FD, _MAP_VALUE = 1, 2  # BPF_PSEUDO_MAP_FD: the constant is the descriptor of a map, or stands for the map's value
_R0, _R1, _R2, _R3, _R4, _R6, _R7, _R8, _R9, _FRAME = 0, 1, 2, 3, 4, 6, 7, 8, 9, 10
_END = "end"  # the label before ``return 1``

Condition = t.Tuple[int, int]  # offset of a 32-bit field in the context, expected value


class Target(t.NamedTuple):
    """The addresses of the service, and the file descriptors of the maps that the programs write to."""

    address: bytes  # four bytes
    port: int
    ring: int
    known: int = -1  # from processes to the time of their last wake-up
    address6: bytes = bytes(16)
    budgets: int = -1  # from users to the begin of a second, and the number of connections in it
    counters: int = -1  # an array of one element that can be mapped into memory


class _Jump(t.NamedTuple):
    """A jump to a label: an item of the form ``"label"`` in the list of instructions."""

    code: int
    label: str
    register: int = 0
    imm: int = 0


_Code = t.List[t.Union[bytes, str, _Jump]]


class Desired(t.NamedTuple):
    """Values that some kernels, or some privileges, do not provide."""

    namespace: t.Optional[t.Tuple[int, int]] = None  #: translate PIDs to the namespace with this device and inode
    comm: bool = True  #: report command names


def connect4(target: Target, desired: Desired) -> bytes:
    """Return the program for BPF_CGROUP_INET4_CONNECT, whose context is a struct bpf_sock_addr.

    ::

        if (ctx->type != SOCK_STREAM || ctx->user_ip4 != ADDRESS || ctx->user_port != PORT)
            return 1;
        ... the body of _report_process
    """
    conditions = [(4, _number(target.address)), (24, _port(target.port))]  # user_ip4, user_port
    return _report_process(target, conditions, desired)


def connect6_mapped(target: Target, desired: Desired) -> bytes:
    """Return the program for BPF_CGROUP_INET6_CONNECT and IPv4-mapped addresses. Its context is a struct bpf_sock_addr.

    ::

        if (ctx->type != SOCK_STREAM || ctx->user_ip6[0] != 0 || ctx->user_ip6[1] != 0 ||
            ctx->user_ip6[2] != htonl(0xffff) || ctx->user_ip6[3] != ADDRESS || ctx->user_port != PORT)
            return 1;
        ... the body of _report_process
    """
    mapped = b"\0" * 10 + b"\xff\xff" + target.address
    return _report_process(target, [*_words(8, mapped), (24, _port(target.port))], desired)  # user_ip6, user_port


def connect6(target: Target, desired: Desired) -> bytes:
    """Return the program for BPF_CGROUP_INET6_CONNECT and the IPv6 address. Its context is a struct bpf_sock_addr.

    ::

        if (ctx->type != SOCK_STREAM || ctx->user_ip6 != ADDRESS6 || ctx->user_port != PORT)
            return 1;
        ... the body of _report_process
    """
    return _report_process(target, [*_words(8, target.address6), (24, _port(target.port))], desired)


def established(target: Target) -> bytes:
    """Return the program for BPF_CGROUP_SOCK_OPS and IPv4. Its context is a struct bpf_sock_ops.

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
        ... the body of _output
        return 1;
    """
    return _report_connection(target, ESTABLISHED, [(24, _number(target.address))], [28])  # remote_ip4, local_ip4


def established6(target: Target) -> bytes:
    """Return the program for BPF_CGROUP_SOCK_OPS and IPv6, which is like `established` with four words for each address."""
    return _report_connection(target, ESTABLISHED6, _words(32, target.address6), [48, 52, 56, 60])  # remote_ip6, local_ip6


def _report_connection(target: Target, kind: int, remote: t.List[Condition], local: t.List[int]) -> bytes:
    """Return the program that reports established connections; *local* are the offsets of the local address."""
    conditions = [(0, _ESTABLISHED_CB), *remote, (64, _port(target.port) << 16)]  # op, ..., remote_port
    fields = [*local, 68, 104]  # ..., local_port, snd_nxt
    event = -8 * (2 + len(fields))  # its place on the stack
    body: _Code = [_set(event, kind), _ins(_MOVE_REGISTER, _R1, _R6), _ins(_CALL, imm=_COOKIE), _store(event + 8)]
    for at, field in enumerate(fields):
        body += [_ins(_LOAD_32, _R0, _R6, field), _store(event + 16 + 8 * at)]
    return _program(conditions, [*body, _ins(_MOVE, _R7, imm=_NO_WAKE_UP), *_output(target, event)])


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
        ... the body of _check_budget, which may return 1
        ... the body of _choose_wake_up, which sets r7
        ... the body of _output
        return 1;
    """
    event = -int(CONNECT_EVENT.size)  # its place on the stack
    body: _Code = [_set(event, CONNECT), _ins(_CALL, imm=_TASK), _store(event + 8), _set(event + 16, 0)]
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
    body += [*_check_budget(target, event), *_choose_wake_up(target.known, event), *_output(target, event)]
    return _program([(32, _STREAM), *conditions], body)  # type


def _check_budget(target: Target, event: int) -> _Code:
    """Return the instructions that return 1 if the user has connected more often in this second than the budget allows.

    ::

        struct { u64 start, count; } fresh;
        u64 user = event.user & 0xffffffff;           // the UID; the upper half is the GID
        r8 = bpf_map_lookup_elem(&budgets, &user);
        r9 = bpf_ktime_get_ns();
        if (!r8) {
            fresh.start = r9;
            fresh.count = 1;
            bpf_map_update_elem(&budgets, &user, &fresh, 0);
        } else if (r9 - r8->start > SECOND) {
            r8->start = r9;
            r8->count = 1;
        } else if (++r8->count > CONNECTIONS_PER_SECOND) {
            lock counters.over_budget += 1;
            return 1;
        }
    """
    user, start, count = event - 8, event - 24, event - 16
    code: _Code = [_ins(_LOAD, _R0, _FRAME, event + 24), _ins(_SHIFT_LEFT, _R0, imm=32), _ins(_SHIFT_RIGHT, _R0, imm=32)]
    code += [_store(user), _load_constant(_R1, target.budgets, _MAP_FD), *_address_of(_R2, user)]
    code += [_ins(_CALL, imm=_MAP_LOOKUP), _ins(_MOVE_REGISTER, _R8, _R0)]
    code += [_ins(_CALL, imm=_CLOCK), _ins(_MOVE_REGISTER, _R9, _R0), _Jump(_IF_NOT_EQUAL, "known user", _R8)]
    code += [_ins(_STORE, _FRAME, _R9, start), _set(count, 1), _load_constant(_R1, target.budgets, _MAP_FD)]
    code += [*_address_of(_R2, user), *_address_of(_R3, start), _ins(_MOVE, _R4), _ins(_CALL, imm=_MAP_UPDATE)]
    code += [_Jump(_GOTO, "within budget"), "known user", _ins(_LOAD, _R1, _R8), _ins(_MOVE_REGISTER, _R0, _R9)]
    code += [_ins(_SUBTRACT_REGISTER, _R0, _R1), _Jump(_IF_GREATER, "new second", _R0, _SECOND)]
    code += [_ins(_LOAD, _R1, _R8, 8), _ins(_ADD, _R1, imm=1), _ins(_STORE, _R8, _R1, 8)]
    code += [_Jump(_IF_GREATER, "over budget", _R1, CONNECTIONS_PER_SECOND), _Jump(_GOTO, "within budget")]
    code += ["over budget", *_count(target, OVER_BUDGET), _Jump(_GOTO, _END)]
    code += ["new second", _ins(_STORE, _R8, _R9), _ins(_STORE_CONSTANT, _R8, offset=8, imm=1), "within budget"]
    return code


def _choose_wake_up(known: int, event: int) -> _Code:
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
    code: _Code = [_ins(_MOVE, _R7, imm=_WAKE_UP), _ins(_LOAD, _R0, _FRAME, event + 8), _ins(_SHIFT_RIGHT, _R0, imm=32)]
    code += [_store(process), _load_constant(_R1, known, _MAP_FD), *_address_of(_R2, process)]
    code += [_ins(_CALL, imm=_MAP_LOOKUP), _Jump(_IF_EQUAL, "chosen", _R0)]
    code += [_ins(_LOAD, _R8, _R0), _ins(_CALL, imm=_CLOCK), _ins(_SUBTRACT_REGISTER, _R0, _R8)]
    code += [_Jump(_IF_GREATER, "chosen", _R0, _SECOND), _ins(_MOVE, _R7, imm=_NO_WAKE_UP), "chosen"]
    code += [_Jump(_IF_NOT_EQUAL, "no wake-up", _R7), _ins(_CALL, imm=_CLOCK), _store(now)]
    code += [_load_constant(_R1, known, _MAP_FD), *_address_of(_R2, process), *_address_of(_R3, now)]
    code += [_ins(_MOVE, _R4), _ins(_CALL, imm=_MAP_UPDATE), "no wake-up"]
    return code


def _output(target: Target, event: int) -> _Code:
    """Return the instructions that write the event, which ends at the frame pointer.

    ::

        if (bpf_ringbuf_output(&ring, &event, sizeof(event), r7) != 0)
            lock counters.lost += 1;
    """
    code: _Code = [_load_constant(_R1, target.ring, _MAP_FD), *_address_of(_R2, event), _ins(_MOVE, _R3, imm=-event)]
    code += [_ins(_MOVE_REGISTER, _R4, _R7), _ins(_CALL, imm=_RINGBUF_OUTPUT), _Jump(_IF_EQUAL, _END, _R0)]
    return code + _count(target, LOST)


def _count(target: Target, counter: int) -> _Code:
    """Return ``lock counters[counter] += 1``."""
    address = _load_constant(_R1, target.counters, _MAP_VALUE, counter)
    return [address, _ins(_MOVE, _R2, imm=1), _ins(_ATOMIC_ADD, _R1, _R2)]


def _program(conditions: t.List[Condition], body: _Code) -> bytes:
    """Return the program that runs *body* if all *conditions* hold, and lets every connection pass.

    ::

        r6 = ctx;
        if (*(u32 *)(ctx + offset) != value)      // for each condition
            return 1;
        ... the body
        return 1;
    """
    code: _Code = [_ins(_MOVE_REGISTER, _R6, _R1)]
    for field, value in conditions:
        code += [_ins(_LOAD_32, _R0, _R6, field), _Jump(_IF_NOT_EQUAL_32, _END, _R0, value)]
    return _resolved([*code, *body, _END, _ins(_MOVE, _R0, imm=_PASS), _ins(_EXIT)])


def _resolved(code: _Code) -> bytes:
    """Return the instructions, with the distances of jumps to labels."""
    places: t.Dict[str, int] = {}
    at = 0
    for item in code:
        if isinstance(item, str):
            places[item] = at
        else:
            at += len(item) // 8 if isinstance(item, bytes) else 1
    result = b""
    for item in code:
        if isinstance(item, _Jump):
            distance = places[item.label] - len(result) // 8 - 1
            result += _ins(item.code, item.register, offset=distance, imm=item.imm)
        elif isinstance(item, bytes):
            result += item
    return result


def _ins(code: int, destination: int = 0, source: int = 0, offset: int = 0, imm: int = 0) -> bytes:
    """Return one instruction: struct bpf_insn."""
    return struct.pack("<BBhI", code, destination | source << 4, offset, imm & 0xFFFFFFFF)


def _load_constant(register: int, value: int, source: int = 0, upper: int = 0) -> bytes:
    """Return ``register = value`` for 64 bits, which takes two instructions; *upper* is the offset in a map's value."""
    return _ins(_LOAD_CONSTANT, register, source, imm=value) + _ins(0, imm=upper or value >> 32)


def _address_of(register: int, offset: int) -> _Code:
    """Return ``register = r10 + offset``."""
    return [_ins(_MOVE_REGISTER, register, _FRAME), _ins(_ADD, register, imm=offset)]


def _store(offset: int) -> bytes:
    """Return ``*(u64 *)(r10 + offset) = r0``; r0 is the result of the last call."""
    return _ins(_STORE, _FRAME, _R0, offset)


def _set(offset: int, value: int) -> bytes:
    """Return ``*(u64 *)(r10 + offset) = value``."""
    return _ins(_MOVE, _R0, imm=value) + _store(offset)


def _words(offset: int, address: bytes) -> t.List[Condition]:
    """Return the conditions that four fields, the first one at *offset*, are an IPv6 address."""
    return [(offset + at, _number(address[at : at + 4])) for at in range(0, 16, 4)]


def _number(address: bytes) -> int:
    """Return the number that a little-endian processor loads from an address in network byte order."""
    return int.from_bytes(address, "little")


def _port(port: int) -> int:
    return int.from_bytes(port.to_bytes(2, "big"), "little")
