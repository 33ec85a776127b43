# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""flood.py KIND TIMES: send hostile bytes, each on a connection of its own, or SYN segments only."""

from __future__ import annotations

import os
import random
import socket
import struct
import sys

kind, times = sys.argv[1], int(sys.argv[2])
SERVICE = ("100.100.100.200", 80)
KINDS = {
    "garbage": lambda dice: dice.randbytes(dice.randrange(1, 3000)),
    "tls": lambda dice: b"\x16\x03\x01\x02\x00\x01" + dice.randbytes(500),
    "huge": lambda dice: b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 200000,
    "many": lambda dice: b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 30000,
    "half": lambda dice: b"GET /latest/meta-data/ HTTP/1.1\r\nHo",
    "smuggle": lambda dice: (
        b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
}


def send(data: bytes) -> None:
    with socket.create_connection(SERVICE, timeout=20) as sock:
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass
        except OSError:
            pass  # the service closed the connection


def syn(dice: random.Random, raw: socket.socket) -> None:
    """Send a SYN segment from a random address of this network."""
    source = socket.inet_aton(f"10.77.91.{dice.randrange(1, 255)}")
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, source, socket.inet_aton(SERVICE[0]))
    tcp = struct.pack("!HHIIBBHHH", dice.randrange(1024, 65536), 80, dice.getrandbits(32), 0, 0x50, 2, 1000, 0, 0)
    raw.sendto(ip + tcp, SERVICE)


dice = random.Random(os.getpid())
if kind == "syn":
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for _time in range(times):
            syn(dice, raw)
else:
    for _time in range(times):
        send(KINDS[kind](dice))
