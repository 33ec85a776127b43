# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""fragments.py SOURCE TARGET: send a SYN to port 80 of an address in fragments of 8 bytes, so that none has port and flags.

Prints "answered" if a SYN-ACK arrives within two seconds, else "silent". Needs CAP_NET_RAW.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import time

PORT = 40000 + os.getpid() % 20000
SYN, ACK = 0x02, 0x10
SIZE = 8


def main(source: str, target: str) -> str:
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    addresses = socket.inet_pton(family, source) + socket.inet_pton(family, target)
    segment = struct.pack("!HHIIBBHHH", PORT, 80, 1, 0, 5 << 4, SYN, 1024, 0, 0)
    pseudo = addresses + struct.pack("!II", len(segment), socket.IPPROTO_TCP)
    segment = segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]
    build = ipv6 if family == socket.AF_INET6 else ipv4
    with socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP) as answers:
        with socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW) as out:
            for offset in range(0, len(segment), SIZE):
                more = offset + SIZE < len(segment)
                out.sendto(build(addresses, segment[offset : offset + SIZE], offset, more), (target, 0))
        give_up = time.monotonic() + 2
        while time.monotonic() < give_up:
            answers.settimeout(max(0.01, give_up - time.monotonic()))
            try:
                packet = answers.recv(4096)
            except socket.timeout:
                break
            header = packet[(packet[0] & 15) * 4 :] if family == socket.AF_INET else packet
            if struct.unpack("!HH", header[:4]) == (80, PORT) and header[13] & (SYN | ACK) == SYN | ACK:
                return "answered"
    return "silent"


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return int(~total & 0xFFFF)


def ipv4(addresses: bytes, payload: bytes, offset: int, more: bool) -> bytes:
    fragment = offset // 8 | (0x2000 if more else 0)
    fields = (0x45, 0, 20 + len(payload), PORT, fragment, 64, socket.IPPROTO_TCP, 0)
    return struct.pack("!BBHHHBBH", *fields) + addresses + payload  # the kernel computes the checksum


def ipv6(addresses: bytes, payload: bytes, offset: int, more: bool) -> bytes:
    fragment = struct.pack("!BBHI", socket.IPPROTO_TCP, 0, offset | more, PORT)
    head = struct.pack("!IHBB", 6 << 28, len(fragment) + len(payload), socket.IPPROTO_FRAGMENT, 64)
    return head + addresses + fragment + payload


print(main(*sys.argv[1:]))
