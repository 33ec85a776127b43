# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is at the other end of a connection? The best way that this kernel allows. Private to the collection.

1. The kernel's own word at the moment of the connection (`_bpf`), matched by port and first sequence number,
   or by the number alone where address translation has changed the port.
2. The tables of sockets and of open files, for connections that were there before.
3. The source address, for what comes from outside of this host.
"""

from __future__ import annotations

import socket
import time
import typing as t

from .._common._bounded import BoundedMap
from .._common._text import from_bytes
from ._bpf import Connect, Hook
from ._cgroups import Groups
from ._processes import Processes
from ._records import Caller, Sighting
from ._sockets import Sockets
from ._tcp import Flow

_KEPT = 8192
_LONGEST_WAIT = 0.5


class Peer(t.NamedTuple):
    """A caller, and a number that tells two processes of it apart (0: not known)."""

    sighting: Sighting
    pid: int = 0


class _Told(t.NamedTuple):
    peer: Peer
    first: int


class Kernel(t.NamedTuple):
    """What the kernel tells: who connects, and which control groups are made."""

    hook: Hook
    groups: Groups

    def close(self) -> None:
        self.hook.close()
        self.groups.close()


class Finder:
    """Knows the processes that connect."""

    def __init__(
        self, address: bytes, port: int, kernel: t.Optional[Kernel], processes: Processes, sockets: Sockets
    ) -> None:
        self._remote = socket.inet_ntoa(address)
        self._remote_port = port
        self._kernel = kernel
        self._processes = processes
        self._sockets = sockets
        self._connecting: "BoundedMap[int, Peer]" = BoundedMap(_KEPT)
        self._by_port: "BoundedMap[t.Tuple[str, int], _Told]" = BoundedMap(_KEPT)
        self._by_number: "BoundedMap[int, _Told]" = BoundedMap(_KEPT)

    def urgent(self) -> t.List[int]:
        """When one of these descriptors can be read, `listen` at once."""
        fds = [] if self._kernel is None else [self._kernel.hook.fileno(), self._kernel.groups.fileno()]
        return [fd for fd in fds if fd >= 0]

    def listen(self) -> None:
        """Take what the kernel has told, and look at those processes at once: they may end in a moment."""
        if self._kernel is None:
            return
        self._kernel.groups.listen()
        for event in self._kernel.hook.events():
            if isinstance(event, Connect):
                seen = self._processes.look(
                    event.pid, "connect", event.uid, from_bytes(event.comm) or None, event.cgroup
                )
                self._connecting.put(event.cookie, Peer(seen, event.pid))
                continue
            peer = self._connecting.pop(event.cookie)
            if peer is not None:
                told = _Told(peer, event.first)
                self._by_port.put((event.source, event.port), told)
                self._by_number.put(event.first, told)

    def find(self, flow: Flow) -> Peer:
        """The caller of a connection that has just been seen."""
        told = self._told(flow)
        if told is None and self._kernel is not None:
            self._listen_to_the_end(self._kernel.hook)
            told = self._told(flow)
        peer = told.peer if told is not None else self._search(flow)
        if flow.forwarded:
            caller = peer.sighting.caller._replace(source=flow.source)
            found_by = "address" if peer.sighting.found_by == "none" else peer.sighting.found_by
            return Peer(peer.sighting._replace(caller=caller, found_by=found_by), peer.pid)
        return peer

    def _told(self, flow: Flow) -> t.Optional[_Told]:
        told = self._by_port.get((flow.source, flow.port))
        if told is None or (told.first != flow.first and flow.whole):
            told = self._by_number.get(flow.first)
        return told

    def _listen_to_the_end(self, hook: Hook) -> None:
        """What is told stands in a row, and a program that is interrupted while it tells holds up those behind it."""
        ends = time.monotonic() + _LONGEST_WAIT
        while hook.waiting() and time.monotonic() < ends:
            time.sleep(0.001)
            self.listen()

    def _search(self, flow: Flow) -> Peer:
        owner = None
        if not flow.forwarded:
            owner = self._sockets.owner(flow.source, flow.port, self._remote, self._remote_port)
        if owner is None:
            return Peer(Sighting(Caller()))
        return Peer(self._processes.look(owner.pid, "socket" if owner.pid else "uid", owner.uid), owner.pid)
