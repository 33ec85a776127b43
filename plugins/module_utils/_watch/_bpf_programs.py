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

Contexts: struct bpf_sock_addr and struct bpf_sock_ops in the kernel's include/uapi/linux/bpf.h. The listings in pseudo-C use the
names of that header; ``r6`` is the context, ``r7`` the flag for the ring buffer, ``r10`` the frame pointer. ``lock x += 1`` is an
atomic addition.
"""

import struct
import typing as t

from . import _bpf_code as bpf
from ._bpf_parts import END, NO_WAKE_UP, TASK_FIELD, USER_FIELD, Target, check_budget, choose_wake_up, output

CONNECT, ESTABLISHED, ESTABLISHED6 = 1, 2, 3
CONNECT_EVENT = struct.Struct("<6Q16s")  # kind, task, task in our PID namespace, user, cgroup, cookie, comm
ESTABLISHED_EVENT = struct.Struct("<5Q")  # kind, cookie, local address, local port, next sequence number
ESTABLISHED6_EVENT = struct.Struct("<8Q")  # the same with four words of the local address

# Helper functions: BPF_FUNC_* of the kernel
_COMM, _COOKIE, _CGROUP, _USER, _TASK, _NS_TASK = 16, 46, 80, 15, 14, 120

_PASS = 1  # the result of all programs
_ESTABLISHED_CB = 4  # BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB
_STREAM = 1  # SOCK_STREAM

Condition = t.Tuple[int, int]  # offset of a 32-bit field in the context, expected value


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
        ... the body of output
        return 1;
    """
    return _report_connection(target, ESTABLISHED, [(24, _number(target.address))], [28])  # remote_ip4, local_ip4


def established6(target: Target) -> bytes:
    """Return the program for BPF_CGROUP_SOCK_OPS and IPv6, which is like `established` with four words for each address."""
    return _report_connection(
        target, ESTABLISHED6, _words(32, target.address6), [48, 52, 56, 60]
    )  # remote_ip6, local_ip6


def _report_connection(target: Target, kind: int, remote: t.List[Condition], local: t.List[int]) -> bytes:
    """Return the program that reports established connections; *local* are the offsets of the local address."""
    conditions = [(0, _ESTABLISHED_CB), *remote, (64, _port(target.port) << 16)]  # op, ..., remote_port
    fields = [*local, 68, 104]  # ..., local_port, snd_nxt
    event = -8 * (2 + len(fields))  # its place on the stack
    body: bpf.Code = [
        bpf.assign(event, kind),
        bpf.instruction(bpf.MOVE_REGISTER, bpf.R1, bpf.R6),
        bpf.instruction(bpf.CALL, imm=_COOKIE),
        bpf.store(event + 8),
    ]
    for at, field in enumerate(fields):
        body += [bpf.instruction(bpf.LOAD_32, bpf.R0, bpf.R6, field), bpf.store(event + 16 + 8 * at)]
    return _program(conditions, [*body, bpf.instruction(bpf.MOVE, bpf.R7, imm=NO_WAKE_UP), *output(target, event)])


#     struct { u64 kind, task; struct { u32 pid, tgid; } ours; u64 user, cgroup, cookie; char comm[16]; } event;
#     event.kind = CONNECT;
#     event.task = bpf_get_current_pid_tgid();
#     event.ours = 0;
#     event.comm = "";
#     #if NAMESPACE
#     bpf_get_ns_current_pid_tgid(NAMESPACE_DEVICE, NAMESPACE_INODE, &event.ours, 8);
#     #endif
#     event.user = bpf_get_current_uid_gid();
#     event.cgroup = bpf_get_current_cgroup_id();
#     event.cookie = bpf_get_socket_cookie(ctx);
#     #if COMM
#     bpf_get_current_comm(&event.comm, 16);
#     #endif
#     ... the body of check_budget, which may return 1
#     ... the body of choose_wake_up, which sets r7
#     ... the body of output
#     return 1;
def _report_process(target: Target, conditions: t.List[Condition], desired: Desired) -> bytes:
    """Return the program that reports the current process if the *conditions* hold."""
    event = -int(CONNECT_EVENT.size)  # its place on the stack
    body: bpf.Code = [
        bpf.assign(event, CONNECT),
        bpf.instruction(bpf.CALL, imm=_TASK),
        bpf.store(event + TASK_FIELD),
        bpf.assign(event + 16, 0),
    ]
    body += [bpf.assign(event + 48, 0), bpf.assign(event + 56, 0)]
    if desired.namespace:
        device, inode = desired.namespace
        body += [
            bpf.load_constant(bpf.R1, device),
            bpf.load_constant(bpf.R2, inode),
            *bpf.address_of(bpf.R3, event + 16),
        ]
        body += [bpf.instruction(bpf.MOVE, bpf.R4, imm=8), bpf.instruction(bpf.CALL, imm=_NS_TASK)]
    for helper, place in ((_USER, USER_FIELD), (_CGROUP, 32)):
        body += [bpf.instruction(bpf.CALL, imm=helper), bpf.store(event + place)]
    body += [
        bpf.instruction(bpf.MOVE_REGISTER, bpf.R1, bpf.R6),
        bpf.instruction(bpf.CALL, imm=_COOKIE),
        bpf.store(event + 40),
    ]
    if desired.comm:
        body += [
            *bpf.address_of(bpf.R1, event + 48),
            bpf.instruction(bpf.MOVE, bpf.R2, imm=16),
            bpf.instruction(bpf.CALL, imm=_COMM),
        ]
    body += [*check_budget(target, event), *choose_wake_up(target.known, event), *output(target, event)]
    return _program([(32, _STREAM), *conditions], body)  # type


def _program(conditions: t.List[Condition], body: bpf.Code) -> bytes:
    """Return the program that runs *body* if all *conditions* hold, and lets every connection pass.

    ::

        r6 = ctx;
        if (*(u32 *)(ctx + offset) != value)      // for each condition
            return 1;
        ... the body
        return 1;
    """
    code: bpf.Code = [bpf.instruction(bpf.MOVE_REGISTER, bpf.R6, bpf.R1)]
    for field, value in conditions:
        code += [bpf.instruction(bpf.LOAD_32, bpf.R0, bpf.R6, field), bpf.Jump(bpf.IF_NOT_EQUAL_32, END, bpf.R0, value)]
    return bpf.resolved([*code, *body, END, bpf.instruction(bpf.MOVE, bpf.R0, imm=_PASS), bpf.instruction(bpf.EXIT)])


def _words(offset: int, address: bytes) -> t.List[Condition]:
    """Return the conditions that four fields, the first one at *offset*, are an IPv6 address."""
    return [(offset + at, _number(address[at : at + 4])) for at in range(0, 16, 4)]


def _number(address: bytes) -> int:
    """Return the number that a little-endian processor loads from an address in network byte order."""
    return int.from_bytes(address, "little")


def _port(port: int) -> int:
    return int.from_bytes(port.to_bytes(2, "big"), "little")
