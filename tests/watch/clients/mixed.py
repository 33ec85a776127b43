# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""mixed.py AGENT TIMES: mix modes on one connection, in segments of any size, with pipelining."""

from __future__ import annotations

import http.client
import random
import socket
import sys

agent, times = sys.argv[1], int(sys.argv[2])
dice = random.Random(agent)
connection = http.client.HTTPConnection("100.100.100.200", timeout=20)
connection.connect()
connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def spell(name: str) -> str:
    return "".join(dice.choice([char.lower(), char.upper()]) for char in name)


def request(method: str, path: str, name: str = "", value: str = "") -> bytes:
    header = f"{spell(name)}: {value}\r\n" if name else ""
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{header}User-Agent: {agent}\r\n\r\n".encode()


def send(data: bytes, responses: int) -> list[bytes]:
    """Send in pieces; return the bodies of the responses."""
    while data:
        size = dice.choice([1, 7, 40, len(data)])
        connection.sock.sendall(data[:size])
        data = data[size:]
    bodies = []
    stream = connection.sock.makefile("rb")
    for _response in range(responses):
        response = http.client.HTTPResponse(connection.sock)
        response.fp = stream
        response.begin()
        assert response.status == 200, response.status
        length = response.length or 0
        response.fp = None
        bodies.append(stream.read(length))
    return bodies


(token,) = send(request("PUT", "/latest/api/token", "x-aliyun-ecs-metadata-token-ttl-seconds", "600"), 1)
for at in range(times):
    token_authenticated = request("GET", "/latest/meta-data/mac", "x-aliyun-ecs-metadata-token", token.decode())
    normal_mode = request("GET", "/latest/meta-data/image-id?x-aliyun-ecs-metadata-token")
    both = [token_authenticated, normal_mode]
    dice.shuffle(both)
    if at % 2:
        send(b"".join(both), 2)
    else:
        for one in both:
            send(one, 1)
