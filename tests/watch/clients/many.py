# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""many.py TIMES [RATE [new]]: send token-authenticated requests, RATE per second, and print each delay.

All requests use one connection, or, with ``new``, a connection each.
"""

from __future__ import annotations

import socket
import sys
import time

times, rate = int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
anew = sys.argv[3:] == ["new"]


def connect() -> socket.socket:
    made = socket.create_connection(("100.100.100.200", 80), timeout=60)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


sock = connect()


def send(head: str) -> bytes:
    """Send one request; return the body of the response."""
    sock.sendall(f"{head}\r\nHost: x\r\n\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(65536)
    headers, _blank, body = data.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in headers.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    while len(body) < length:
        body += sock.recv(65536)
    assert headers.startswith(b"HTTP/1.1 200"), headers
    return body


token = send("PUT /latest/api/token HTTP/1.1\r\nX-aliyun-ecs-metadata-token-ttl-seconds: 21600").decode()
began = time.monotonic()
delays = []
for at in range(times):
    if rate:
        time.sleep(max(0.0, began + at / rate - time.monotonic()))
    start = time.perf_counter()
    if anew:
        sock.close()
        sock = connect()
    send(f"GET /latest/meta-data/mac HTTP/1.1\r\nX-aliyun-ecs-metadata-token: {token}")
    delays.append(time.perf_counter() - start)
if rate:
    print("\n".join(f"{delay:.7f}" for delay in delays))
