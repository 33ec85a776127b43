# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which TCP segments go to the service, from this host or through it? This module util is private to the collection.

A packet socket with a filter that runs in the kernel: what is not addressed to the service never reaches this process,
and neither do bare acknowledgements. It only listens: traffic is neither held up nor changed. Needs CAP_NET_RAW.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import typing as t

from ._tcp import Segment

_EVERY_PROTOCOL, _IPV4, _TCP = 0x0003, 0x0800, 6
_OUTGOING = 4
_ATTACH_FILTER, _RECEIVE_BUFFER_FORCE, _SOL_PACKET, _STATISTICS = 26, 33, 263, 6
_BUFFER = 8 << 20  # bytes of packets that may wait
_LARGEST = 0x40000

# Classic BPF: https://docs.kernel.org/networking/filter.html
_LOAD_WORD, _LOAD_HALF, _LOAD_BYTE, _LOAD_HALF_X, _LOAD_BYTE_X, _HEADER_LENGTH_X = 0x20, 0x28, 0x30, 0x48, 0x50, 0xB1
_AND, _SHIFT_RIGHT, _ADD_X, _TO_X, _RETURN = 0x54, 0x74, 0x0C, 0x07, 0x06
_IF_EQUAL, _IF_BITS, _IF_GREATER_X = 0x15, 0x45, 0x2D
_PROTOCOL = 0xFFFFF000  # ancillary data: the protocol of the packet


_NEXT, _DROP, _TAKE = 0, 1, 2


def program(address: bytes, port: int) -> t.List[t.Tuple[int, int, int, int]]:
    """The filter: instructions of (code, jump if true, jump if false, constant); offsets count from the IP header."""
    code = [
        (_LOAD_HALF, _NEXT, _NEXT, _PROTOCOL),
        (_IF_EQUAL, _NEXT, _DROP, _IPV4),
        (_LOAD_WORD, _NEXT, _NEXT, 16),  # destination
        (_IF_EQUAL, _NEXT, _DROP, int.from_bytes(address, "big")),
        (_LOAD_BYTE, _NEXT, _NEXT, 9),
        (_IF_EQUAL, _NEXT, _DROP, _TCP),
        (_LOAD_HALF, _NEXT, _NEXT, 6),
        (_IF_BITS, _DROP, _NEXT, 0x1FFF),  # a later fragment
        (_HEADER_LENGTH_X, _NEXT, _NEXT, 0),
        (_LOAD_HALF_X, _NEXT, _NEXT, 2),
        (_IF_EQUAL, _NEXT, _DROP, port),
        (_LOAD_BYTE_X, _NEXT, _NEXT, 13),
        (_IF_BITS, _TAKE, _NEXT, 0x07),  # FIN, SYN, RST
        (_LOAD_BYTE_X, _NEXT, _NEXT, 12),
        (_AND, _NEXT, _NEXT, 0xF0),
        (_SHIFT_RIGHT, _NEXT, _NEXT, 2),
        (_ADD_X, _NEXT, _NEXT, 0),
        (_TO_X, _NEXT, _NEXT, 0),
        (_LOAD_HALF, _NEXT, _NEXT, 2),
        (_IF_GREATER_X, _TAKE, _NEXT, 0),  # longer than its headers
        (_IF_EQUAL, _TAKE, _DROP, 0),  # too long for the field
    ]
    ends = {_NEXT: 0, _DROP: len(code), _TAKE: len(code) + 1}

    def jump(label: int, at: int) -> int:
        return ends[label] - at - 1 if label else 0

    jumping = [(op, jump(yes, at), jump(no, at), constant) for at, (op, yes, no, constant) in enumerate(code)]
    return [*jumping, (_RETURN, 0, 0, 0), (_RETURN, 0, 0, _LARGEST)]


class Capture:
    """The socket. It hears all devices of this network namespace, also those that come later."""

    def __init__(self, address: bytes, port: int) -> None:
        """Raise OSError where the kernel does not allow it."""
        self.dropped = 0  #: packets that came faster than they were read
        self._buffer = bytearray(_LARGEST)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)  # protocol 0: nothing comes yet
        code = b"".join(struct.pack("<HBBI", *instruction) for instruction in program(address, port))
        held = ctypes.create_string_buffer(code, len(code))
        filter_ = struct.pack("@HP", len(code) // 8, ctypes.addressof(held))
        self._socket.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, filter_)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _RECEIVE_BUFFER_FORCE, _BUFFER)
        except OSError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)  # as much as is allowed
        self._socket.setblocking(False)
        self._listen_everywhere()

    def _listen_everywhere(self) -> None:
        """Bind to every protocol and device; Python's own bind() takes the name of one device only."""
        where = struct.pack("=HHiHBB8s", socket.AF_PACKET, socket.htons(_EVERY_PROTOCOL), 0, 0, 0, 0, b"")
        library = ctypes.CDLL(None, use_errno=True)
        if library.bind(self._socket.fileno(), where, len(where)):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def fileno(self) -> int:
        return self._socket.fileno()

    def segment(self) -> t.Optional[Segment]:
        """The next segment; None if there is none at the moment."""
        while True:
            try:
                size, where = self._socket.recvfrom_into(self._buffer)
            except BlockingIOError:
                return None
            except OSError as exc:
                if exc.errno in (errno.ENETDOWN, errno.ENODEV, errno.EINTR):  # a device went away
                    continue
                raise
            found = decode(memoryview(self._buffer)[:size], where[0], where[2] != _OUTGOING)
            if found is not None:
                return found

    def count_dropped(self) -> int:
        """All packets so far that came faster than they were read."""
        counted = self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 8)
        self.dropped += struct.unpack("@II", counted)[1]  # the kernel counts from the last time it was asked
        return self.dropped

    def close(self) -> None:
        self._socket.close()


def decode(packet: memoryview, device: str, forwarded: bool) -> t.Optional[Segment]:
    """An IPv4 packet with a TCP segment; None for what is none, which the filter lets through never."""
    if len(packet) < 40:
        return None
    ip = (packet[0] & 0x0F) * 4
    total = int.from_bytes(packet[2:4], "big") or len(packet)
    if len(packet) < ip + 20:
        return None
    port, _to, seq, ack, offset, flags = struct.unpack_from(">HHIIBB", packet, ip)
    payload = bytes(packet[ip + (offset >> 4) * 4 : total])  # what is after the total length is padding
    return Segment(device, forwarded, socket.inet_ntoa(packet[12:16]), port, seq, ack, flags, payload)
