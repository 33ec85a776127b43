# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attribute connections to processes, with the best method that the kernel offers.

1. The events of the kernel. Those of the BPF programs (`_bpf`) are matched by port and first sequence number, or by the sequence
   number alone if address translation has changed the port. Those of the tracepoint (`_tracepoint`) are matched by port, and by
   network namespace: another namespace may have the same addresses.
2. The open sockets of processes (`_sockets`), for connections that are older than the watch, and without events.
3. The source address, for forwarded connections.
"""

import time
import typing as t

from .._common._bounded import BoundedMap
from .._common._protocol import Protocol
from .._common._text import from_bytes
from ._cgroups import Groups
from ._events import Connect, Established, Exec
from ._proc import namespace
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


class _Connecting(t.NamedTuple):
    """A process that connects, and its network namespace (0 if unknown or not needed)."""

    peer: Peer
    network: int


class _Reported(t.NamedTuple):
    """A connection that the kernel reported; ``first`` is its first sequence number, if known."""

    peer: Peer
    network: int
    first: t.Optional[int]


class Hook(Protocol):
    """A source of kernel events: `_bpf.Hook` or `_tracepoint.Tracepoint`."""

    @property
    def lost(self) -> int:
        """The number of connections that were not reported."""

    def fileno(self) -> int:
        """Return the descriptor that is readable when there are urgent events."""

    def waiting(self) -> bool:
        """Return whether there are unread events."""

    def events(self) -> t.Iterable[t.Union[Connect, Established, Exec]]:
        """Return the unread events."""

    def close(self) -> None:
        """Stop the events."""


class Kernel(t.NamedTuple):
    """The sources of kernel events: connecting processes, and new control groups if events have their numbers.

    ``method`` is the value of ``attributed_by`` for these events.
    """

    hook: Hook
    groups: t.Optional[Groups] = None
    method: str = "connect"

    def descriptors(self) -> t.List[int]:
        """Return the descriptors that are readable when there are urgent events."""
        fds = [self.hook.fileno()] + ([] if self.groups is None else [self.groups.fileno()])
        return [fd for fd in fds if fd >= 0]

    def close(self) -> None:
        """Close all sources."""
        self.hook.close()
        if self.groups is not None:
            self.groups.close()


class Attributor:
    """Attribute connections to one of *addresses* and *port*."""

    def __init__(
        self,
        addresses: t.Sequence[str],
        port: int,
        kernel: t.Optional[Kernel],
        processes: Processes,
        sockets: Sockets,
    ) -> None:
        self._remote = {":" in address: address for address in addresses}
        self._remote_port = port
        self._kernel = kernel
        self._processes = processes
        self._sockets = sockets
        self._missed = 0
        self._network = namespace("/proc", "self", "net")
        self._connecting: "BoundedMap[int, _Connecting]" = BoundedMap(_KEPT)
        self._by_port: "BoundedMap[t.Tuple[str, int], _Reported]" = BoundedMap(_KEPT)
        self._by_number: "BoundedMap[int, _Reported]" = BoundedMap(_KEPT)

    def descriptors(self) -> t.List[int]:
        """Return the descriptors that are readable when `read_events` must be called without delay."""
        return [] if self._kernel is None else self._kernel.descriptors()

    def lost(self) -> int:
        """Return the number of connections so far that the kernel could not report, or whose process had ended before."""
        return self._missed + (0 if self._kernel is None else self._kernel.hook.lost)

    def read_events(self) -> None:
        """Read the events of the kernel, and inspect the processes at once, because they may end soon."""
        kernel = self._kernel
        if kernel is None:
            return
        if kernel.groups is not None:
            kernel.groups.read_events()
        for event in kernel.hook.events():
            if isinstance(event, Connect):
                self._take_connect(event, kernel.method)
                continue
            if isinstance(event, Exec):
                self._processes.remember(event.pid)
                continue
            connecting = self._connecting.pop(event.cookie)
            if connecting is not None:
                reported = _Reported(connecting.peer, connecting.network, event.first)
                self._by_port.put((event.source, event.port), reported)
                if event.first is not None:
                    self._by_number.put(event.first, reported)

    def _take_connect(self, event: Connect, method: str) -> None:
        sighting, network = None, event.network
        if event.uid is not None:
            comm = from_bytes(event.comm) or None
            sighting = self._processes.inspect(event.pid, method, event.uid, comm, event.cgroup)
        if sighting is None or sighting.caller.comm is None or not network:
            started = self._processes.recall(event.pid, event.uid)
            if started is not None and method == "tracepoint":
                sighting, network = started.sighting._replace(attributed_by=method), network or started.network
        # Without its network namespace, the process gets no connection of this host.
        if sighting is None or (method == "tracepoint" and not network):
            self._missed += 1
        if sighting is not None:
            self._connecting.put(event.cookie, _Connecting(Peer(sighting, event.pid), network))

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
        if reported is not None and reported.first is None:
            # A process of another network namespace may use any address there, also one of this host.
            return reported if flow.forwarded or reported.network == self._network else None
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
            owner = self._sockets.owner(flow.source, flow.port, self._remote[":" in flow.source], self._remote_port)
        if owner is None:
            return Peer(Sighting(Caller()))
        return Peer(self._processes.inspect(owner.pid, "socket" if owner.pid else "uid", owner.uid), owner.pid)
