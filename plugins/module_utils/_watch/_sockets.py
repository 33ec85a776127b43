# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose socket is this? The kernel's table of sockets, and of open files. This module util is private to the collection.

For connections that were there before the watch, and for kernels that cannot tell who connects. Sees only sockets that
still exist, in this network namespace, and processes that have not ended. The table is asked for one socket, by
sock_diag(7): to read all of /proc/net/tcp takes longer than some processes live.
"""

from __future__ import annotations

import os
import socket
import struct
import time
import typing as t

_SHARE = 0.1  # of the time may be spent on looking for processes
_NETLINK_SOCK_DIAG, _BY_FAMILY, _REQUEST = 4, 20, 1
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_SOCKET = struct.Struct("!HH4s12x4s12x")  # own port, the other's port, addresses
_ANY_DEVICE_NO_COOKIE = struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
_EVERY_STATE = 0xFFFFFFFF
_ANSWER = struct.Struct("=4B48xIIIII")  # family, state, timer, retransmits; expires, queues, uid, inode


class Owner(t.NamedTuple):
    """``pid`` is 0 where no process was found that has the socket open."""

    uid: int
    pid: int


class Sockets:
    """Looks sockets up by their own address and port."""

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._rest_until = 0.0
        self._sequence = 0
        self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG)
        self._netlink.settimeout(0.2)

    def owner(self, source: str, port: int, remote: str, remote_port: int) -> t.Optional[Owner]:
        """Who has the socket that is connected from *source* to *remote*?"""
        self._sequence += 1
        ends = _SOCKET.pack(port, remote_port, socket.inet_aton(source), socket.inet_aton(remote))
        wanted = (
            struct.pack("=4BI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, _EVERY_STATE) + ends + _ANY_DEVICE_NO_COOKIE
        )
        head = _HEADER.pack(_HEADER.size + len(wanted), _BY_FAMILY, _REQUEST, self._sequence, 0)
        try:
            self._netlink.sendto(head + wanted, (0, 0))
            answer = self._answer()
        except OSError:
            return None
        if answer is None or len(answer) < _HEADER.size + _ANSWER.size:
            return None
        uid, inode = _ANSWER.unpack_from(answer, _HEADER.size)[-2:]
        return Owner(uid, self._process(inode)) if inode else None  # a socket without a file has no owner any more

    def _answer(self) -> t.Optional[bytes]:
        """To the last question; None for an error, such as that there is no such socket."""
        while True:
            answer = self._netlink.recv(65536)
            _length, kind, _flags, sequence, _port = _HEADER.unpack_from(answer)
            if sequence == self._sequence:
                return answer if kind == _BY_FAMILY else None

    def _process(self, inode: int) -> int:
        """The process with this socket open, the youngest first; 0 if there is none, or no time for it."""
        began = time.monotonic()
        if began < self._rest_until:
            return 0
        link = "socket:[%d]" % inode
        found = 0
        for pid in sorted((int(name) for name in os.listdir(self._proc) if name.isdigit()), reverse=True):
            if self._has(pid, link):
                found = pid
                break
        took = time.monotonic() - began
        self._rest_until = began + took / _SHARE
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
