# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What does the kernel do when a process connects to the service? Three small BPF programs, put together here; pure.

* connect4 and connect6 (IPv4 addresses in IPv6 sockets) run in the connecting process and tell who it is.
* sockops runs when the connection stands, before any data, and tells its port and first sequence number.

All three let everything pass, and look at nothing but connections to the service. The socket's cookie ties what they
tell together. The watch is woken up for a process that has not connected for a second, and for nothing else: that one may end
at once and has to be looked at, and to be woken up for each connection would hold up, on a busy machine, the very programs
that connect. The instruction set: https://docs.kernel.org/bpf/standardization/instruction-set.html; the contexts:
struct bpf_sock_addr and bpf_sock_ops in the kernel's include/uapi/linux/bpf.h.
"""

from __future__ import annotations

import struct
import typing as t

CONNECT, ESTABLISHED = 1, 2
CONNECT_EVENT = struct.Struct("<6Q16s")  # kind, task, task in our namespace, user, cgroup, cookie, comm
ESTABLISHED_EVENT = struct.Struct("<5Q")  # kind, cookie, local address, local port, next number to send

# helper functions
_COMM, _RINGBUF, _COOKIE, _CGROUP, _USER, _TASK, _NS_TASK = 16, 130, 46, 80, 15, 14, 120
_FIND, _UPDATE, _CLOCK = 1, 2, 5
_LOAD, _STORE, _MOVE, _MOVE_REGISTER, _ADD, _UNLESS = 0x61, 0x7B, 0xB7, 0xBF, 0x07, 0x56
_CALL, _EXIT, _LOAD_64 = 0x85, 0x95, 0x18
_LOAD_LONG, _SHIFT_RIGHT, _SUBTRACT, _IF_EQUAL, _IF_GREATER, _IF_OTHER = 0x79, 0x77, 0x1F, 0x15, 0x25, 0x55
_WAKE_UP, _DO_NOT_WAKE_UP = 0, 1  # BPF_RB_NO_WAKEUP
_SECOND = 1000000000
_ESTABLISHED_CB = 4  # BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB
_MAP_FD = 1
_R0, _R1, _R2, _R3, _R4, _R6, _R7, _R8, _STACK = 0, 1, 2, 3, 4, 6, 7, 8, 10


class Target(t.NamedTuple):
    """The service, and the ring buffer that is told of connections to it."""

    address: bytes  # four bytes
    port: int
    ring: int  # file descriptor
    known: int = -1  # of a map from processes to the time when the watch was woken up for them


class Desired(t.NamedTuple):
    """What not every kernel tells, or not everybody: PIDs of a namespace (its device and inode), and command names."""

    namespace: t.Optional[t.Tuple[int, int]] = None
    comm: bool = True


def connect4(target: Target, desired: Desired) -> bytes:
    """For BPF_CGROUP_INET4_CONNECT."""
    wanted = [(4, _number(target.address)), (24, _port(target.port))]  # user_ip4, user_port
    return _tell_who(target, wanted, desired)


def connect6(target: Target, desired: Desired) -> bytes:
    """For BPF_CGROUP_INET6_CONNECT."""
    mapped = [(8, 0), (12, 0), (16, _number(b"\0\0\xff\xff")), (20, _number(target.address))]  # user_ip6
    return _tell_who(target, [*mapped, (24, _port(target.port))], desired)


def established(target: Target) -> bytes:
    """For BPF_CGROUP_SOCK_OPS."""
    size = int(ESTABLISHED_EVENT.size)
    tell = [_put(-size, ESTABLISHED), _ins(_MOVE_REGISTER, _R1, _R6), _ins(_CALL, imm=_COOKIE), _keep(8 - size)]
    for field, place in ((28, 16), (68, 24), (104, 32)):  # local_ip4, local_port, snd_nxt
        tell += [_ins(_LOAD, _R0, _R6, field), _keep(place - size)]
    wanted = [
        (0, _ESTABLISHED_CB),
        (24, _number(target.address)),
        (64, _port(target.port) << 16),
    ]  # op, remote_ip4, remote_port
    return _program(wanted, [*tell, _ins(_MOVE, _R7, imm=_DO_NOT_WAKE_UP), *_send(target.ring, size)])


def _tell_who(target: Target, wanted: t.List[t.Tuple[int, int]], desired: Desired) -> bytes:
    size = int(CONNECT_EVENT.size)
    tell = [_put(-size, CONNECT), _ins(_CALL, imm=_TASK), _keep(8 - size), _put(16 - size, 0)]
    tell += [_put(48 - size, 0), _put(56 - size, 0)]
    if desired.namespace:
        tell += [_load_64(_R1, desired.namespace[0]), _load_64(_R2, desired.namespace[1]), *_address(_R3, 16 - size)]
        tell += [_ins(_MOVE, _R4, imm=8), _ins(_CALL, imm=_NS_TASK)]
    for helper, place in ((_USER, 24), (_CGROUP, 32)):
        tell += [_ins(_CALL, imm=helper), _keep(place - size)]
    tell += [_ins(_MOVE_REGISTER, _R1, _R6), _ins(_CALL, imm=_COOKIE), _keep(40 - size)]
    if desired.comm:
        tell += [*_address(_R1, 48 - size), _ins(_MOVE, _R2, imm=16), _ins(_CALL, imm=_COMM)]
    return _program(wanted, tell + _is_known(target.known, size) + _send(target.ring, size))


def _program(wanted: t.List[t.Tuple[int, int]], tell: t.List[bytes]) -> bytes:
    """*tell* where the fields of the context have the *wanted* values; then let pass."""
    body, ending = b"".join(tell), _put_result(1)
    checks: t.List[bytes] = []
    left = len(body) // 8
    for field, value in reversed(wanted):
        checks[:0] = [_ins(_LOAD, _R0, _R6, field), _ins(_UNLESS, _R0, offset=left, imm=value)]
        left += 2
    return _ins(_MOVE_REGISTER, _R6, _R1) + b"".join(checks) + body + ending


def _is_known(known: int, size: int) -> t.List[bytes]:
    """Set R7 to whether to wake up the watch; *size* bytes of the stack are taken."""
    process, now = -size - 8, -size - 16
    remember = [_ins(_CALL, imm=_CLOCK), _keep(now), _load_64(_R1, known, _MAP_FD), *_address(_R2, process)]
    remember += [*_address(_R3, now), _ins(_MOVE, _R4), _ins(_CALL, imm=_UPDATE)]
    compare = [_ins(_LOAD_LONG, _R8, _R0), _ins(_CALL, imm=_CLOCK), _ins(_SUBTRACT, _R0, _R8)]
    compare += [_ins(_IF_GREATER, _R0, offset=1, imm=_SECOND), _ins(_MOVE, _R7, imm=_DO_NOT_WAKE_UP)]
    find = [_ins(_MOVE, _R7, imm=_WAKE_UP), _ins(_LOAD_LONG, _R0, _STACK, 8 - size), _ins(_SHIFT_RIGHT, _R0, imm=32)]
    find += [_keep(process), _load_64(_R1, known, _MAP_FD), *_address(_R2, process), _ins(_CALL, imm=_FIND)]
    find += [_ins(_IF_EQUAL, _R0, offset=len(compare)), *compare]
    return [*find, _ins(_IF_OTHER, _R7, offset=len(b"".join(remember)) // 8), *remember]


def _send(ring: int, size: int) -> t.List[bytes]:
    start = [_load_64(_R1, ring, _MAP_FD), *_address(_R2, -size)]
    return [*start, _ins(_MOVE, _R3, imm=size), _ins(_MOVE_REGISTER, _R4, _R7), _ins(_CALL, imm=_RINGBUF)]


def _ins(code: int, destination: int = 0, source: int = 0, offset: int = 0, imm: int = 0) -> bytes:
    return struct.pack("<BBhI", code, destination | source << 4, offset, imm & 0xFFFFFFFF)


def _load_64(register: int, value: int, source: int = 0) -> bytes:
    return _ins(_LOAD_64, register, source, imm=value) + _ins(0, imm=value >> 32)


def _address(register: int, offset: int) -> t.List[bytes]:
    """The address of a place on the stack."""
    return [_ins(_MOVE_REGISTER, register, _STACK), _ins(_ADD, register, imm=offset)]


def _keep(offset: int) -> bytes:
    """Store the result of the last call on the stack."""
    return _ins(_STORE, _STACK, _R0, offset)


def _put(offset: int, value: int) -> bytes:
    return _ins(_MOVE, _R0, imm=value) + _keep(offset)


def _put_result(value: int) -> bytes:
    return _ins(_MOVE, _R0, imm=value) + _ins(_EXIT)


def _number(address: bytes) -> int:
    """As a little-endian machine loads it."""
    return int.from_bytes(address, "little")


def _port(port: int) -> int:
    return int.from_bytes(port.to_bytes(2, "big"), "little")
