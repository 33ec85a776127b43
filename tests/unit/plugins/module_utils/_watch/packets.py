# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets of both families, whole and in fragments, for tests of the capture."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

ADDRESS = bytes([100, 100, 100, 200])
ADDRESS_IPV6 = socket.inet_pton(socket.AF_INET6, "fd00:100::100:200")
SOURCE, SOURCE_IPV6 = "10.0.0.1", "2001:db8::1"
ACK, PUSH = 16, 8
OPTIONS = bytes(range(1, 13))
TCP, UDP, ICMPV6 = 6, 17, 58
HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION, NO_NEXT = 0, 43, 44, 51, 60, 59


def tcp(payload: bytes = b"", flags: int = ACK, port: int = 80, options: bytes = b"") -> bytes:
    """Return a TCP segment from port 40000 with sequence number 1000."""
    header = struct.pack("!HHIIBBHHH", 40000, port, 1000, 2000, (20 + len(options)) // 4 << 4, flags, 512, 0, 0)
    return header + options + payload


def ipv4(
    payload: bytes = b"", flags: int = ACK, port: int = 80, address: bytes = ADDRESS, fragment: int = 0, protocol: int = TCP,
    ip_options: bytes = b"", tcp_options: bytes = b"", length: int | None = None,
) -> bytes:  # fmt: skip
    """Return an IPv4 packet with a TCP segment."""
    return ipv4_part(tcp(payload, flags, port, tcp_options), fragment, protocol, ip_options, length, address)


def ipv4_part(
    content: bytes, fragment: int = 0, protocol: int = TCP, options: bytes = b"", length: int | None = None,
    address: bytes = ADDRESS, identification: int = 1,
) -> bytes:  # fmt: skip
    """Return an IPv4 packet; *fragment* has the flag "more fragments" (0x2000) and the offset in units of 8 bytes."""
    header = 20 + len(options)
    total = header + len(content) if length is None else length
    source = socket.inet_aton(SOURCE)
    first = (0x40 | header // 4, 0, total, identification, fragment, 64, protocol, 0, source, address)
    return struct.pack("!BBHHHBBH4s4s", *first) + options + content


def ipv6(
    payload: bytes = b"", flags: int = ACK, port: int = 80, address: bytes = ADDRESS_IPV6, protocol: int = TCP,
    tcp_options: bytes = b"", length: int | None = None, headers: Sequence[int] = (),
) -> bytes:  # fmt: skip
    """Return an IPv6 packet with a TCP segment after these extension headers; a fragment header is that of a whole datagram."""
    content, after = tcp(payload, flags, port, tcp_options), protocol
    for header in reversed(headers):
        # 16 bytes: the length counts units of 8 bytes after the first, in the authentication header units of 4 after two
        size = 2 if header == AUTHENTICATION else 1
        extension = bytes([after, 0]) + bytes(6) if header == FRAGMENT else bytes([after, size]) + bytes(14)
        content, after = extension + content, header
    return ipv6_part(content, after, length, address)


def ipv6_part(content: bytes, first: int, length: int | None = None, address: bytes = ADDRESS_IPV6) -> bytes:
    """Return an IPv6 packet with *content*, whose first header has the number *first*."""
    source = socket.inet_pton(socket.AF_INET6, SOURCE_IPV6)
    header = struct.pack(
        "!IHBB16s16s", 0x60000000, len(content) if length is None else length, first, 64, source, address
    )
    return header + content


def fragments_ipv4(content: bytes, size: int, identification: int = 1) -> list[bytes]:
    """Return *content* in IPv4 fragments of *size* bytes, a multiple of 8."""
    return [
        ipv4_part(
            content[at : at + size],
            at // 8 | (0x2000 if at + size < len(content) else 0),
            identification=identification,
        )
        for at in range(0, len(content), size)
    ]


def fragments_ipv6(content: bytes, size: int, first: int = TCP, before: Sequence[int] = ()) -> list[bytes]:
    """Return *content*, whose first header has the number *first*, in IPv6 fragments after one hop-by-hop header if *before*."""
    packets = []
    for at in range(0, len(content), size):
        more = at + size < len(content)
        part = struct.pack("!BBHI", first, 0, at | more, 7) + content[at : at + size]
        if before:
            part = bytes([FRAGMENT, 1]) + bytes(14) + part
        packets.append(ipv6_part(part, before[0] if before else FRAGMENT))
    return packets
