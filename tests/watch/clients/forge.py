# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""forge.py SOURCE TIMES [checksum]: send normal-mode requests from the address of another host, with a wrong checksum if wanted."""

from __future__ import annotations

import socket
import struct
import sys

source, times, broken = socket.inet_aton(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] == ["checksum"]
service = socket.inet_aton("100.100.100.200")
REQUEST = b"GET /latest/meta-data/instance-id HTTP/1.1\r\nHost: x\r\n\r\n"


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(port: int) -> bytes:
    def tcp(check: int) -> bytes:
        return struct.pack(">HHIIBBHHH", port, 80, 1000, 2000, 0x50, 0x18, 512, check, 0) + REQUEST

    plain = tcp(0)
    pseudo = source + service + struct.pack(">HH", socket.IPPROTO_TCP, len(plain))
    right = checksum((pseudo + plain).ljust(-(-len(pseudo + plain) // 2) * 2, b"\0"))
    segment = tcp(right ^ 1 if broken else right)
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(segment), 0, 0, 64, 6, 0, source, service) + segment


with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
    for number in range(times):
        raw.sendto(packet(40000 + number), ("100.100.100.200", 0))
