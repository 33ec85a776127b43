# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""attack.py KIND TIMES: try to blind the watch, or to be taken for another caller. Print the number of requests that were sent."""

from __future__ import annotations

import contextlib
import ctypes
import socket
import sys

kind, times = sys.argv[1], int(sys.argv[2])
SERVICE = ("100.100.100.200", 80)
ITEM = b"/latest/meta-data/instance-id"
NAME = b"X-aliyun-ecs-metadata-token"
SPELLINGS = {
    "plain": [b"GET " + ITEM + b" HTTP/1.1\r\nHost: x\r\n\r\n"],
    "line feeds": [b"GET " + ITEM + b" HTTP/1.1\nHost: x\n" + NAME + b": \n\n"],
    "empty token": [b"GET " + ITEM + b" HTTP/1.1\r\nHost: x\r\n" + NAME + b":  \r\n\r\n"],
    "probe": [b"GET " + ITEM + b" HTTP/1.1\r\nHost: x\r\nUser-Agent: alicloud-imds-probe\r\n\r\n"],
    "HTTP/0.9": [b"GET " + ITEM + b"\r\n"],
    "folded header": [b"GET " + ITEM + b" HTTP/1.1\r\nHost: x\r\nA: b\r\n " + NAME + b": x\r\n\r\n"],
    "tab": [b"GET\t" + ITEM + b"\tHTTP/1.1\r\nHost: x\r\n\r\n"],
    "slashes": [b"GET //latest/./meta-data//instance-id HTTP/1.1\r\nHost: x\r\n\r\n"],
    # The byte with MSG_OOB is not in the stream that the service reads, so this is no token header.
    "urgent": [b"GET " + ITEM + b" HTTP/1.1\r\nHost: x\r\nX-aliyun-ecs-meta", b"d", b"ata-token: x\r\n\r\n"],
}


def udp() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _time in range(times):
            sock.connect(SERVICE)
    return 0


def tcp() -> int:
    for _time in range(times):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                sock.connect(SERVICE)
    return 0


def send(pieces: list[bytes]) -> int:
    with socket.create_connection(SERVICE, timeout=20) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at, piece in enumerate(pieces):
            sock.send(piece, socket.MSG_OOB if at == 1 else 0)
        sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            while sock.recv(65536):
                pass
    return 1


def names() -> int:
    for number in range(times):
        ctypes.CDLL(None).prctl(15, b"name%d" % number, 0, 0, 0)  # PR_SET_NAME
        send(SPELLINGS["plain"])
    return times


floods = {"udp": udp, "tcp": tcp, "names": names}
print(floods[kind]() if kind in floods else sum(send(SPELLINGS[kind]) for _time in range(times)))
