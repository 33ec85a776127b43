# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decode captured IPv4 and IPv6 packets, with extension headers and fragments, into TCP segments.

A container with CAP_NET_RAW can send any packet. What cannot be decoded for certain is counted as lost, because the service may have
understood it: datagrams with overlapping, inconsistent or missing fragments, and unknown or too many extension headers.
"""

import socket
import struct
import typing as t

from .._common._bounded import BoundedMap
from .._imds._service import ADDRESS, ADDRESS_IPV6
from ._tcp import Segment

_TCP = 6
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION = 0, 43, 44, 51, 60
# The extension headers that may precede TCP; the packet filter accepts packets that begin with one of them.
EXTENSIONS = (_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION)
_NO_TCP = frozenset((1, 17, 58, 59))  # ICMP, UDP, ICMPv6, no next header
_MAXIMUM_EXTENSIONS = 16
_TCP_HEADER = 20

MAXIMUM_DATAGRAMS = 64  # of which fragments are missing
_LARGEST_DATAGRAM = 65535
_MAXIMUM_PIECES = 256
_FRAGMENT_SECONDS = 30.0  # time until missing fragments are given up, as in Linux


class _Undecodable(Exception):
    """The packet may contain a TCP segment, but it cannot be decoded."""


class _Part(t.NamedTuple):
    """The payload of an IP packet: a whole datagram, or a fragment if ``identification`` is not None."""

    source: str
    protocol: int
    payload: bytes
    identification: t.Optional[int] = None
    offset: int = 0
    more: bool = False


class _Datagram:
    """The fragments of one datagram that have arrived so far."""

    def __init__(self, key: t.Tuple[t.Any, ...], now: float) -> None:
        self.key, self.since = key, now
        self.damaged = False
        self._protocol = -1
        self._pieces: t.Dict[int, bytes] = {}
        self._bytes = 0
        self._length: t.Optional[int] = None

    def add(self, part: _Part) -> t.Optional[_Part]:
        """Return the whole datagram once it is complete. Raises _Undecodable if the fragments contradict each other."""
        ends = part.offset + len(part.payload)
        if self._pieces.get(part.offset) == part.payload:
            return None  # repeated
        invalid = ends > _LARGEST_DATAGRAM or (part.more and len(part.payload) % 8) or not part.payload
        if invalid or len(self._pieces) >= _MAXIMUM_PIECES:
            raise _Undecodable
        if any(part.offset < at + len(piece) and at < ends for at, piece in self._pieces.items()):
            raise _Undecodable  # overlapping: systems differ in which bytes they use
        if not part.more:
            if self._length is not None:
                raise _Undecodable
            self._length = ends
        if part.offset == 0:
            self._protocol = part.protocol
        self._pieces[part.offset] = part.payload
        self._bytes += len(part.payload)
        if self._length is None or self._bytes < self._length:
            return None
        if max(at + len(piece) for at, piece in self._pieces.items()) > self._length or self._protocol < 0:
            raise _Undecodable
        whole = b"".join(piece for _at, piece in sorted(self._pieces.items()))
        return _Part(part.source, self._protocol, whole)


class Packets:
    """Decode packets to *port*, and reassemble fragments of up to MAXIMUM_DATAGRAMS datagrams."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.lost = 0  #: packets and datagrams that could not be decoded
        self._datagrams: "BoundedMap[t.Tuple[t.Any, ...], _Datagram]" = BoundedMap(MAXIMUM_DATAGRAMS)

    def decode(
        self, packet: memoryview, device: str, forwarded: bool, now: float, verify: bool = False
    ) -> t.Optional[Segment]:
        """Return the TCP segment that is complete with this packet, if any; *now* is a monotonic time.

        With *verify*, a segment with a wrong checksum is ignored, as the service ignores it.
        """
        try:
            version = packet[0] >> 4 if len(packet) else 0
            part = _ipv4(packet) if version == 4 else _ipv6(packet) if version == 6 else None
            if part is not None and part.identification is not None:
                part = self._reassemble(part, (device, forwarded, part.source, part.identification), now)
                if part is not None and version == 6:
                    part = _after_extensions(part.source, part.protocol, memoryview(part.payload))
            if part is None:
                return None
            if part.identification is not None:
                raise _Undecodable  # a fragment within a fragment
            if part.protocol != _TCP or (verify and not has_valid_checksum(part.source, part.payload)):
                return None
            return self._segment(part, device, forwarded)
        except _Undecodable:
            self.lost += 1
            return None

    def _segment(self, part: _Part, device: str, forwarded: bool) -> t.Optional[Segment]:
        if len(part.payload) < _TCP_HEADER:
            raise _Undecodable
        fields = part.payload
        source, port, seq, ack, offset, flags = struct.unpack_from(">HHIIBB", fields)
        if port != self._port:
            return None  # the packet filter cannot find the port of every packet
        data = (offset >> 4) * 4
        if data < _TCP_HEADER:
            raise _Undecodable
        return Segment(device, forwarded, part.source, source, seq, ack, flags, fields[data:])

    def _reassemble(self, part: _Part, key: t.Tuple[t.Any, ...], now: float) -> t.Optional[_Part]:
        datagram = self._datagrams.get(key)
        if datagram is not None and now - datagram.since >= _FRAGMENT_SECONDS:
            self._datagrams.pop(key)
            self.lost += not datagram.damaged
            datagram = None
        if datagram is None:
            datagram = _Datagram(key, now)
            evicted = self._datagrams.put(key, datagram)
            self.lost += evicted is not None and not evicted.damaged
        if datagram.damaged:
            return None  # already counted
        try:
            whole = datagram.add(part)
        except _Undecodable:
            datagram.damaged = True
            raise
        if whole is not None:
            self._datagrams.pop(key)
        return whole

    def sweep(self, now: float) -> None:
        """Count datagrams of which fragments have been missing for too long."""
        for datagram in list(self._datagrams.values()):
            if now - datagram.since >= _FRAGMENT_SECONDS:
                self._datagrams.pop(datagram.key)
                self.lost += not datagram.damaged


def has_valid_checksum(source: str, segment: bytes) -> bool:
    """Return whether the checksum of a TCP segment from *source* to the service is right (RFC 9293, section 3.1)."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    service = ADDRESS_IPV6 if family == socket.AF_INET6 else ADDRESS
    data = socket.inet_pton(family, source) + socket.inet_pton(family, service) + struct.pack(">II", len(segment), _TCP)
    data += segment + bytes(len(segment) % 2)
    total = int(sum(struct.unpack(">%dH" % (len(data) // 2), data)))
    return total > 0 and total % 0xFFFF == 0


def _ipv4(packet: memoryview) -> t.Optional[_Part]:
    if len(packet) < 20:
        return None
    header = (packet[0] & 0x0F) * 4
    total = int.from_bytes(packet[2:4], "big") or len(
        packet
    )  # 0: too long for the field, because of segmentation offload
    payload = bytes(packet[header:total])  # padding follows the total length
    source = socket.inet_ntoa(packet[12:16])
    fragment = int.from_bytes(packet[6:8], "big")
    if not fragment & 0x3FFF:
        return _Part(source, packet[9], payload)
    identification = int.from_bytes(packet[4:6], "big")
    return _Part(source, packet[9], payload, identification, (fragment & 0x1FFF) * 8, bool(fragment & 0x2000))


def _ipv6(packet: memoryview) -> t.Optional[_Part]:
    if len(packet) < 40:
        return None
    length = int.from_bytes(packet[4:6], "big") or len(packet) - 40
    return _after_extensions(socket.inet_ntop(socket.AF_INET6, packet[8:24]), packet[6], packet[40 : 40 + length])


def _after_extensions(source: str, header: int, rest: memoryview) -> t.Optional[_Part]:
    """Return what follows the extension headers, beginning with *header*. Raises _Undecodable."""
    for _extension in range(_MAXIMUM_EXTENSIONS):
        if header == _TCP or header in _NO_TCP:
            return _Part(source, header, bytes(rest))
        if header not in EXTENSIONS or len(rest) < 8:
            raise _Undecodable
        if header == _FRAGMENT:
            offset, more = int.from_bytes(rest[2:4], "big") & 0xFFF8, bool(rest[3] & 1)
            if offset or more:
                identification = int.from_bytes(rest[4:8], "big")
                return _Part(source, rest[0], bytes(rest[8:]), identification, offset, more)
            size = 8
        else:
            size = (rest[1] + 2) * 4 if header == _AUTHENTICATION else (rest[1] + 1) * 8
        header, rest = rest[0], rest[size:]
    raise _Undecodable
