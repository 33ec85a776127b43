# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reassemble TCP segments into the byte streams of connections, and these into requests.

A segment may be captured several times: on the loopback device, on each device that a forwarded packet passes, and when it is
retransmitted. Address translation changes addresses and ports on the way, but neither sequence nor acknowledgment numbers.

A sender with a raw socket can make a capture see other bytes than the service. Where captured bytes contradict each other, or contain
urgent data (which the service does not receive in the stream), the request is unparsable.
"""

import typing as t

from .._common._bounded import BoundedMap
from .._imds._service import ADDRESS, ADDRESS_IPV6
from ._http_stream import Request, Stream

FIN, SYN, RST, URG = 1, 2, 4, 32
MAXIMUM_FLOWS = 4096
MAXIMUM_RECENT = 8192
HELD_SEGMENTS, HELD_BYTES = 16, 32768
HELD_SECONDS = 2.0  # time until missing bytes are given up; without a retransmission they were not captured
COMPARED_BYTES = 2048  # of each connection; more than most requests have
_KEEPALIVE = b"\0"  # some systems send this before the next byte
_FAR = 1 << 24  # a segment further away than this many bytes belongs to another connection


class Segment(t.NamedTuple):
    """A captured TCP segment to the service."""

    device: str
    forwarded: bool  # from another host or network namespace, not from a process in this one
    source: str
    port: int
    seq: int
    ack: int
    flags: int
    payload: bytes


class Flow:
    """The client's side of one connection, as captured on one device. ``caller`` is set by the user of this class."""

    __slots__ = (
        "source",
        "port",
        "forwarded",
        "first",
        "whole",
        "caller",
        "_next",
        "_held",
        "_since",
        "_stream",
        "_mirror",
        "_tail",
    )

    def __init__(self, segment: Segment, first: int, whole: bool) -> None:
        self.source, self.port, self.forwarded = segment.source, segment.port, segment.forwarded
        self.first = first  #: sequence number of the first byte
        self.whole = whole  #: whether it was captured from its first byte
        self.caller: t.Any = None
        self._next = first
        self._held: t.Dict[int, bytes] = {}
        self._since = 0.0
        self._stream: t.Optional[Stream] = Stream()
        self._mirror: t.Optional[t.Hashable] = None  # the key of the connection of which this is a copy
        self._tail = b""  # the last bytes of the stream

    @property
    def service(self) -> str:
        """The address of the service: both ends of a connection have addresses of one family."""
        return ADDRESS_IPV6 if ":" in self.source else ADDRESS

    def take(self, seq: int, payload: bytes, now: float) -> t.List[Request]:
        """Return the requests that are complete with the new bytes of *payload*; *now* is a monotonic time."""
        if self._stream is None:
            return []
        ahead = (seq - self._next) & 0xFFFFFFFF
        found: t.List[Request] = []
        if ahead >= 1 << 31:  # retransmitted, at least in part
            if payload != _KEEPALIVE and not self._repeats(seq, payload):
                found += self._stream.lost()
            payload, ahead = payload[(1 << 32) - ahead :], 0
        if not payload:
            return found
        if ahead:
            return self._hold(seq, payload, now)
        found += self._stream.feed(payload)
        self._next = (self._next + len(payload)) & 0xFFFFFFFF
        self._tail = (self._tail + payload)[-COMPARED_BYTES:]
        return found + self._release(now)

    def lose(self) -> t.List[Request]:
        """Report that the bytes that the service receives are unknown."""
        return [] if self._stream is None else self._stream.lost()

    def covers(self, seq: int, payload: bytes) -> bool:
        """Return whether these bytes, up to their end, have been captured for this connection already."""
        beyond = (seq + len(payload) - self._next) & 0xFFFFFFFF
        return (not beyond or beyond >= 1 << 31) and self._repeats(seq, payload)

    def _repeats(self, seq: int, payload: bytes) -> bool:
        """Return whether those bytes of *payload* that are also in the tail of the stream are the same."""
        behind = (self._next - seq) & 0xFFFFFFFF
        start = len(self._tail) - behind  # of the payload, in the tail
        mine = self._tail[max(0, start) : max(0, start + len(payload))]
        return payload[max(0, -start) : max(0, -start) + len(mine)] == mine

    def skip(self, now: float, seconds: float = HELD_SECONDS) -> t.List[Request]:
        """Give up on bytes that have been missing for this many seconds; return the requests that follow them."""
        if self._stream is None or not self._held or now - self._since < seconds:
            return []
        found = self._stream.lost()
        self._next = min(self._held, key=lambda seq: (seq - self._next) & 0xFFFFFFFF)
        return found + self._release(now)

    def end(self, now: float) -> t.List[Request]:
        """End the stream and return its last requests. Retransmissions may still follow and are ignored."""
        found: t.List[Request] = []
        while self._held:
            found += self.skip(now, 0)
        if self._stream is not None:
            found += self._stream.end()
            self._stream = None
        return found

    def is_continued_by(self, segment: Segment) -> bool:
        """Return whether the segment belongs to this connection, not to a new one with the same address and port."""
        if segment.flags & SYN:
            return (segment.seq + 1) & 0xFFFFFFFF == self.first
        ahead = (segment.seq - self._next) & 0xFFFFFFFF
        behind = (self._next - segment.seq) & 0xFFFFFFFF
        if self._stream is None:
            return behind <= (self._next - self.first) & 0xFFFFFFFF
        return ahead < _FAR or behind < _FAR

    def _hold(self, seq: int, payload: bytes, now: float) -> t.List[Request]:
        self._since = self._since if self._held else now
        if len(payload) > len(self._held.get(seq, b"")):
            self._held[seq] = payload
        full = len(self._held) > HELD_SEGMENTS or sum(map(len, self._held.values())) > HELD_BYTES
        return self.skip(now, 0 if full else HELD_SECONDS)

    def _release(self, now: float) -> t.List[Request]:
        """Process the held segments that are now in order; return their requests."""
        found: t.List[Request] = []
        for seq in sorted(self._held, key=lambda seq: (seq - self._next) & 0xFFFFFFFF):
            behind = (self._next - seq) & 0xFFFFFFFF
            if behind < 1 << 31:
                found += self.take(seq, self._held.pop(seq, b""), now)
        return found


class Flows:
    """All connections to the service, up to MAXIMUM_FLOWS."""

    def __init__(self) -> None:
        self.evicted = 0  #: connections that were evicted during a request to bound memory
        self._flows: "BoundedMap[t.Tuple[str, str, int], Flow]" = BoundedMap(MAXIMUM_FLOWS)
        self._opened: "BoundedMap[t.Tuple[str, str, int], int]" = BoundedMap(MAXIMUM_FLOWS)
        self._recent: "BoundedMap[t.Tuple[int, int], t.Tuple[str, str, int]]" = BoundedMap(MAXIMUM_RECENT)

    def take(self, segment: Segment, now: float) -> t.Tuple[t.List[t.Tuple[Flow, t.List[Request]]], t.Optional[Flow]]:
        """Process a segment at the monotonic time *now*.

        Return the complete requests by connection, and the connection that begins with the data of this segment, if any.
        """
        key = (segment.device, segment.source, segment.port)
        done: t.List[t.Tuple[Flow, t.List[Request]]] = []
        flow = self._flows.get(key)
        if flow is not None and not flow.is_continued_by(segment):
            done.append((flow, flow.end(now)))
            self._flows.pop(key)
            flow = None
        if segment.flags & SYN:
            self._opened.put(key, (segment.seq + 1) & 0xFFFFFFFF)
        began = None
        if segment.payload:
            if flow is None:
                began = flow = self._open(key, segment, done, now)
            start = (segment.seq + (1 if segment.flags & SYN else 0)) & 0xFFFFFFFF
            if not self._is_mirror(flow, key, segment, start):
                done.append((flow, flow.take(start, segment.payload, now)))
                if segment.flags & URG:
                    done.append((flow, flow.lose()))
            self._flows.put(key, flow)  # the last to be evicted
        if flow is not None and segment.flags & (FIN | RST):
            done.append((flow, flow.end(now)))
        return [entry for entry in done if entry[1]], None if began is None or began._mirror is not None else began

    def sweep(self, now: float) -> t.List[t.Tuple[Flow, t.List[Request]]]:
        """Give up on missing bytes after HELD_SECONDS; return requests by connection. Call this about once a second."""
        done = [(flow, flow.skip(now)) for flow in self._flows.values() if flow._held]
        return [entry for entry in done if entry[1]]

    def end(self, now: float) -> t.List[t.Tuple[Flow, t.List[Request]]]:
        """End all connections; return their last requests."""
        done = [(flow, flow.end(now)) for flow in self._flows.values()]
        self._flows = BoundedMap(MAXIMUM_FLOWS)
        return [entry for entry in done if entry[1]]

    def _open(
        self, key: t.Tuple[str, str, int], segment: Segment, done: t.List[t.Tuple[Flow, t.List[Request]]], now: float
    ) -> Flow:
        first = self._opened.pop(key)
        whole = first is not None and (segment.seq - first) & 0xFFFFFFFF < _FAR
        flow = Flow(segment, first if first is not None and whole else segment.seq, whole)
        oldest = self._flows.put(key, flow)
        if oldest is not None:
            cut = oldest.end(now)
            self.evicted += bool(cut)
            done.append((oldest, cut))
        return flow

    def _is_mirror(self, flow: Flow, key: t.Tuple[str, str, int], segment: Segment, start: int) -> bool:
        """Return whether this segment was already captured on another device.

        The first data decides whether the connection is a copy of another. A copy has no bytes that the other has not.
        """
        mark = (segment.seq, segment.ack)
        seen = self._recent.get(mark)
        if flow._tail == b"" and flow._mirror is None and seen is not None and seen[0] != segment.device:
            flow._mirror = seen
        if flow._mirror is not None:
            original = self._flows.get(t.cast("t.Tuple[str, str, int]", flow._mirror))
            if original is not None and original.covers(start, segment.payload):
                return True
            flow._mirror, flow._next = None, start  # another connection after all
        self._recent.put(mark, key)
        return False
