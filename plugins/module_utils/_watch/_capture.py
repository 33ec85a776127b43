# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Capture the TCP segments that this host sends or forwards to the metadata service.

A packet socket receives copies of packets; the traffic itself is neither delayed nor changed. A filter in the kernel drops all
packets to other destinations than the two addresses of the service, and acknowledgments without data. Needs CAP_NET_RAW.
"""

import ctypes
import errno
import os
import socket
import struct
import time
import typing as t

from ._packets import EXTENSIONS, Packets
from ._tcp import Segment

_EVERY_PROTOCOL, _IPV4, _IPV6, _TCP = 0x0003, 0x0800, 0x86DD, 6
_OUTGOING = 4
_ATTACH_FILTER, _RECEIVE_BUFFER_FORCE, _SOL_PACKET, _STATISTICS = 26, 33, 263, 6
_AUXILIARY_DATA, _AUXILIARY_BYTES = 8, 64  # PACKET_AUXDATA: struct tpacket_auxdata
_CHECKSUM_IS_KNOWN = 1 << 3 | 1 << 7  # TP_STATUS_CSUMNOTREADY: the kernel computes it later; TP_STATUS_CSUM_VALID
_BUFFER = 8 << 20  # bytes of packets that the kernel queues
_LARGEST = 0x40000

# Classic BPF: https://docs.kernel.org/networking/filter.html
_LOAD_WORD, _LOAD_HALF, _LOAD_BYTE, _LOAD_HALF_X, _LOAD_BYTE_X, _HEADER_LENGTH_X = 0x20, 0x28, 0x30, 0x48, 0x50, 0xB1
_AND, _SHIFT_RIGHT, _ADD_X, _TO_X, _RETURN = 0x54, 0x74, 0x0C, 0x07, 0x06
_IF_EQUAL, _IF_BITS, _IF_GREATER_X = 0x15, 0x45, 0x2D
_PROTOCOL = 0xFFFFF000  # SKF_AD_OFF + SKF_AD_PROTOCOL, ancillary data: the protocol of the packet

_NEXT, _DROP, _ACCEPT, _TO_IPV6 = 0, 1, 2, 3  # jump targets

_Instruction = t.Tuple[int, int, int, int]  # code, jump if true, jump if false, constant


def program(ipv4: bytes, ipv6: bytes, port: int) -> t.List[_Instruction]:
    """Return the filter as instructions: code, jump if true, jump if false, constant.

    Offsets in the packet count from the IP header, because the socket is of type SOCK_DGRAM. ``A`` and ``X`` are the registers.
    """
    first = _ipv4_instructions(ipv4, port)
    code = first + _ipv6_instructions(ipv6, port)
    ends = {_DROP: len(code), _ACCEPT: len(code) + 1, _TO_IPV6: len(first)}

    def jump(label: int, at: int) -> int:
        return ends[label] - at - 1 if label else 0

    resolved = [(op, jump(yes, at), jump(no, at), constant) for at, (op, yes, no, constant) in enumerate(code)]
    return [*resolved, (_RETURN, 0, 0, 0), (_RETURN, 0, 0, _LARGEST)]


#     if (protocol == ETH_P_IPV6)
#         goto ipv6;
#     if (protocol != ETH_P_IP || ip->daddr != IPV4 || ip->protocol != IPPROTO_TCP)
#         return 0;
#     if (ip->frag_off & 0x3fff)                       // reassembled by `_packets`
#         return LARGEST;
#     X = ip->ihl * 4;
#     if (tcp->dest != PORT)
#         return 0;
#     if (tcp->flags & (FIN | SYN | RST))
#         return LARGEST;
#     X = tcp->doff * 4 + X;                           // length of both headers
#     A = ip->tot_len;
#     if (A > X || A == 0)                             // 0: too long for the field, because of segmentation offload
#         return LARGEST;
#     return 0;
def _ipv4_instructions(address: bytes, port: int) -> t.List[_Instruction]:
    """Return the first half of the program, with jump targets instead of distances."""
    return [
        (_LOAD_HALF, _NEXT, _NEXT, _PROTOCOL),  # A = protocol
        (_IF_EQUAL, _TO_IPV6, _NEXT, _IPV6),
        (_IF_EQUAL, _NEXT, _DROP, _IPV4),
        (_LOAD_WORD, _NEXT, _NEXT, 16),  # A = ip->daddr
        (_IF_EQUAL, _NEXT, _DROP, int.from_bytes(address, "big")),
        (_LOAD_BYTE, _NEXT, _NEXT, 9),  # A = ip->protocol
        (_IF_EQUAL, _NEXT, _DROP, _TCP),
        (_LOAD_HALF, _NEXT, _NEXT, 6),  # A = ip->frag_off
        (_IF_BITS, _ACCEPT, _NEXT, 0x3FFF),
        (_HEADER_LENGTH_X, _NEXT, _NEXT, 0),  # X = ip->ihl * 4
        (_LOAD_HALF_X, _NEXT, _NEXT, 2),  # A = tcp->dest
        (_IF_EQUAL, _NEXT, _DROP, port),
        (_LOAD_BYTE_X, _NEXT, _NEXT, 13),  # A = tcp->flags
        (_IF_BITS, _ACCEPT, _NEXT, 0x07),
        (_LOAD_BYTE_X, _NEXT, _NEXT, 12),  # A = tcp->doff << 4
        (_AND, _NEXT, _NEXT, 0xF0),
        (_SHIFT_RIGHT, _NEXT, _NEXT, 2),
        (_ADD_X, _NEXT, _NEXT, 0),  # A += X
        (_TO_X, _NEXT, _NEXT, 0),  # X = A
        (_LOAD_HALF, _NEXT, _NEXT, 2),  # A = ip->tot_len
        (_IF_GREATER_X, _ACCEPT, _NEXT, 0),  # if (A > X)
        (_IF_EQUAL, _ACCEPT, _DROP, 0),
    ]


#     if (ip6->daddr != IPV6)
#         return 0;
#     if (ip6->nexthdr != IPPROTO_TCP)
#         return is_extension(ip6->nexthdr) ? LARGEST : 0;  // decoded by `_packets`
#     if (tcp->dest != PORT)
#         return 0;
#     if (tcp->flags & (FIN | SYN | RST))
#         return LARGEST;
#     X = tcp->doff * 4;
#     A = ip6->payload_len;
#     if (A > X || A == 0)
#         return LARGEST;
#     return 0;
def _ipv6_instructions(address: bytes, port: int) -> t.List[_Instruction]:
    """Return the second half of the program."""
    code: t.List[_Instruction] = []
    for at in range(0, 16, 4):
        code.append((_LOAD_WORD, _NEXT, _NEXT, 24 + at))  # A = a part of ip6->daddr
        code.append((_IF_EQUAL, _NEXT, _DROP, int.from_bytes(address[at : at + 4], "big")))
    code.append((_LOAD_BYTE, _NEXT, _NEXT, 6))  # A = ip6->nexthdr
    code += [(_IF_EQUAL, _ACCEPT, _NEXT, header) for header in EXTENSIONS]
    return [
        *code,
        (_IF_EQUAL, _NEXT, _DROP, _TCP),
        (_LOAD_HALF, _NEXT, _NEXT, 42),  # A = tcp->dest
        (_IF_EQUAL, _NEXT, _DROP, port),
        (_LOAD_BYTE, _NEXT, _NEXT, 53),  # A = tcp->flags
        (_IF_BITS, _ACCEPT, _NEXT, 0x07),
        (_LOAD_BYTE, _NEXT, _NEXT, 52),  # A = tcp->doff << 4
        (_AND, _NEXT, _NEXT, 0xF0),
        (_SHIFT_RIGHT, _NEXT, _NEXT, 2),
        (_TO_X, _NEXT, _NEXT, 0),  # X = A
        (_LOAD_HALF, _NEXT, _NEXT, 4),  # A = ip6->payload_len
        (_IF_GREATER_X, _ACCEPT, _NEXT, 0),  # if (A > X)
        (_IF_EQUAL, _ACCEPT, _DROP, 0),
    ]


class Capture:
    """A packet socket on all devices of this network namespace, including devices that are added later."""

    def __init__(self, ipv4: str, ipv6: str, port: int) -> None:
        """Open the socket. Raises OSError if the kernel refuses, such as without CAP_NET_RAW."""
        self.dropped = 0  #: packets that arrived faster than they were read
        self._packets = Packets(port)
        self._buffer = bytearray(_LARGEST)
        self._socket = socket.socket(
            socket.AF_PACKET, socket.SOCK_DGRAM, 0
        )  # protocol 0: receives nothing before bind()
        addresses = socket.inet_aton(ipv4), socket.inet_pton(socket.AF_INET6, ipv6)
        code = b"".join(struct.pack("<HBBI", *instruction) for instruction in program(*addresses, port))
        buffer = ctypes.create_string_buffer(code, len(code))
        filter_ = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
        self._socket.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, filter_)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _RECEIVE_BUFFER_FORCE, _BUFFER)
        except OSError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)  # up to net.core.rmem_max
        self._socket.setsockopt(_SOL_PACKET, _AUXILIARY_DATA, 1)
        self._socket.setblocking(False)
        self._bind_to_all()

    def _bind_to_all(self) -> None:
        """Bind to all protocols and devices; Python's own bind() accepts the name of one device only."""
        where = struct.pack("=HHiHBB8s", socket.AF_PACKET, socket.htons(_EVERY_PROTOCOL), 0, 0, 0, 0, b"")
        library = ctypes.CDLL(None, use_errno=True)
        if library.bind(self._socket.fileno(), where, len(where)):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def fileno(self) -> int:
        """Return the descriptor that is readable when there are packets."""
        return self._socket.fileno()

    def segment(self) -> t.Optional[Segment]:
        """Return the next segment, or None if no packet is queued."""
        while True:
            try:
                size, data, _flags, where = self._socket.recvmsg_into([self._buffer], _AUXILIARY_BYTES)
            except BlockingIOError:
                return None
            except OSError as exc:
                if exc.errno in (errno.ENETDOWN, errno.ENODEV, errno.EINTR):  # a device was removed
                    continue
                raise
            packet, forwarded = memoryview(self._buffer)[:size], where[2] != _OUTGOING
            verify = forwarded and not _status(data) & _CHECKSUM_IS_KNOWN
            found = self._packets.decode(packet, where[0], forwarded, time.monotonic(), verify)
            if found is not None:
                return found

    def count_dropped(self) -> int:
        """Return the number of packets so far that arrived faster than they were read, or could not be decoded."""
        counted = self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 8)
        self.dropped += struct.unpack("@II", counted)[1]  # reading the counter resets it
        self._packets.sweep(time.monotonic())
        return self.dropped + self._packets.lost

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def _status(auxiliary: t.Iterable[t.Tuple[int, int, bytes]]) -> int:
    """Return ``tp_status`` of the auxiliary data of a packet, or 0 without such data."""
    for level, kind, data in auxiliary:
        if (level, kind) == (_SOL_PACKET, _AUXILIARY_DATA) and len(data) >= 4:
            return int(struct.unpack_from("=I", data)[0])
    return 0
