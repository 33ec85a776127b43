# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the user and the process of a socket.

Used for connections that are older than the watch, and on kernels that do not report connecting processes. Finds only sockets
that still exist in this network namespace, and processes that have not ended. sock_diag(7) is queried for one socket, because
reading all of /proc/net/tcp takes longer than some processes live.
"""

import os
import socket
import struct
import time
import typing as t

_SHARE = 0.1  # of the time may be spent searching for processes
_NETLINK_SOCK_DIAG, _BY_FAMILY, _REQUEST = 4, 20, 1
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_SOCKET = struct.Struct("!HH16s16s")  # struct inet_diag_sockid: local and remote port, local and remote address
_ANY_DEVICE_NO_COOKIE = struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
_EVERY_STATE = 0xFFFFFFFF
_REPLY = struct.Struct(
    "=4B48xIIIII"
)  # struct inet_diag_msg: family, state, timer, retransmits; expires, queues, uid, inode


class Owner(t.NamedTuple):
    """The user of a socket, and the process that has it open (0 if none was found)."""

    uid: int
    pid: int


class Sockets:
    """A netlink socket for queries. *proc* replaces /proc, and *netlink* the socket, in tests."""

    def __init__(self, proc: str = "/proc", netlink: t.Optional[socket.socket] = None) -> None:
        self._proc = proc
        self._pause_until = 0.0  # monotonic time before which no process is searched for
        self._sequence = 0
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
        self._netlink = netlink or socket.socket(socket.AF_NETLINK, kind, _NETLINK_SOCK_DIAG)
        self._netlink.settimeout(0.2)

    def owner(self, source: str, port: int, remote: str, remote_port: int) -> t.Optional[Owner]:
        """Return the owner of the TCP socket that is connected from *source* to *remote*, or None if there is no such socket."""
        self._sequence += 1
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        addresses = [socket.inet_pton(family, address) for address in (source, remote)]
        ends = _SOCKET.pack(port, remote_port, *addresses)
        request = struct.pack("=4BI", family, socket.IPPROTO_TCP, 0, 0, _EVERY_STATE)
        request += ends + _ANY_DEVICE_NO_COOKIE
        head = _HEADER.pack(_HEADER.size + len(request), _BY_FAMILY, _REQUEST, self._sequence, 0)
        try:
            self._netlink.sendto(head + request, (0, 0))
            reply = self._reply()
        except OSError:
            return None
        if reply is None or len(reply) < _HEADER.size + _REPLY.size:
            return None
        uid, inode = _REPLY.unpack_from(reply, _HEADER.size)[-2:]
        return Owner(uid, self._process(inode)) if inode else None  # a socket without a file has been closed

    def _reply(self) -> t.Optional[bytes]:
        """Return the reply to the last request, or None on error, such as for an unknown socket."""
        while True:
            reply = self._netlink.recv(65536)
            _length, kind, _flags, sequence, _port = _HEADER.unpack_from(reply)
            if sequence == self._sequence:
                return reply if kind == _BY_FAMILY else None

    def _process(self, inode: int) -> int:
        """Return the process that has this socket open.

        Searches the highest PIDs first. Return 0 if there is no such process, or if the last search was too short ago.
        """
        began = time.monotonic()
        if began < self._pause_until:
            return 0
        link = "socket:[%d]" % inode
        found = 0
        for pid in sorted((int(name) for name in os.listdir(self._proc) if name.isdigit()), reverse=True):
            if self._has(pid, link):
                found = pid
                break
        took = time.monotonic() - began
        self._pause_until = began + took / _SHARE
        return found

    def _has(self, pid: int, link: str) -> bool:
        folder = "%s/%d/fd" % (self._proc, pid)
        try:
            return any(_target(folder, name) == link for name in os.listdir(folder))
        except OSError:
            return False


def _target(folder: str, name: str) -> str:
    try:
        return os.readlink("%s/%s" % (folder, name))
    except OSError:
        return ""
