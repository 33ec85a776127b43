# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose socket is this? The kernel's tables of sockets and of open files. This module util is private to the collection.

For connections that were there before the watch, and for kernels that cannot tell who connects. Sees only sockets that
still exist, in this network namespace, and processes that have not ended.
"""

from __future__ import annotations

import os
import socket
import struct
import time
import typing as t

_TABLES = ("net/tcp", "net/tcp6")
_SHARE = 0.1  # of the time may be spent on looking for processes


class Owner(t.NamedTuple):
    """``pid`` is 0 where no process was found that has the socket open."""

    uid: int
    pid: int


class Sockets:
    """Looks sockets up by their own address and port."""

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._rest_until = 0.0

    def owner(self, source: str, port: int, remote: str, remote_port: int) -> t.Optional[Owner]:
        """Who has the socket that is connected from *source* to *remote*?"""
        wanted = [_as_in_table(source, port), _as_in_table(remote, remote_port)]
        for table in _TABLES:
            for fields in self._rows(table):
                if [fields[1][-13:], fields[2][-13:]] == wanted:
                    return Owner(int(fields[7]), self._process(fields[9]))
        return None

    def _rows(self, table: str) -> t.Iterator[t.List[str]]:
        try:
            with open("%s/%s" % (self._proc, table), encoding="ascii") as stream:
                next(stream, None)
                for line in stream:
                    fields = line.split()
                    if len(fields) > 9:
                        yield fields
        except OSError:
            return

    def _process(self, inode: str) -> int:
        """The process with this socket open, the youngest first; 0 if there is none, or no time for it."""
        began = time.monotonic()
        if inode == "0" or began < self._rest_until:
            return 0
        link = "socket:[%s]" % inode
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


def _as_in_table(address: str, port: int) -> str:
    """127.0.0.1, 80 -> 0100007F:0050; in the table for IPv6 the same stands at the end."""
    (number,) = struct.unpack("=I", socket.inet_aton(address))
    return "%08X:%04X" % (number, port)
