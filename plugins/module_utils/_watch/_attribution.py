# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attribute connections to processes, with the best method that the kernel offers.

1. The events of the BPF programs (`_bpf`), matched by port and first sequence number, or by the sequence number alone if address
   translation has changed the port.
2. The open sockets of processes (`_sockets`), for connections that are older than the watch, and without BPF.
3. The source address, for forwarded connections.
"""

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
_LONGEST_WAIT = 0.5  # seconds


class Peer(t.NamedTuple):
    """A caller, and the PID of its process (0 if unknown)."""

    sighting: Sighting
    pid: int = 0


class _Reported(t.NamedTuple):
    """A connection that the kernel reported; ``first`` is its first sequence number."""

    peer: Peer
    first: int


class Kernel(t.NamedTuple):
    """The sources of kernel events: connecting processes, and new control groups."""

    hook: Hook
    groups: Groups

    def close(self) -> None:
        """Close both sources."""
        self.hook.close()
        self.groups.close()


class Attributor:
    """Attribute connections to *address* and *port*."""

    def __init__(
        self, address: bytes, port: int, kernel: t.Optional[Kernel], processes: Processes, sockets: Sockets
    ) -> None:
        self._remote = socket.inet_ntoa(address)
        self._remote_port = port
        self._kernel = kernel
        self._processes = processes
        self._sockets = sockets
        self._connecting: "BoundedMap[int, Peer]" = BoundedMap(_KEPT)
        self._by_port: "BoundedMap[t.Tuple[str, int], _Reported]" = BoundedMap(_KEPT)
        self._by_number: "BoundedMap[int, _Reported]" = BoundedMap(_KEPT)

    def descriptors(self) -> t.List[int]:
        """Return the descriptors that are readable when `read_events` must be called without delay."""
        fds = [] if self._kernel is None else [self._kernel.hook.fileno(), self._kernel.groups.fileno()]
        return [fd for fd in fds if fd >= 0]

    def read_events(self) -> None:
        """Read the events of the kernel, and inspect the processes at once, because they may end soon."""
        if self._kernel is None:
            return
        self._kernel.groups.read_events()
        for event in self._kernel.hook.events():
            if isinstance(event, Connect):
                sighting = self._processes.inspect(
                    event.pid, "connect", event.uid, from_bytes(event.comm) or None, event.cgroup
                )
                self._connecting.put(event.cookie, Peer(sighting, event.pid))
                continue
            peer = self._connecting.pop(event.cookie)
            if peer is not None:
                reported = _Reported(peer, event.first)
                self._by_port.put((event.source, event.port), reported)
                self._by_number.put(event.first, reported)

    def attribute(self, flow: Flow) -> Peer:
        """Return the peer of a connection whose first data was just captured."""
        reported = self._reported(flow)
        if reported is None and self._kernel is not None:
            self._wait_for_events(self._kernel.hook)
            reported = self._reported(flow)
        peer = reported.peer if reported is not None else self._search(flow)
        if flow.forwarded:
            caller = peer.sighting.caller._replace(source=flow.source)
            attributed_by = "address" if peer.sighting.attributed_by == "none" else peer.sighting.attributed_by
            return Peer(peer.sighting._replace(caller=caller, attributed_by=attributed_by), peer.pid)
        return peer

    def _reported(self, flow: Flow) -> t.Optional[_Reported]:
        reported = self._by_port.get((flow.source, flow.port))
        if reported is None or (reported.first != flow.first and flow.whole):
            reported = self._by_number.get(flow.first)
        return reported

    def _wait_for_events(self, hook: Hook) -> None:
        """Read events until none is left.

        An event that a program is still writing, for example because it was interrupted, blocks the events after it.
        """
        ends = time.monotonic() + _LONGEST_WAIT
        while hook.waiting() and time.monotonic() < ends:
            time.sleep(0.001)
            self.read_events()

    def _search(self, flow: Flow) -> Peer:
        owner = None
        if not flow.forwarded:
            owner = self._sockets.owner(flow.source, flow.port, self._remote, self._remote_port)
        if owner is None:
            return Peer(Sighting(Caller()))
        return Peer(self._processes.inspect(owner.pid, "socket" if owner.pid else "uid", owner.uid), owner.pid)
