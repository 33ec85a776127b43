# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding the owner of a socket: real sockets of this process, and replies of a netlink socket that the test controls."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._watch import _sockets
from ansible_collections.alicloud.imds.plugins.module_utils._watch._sockets import Owner, Sockets

HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
BY_FAMILY, ERROR = 20, 2  # SOCK_DIAG_BY_FAMILY, NLMSG_ERROR


class Netlink:
    """A kernel that answers each request with prepared replies: (type, payload, difference of the sequence number)."""

    def __init__(self, *replies: tuple[int, bytes, int]) -> None:
        self.replies = list(replies)
        self.requests: list[bytes] = []

    def settimeout(self, seconds: float) -> None:
        assert 0 < seconds < 1

    def sendto(self, data: bytes, address: tuple[int, int]) -> None:
        assert address == (0, 0)
        self.requests.append(data)

    def recv(self, size: int) -> bytes:
        if not self.replies:
            raise TimeoutError
        kind, payload, difference = self.replies.pop(0)
        sequence = HEADER.unpack_from(self.requests[-1])[3] + difference
        return HEADER.pack(HEADER.size + len(payload), kind, 0, sequence, 0) + payload


def reply(uid: int, inode: int) -> bytes:
    """Return struct inet_diag_msg: 4 bytes, struct inet_diag_sockid (48 bytes), expires, queues, uid, inode."""
    return bytes(4) + bytes(48) + struct.pack("=IIIII", 0, 0, 0, uid, inode)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    for pid, links in {
        "5": [],
        "70": ["socket:[99]", "/dev/null"],
        "600": ["socket:[99]"],
        "8": ["socket:[123]"],
    }.items():
        (tmp_path / pid / "fd").mkdir(parents=True)
        for number, target in enumerate(links):
            (tmp_path / pid / "fd" / str(number)).symlink_to(target)
    (tmp_path / "9").mkdir()  # a process whose descriptors cannot be listed
    (tmp_path / "self").symlink_to("5")
    return tmp_path


def sockets(proc: Path, *replies: tuple[int, bytes, int]) -> tuple[Sockets, Netlink]:
    netlink = Netlink(*replies)
    return Sockets(str(proc), netlink), netlink  # type: ignore[arg-type]


def ask(found: Sockets) -> Owner | None:
    return found.owner("10.0.0.1", 40000, "100.100.100.200", 80)


def test_the_request_names_one_connection(proc: Path) -> None:
    found, netlink = sockets(proc)
    assert ask(found) is None  # no reply
    (request,) = netlink.requests
    length, kind, flags, sequence, port = HEADER.unpack_from(request)
    assert (length, kind, flags, sequence, port) == (len(request), BY_FAMILY, 1, 1, 0)
    # struct inet_diag_req_v2: family, protocol, extensions, padding; states; struct inet_diag_sockid
    assert struct.unpack_from("=4BI", request, 16) == (socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF)
    assert struct.unpack_from("!HH4s12x4s12x", request, 24) == (
        40000, 80, socket.inet_aton("10.0.0.1"), socket.inet_aton("100.100.100.200"),
    )  # fmt: skip
    assert request[60:] == struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)  # any interface, INET_DIAG_NOCOOKIE
    assert len(request) == 16 + 8 + 48


def test_the_request_names_an_ipv6_connection(proc: Path) -> None:
    found, netlink = sockets(proc)
    assert found.owner("fd00::1", 40000, "fd00:100::100:200", 80) is None
    (request,) = netlink.requests
    assert request[16] == socket.AF_INET6
    assert request[28:60] == b"".join(
        socket.inet_pton(socket.AF_INET6, one) for one in ("fd00::1", "fd00:100::100:200")
    )


def test_the_youngest_process_with_the_socket_is_the_owner(proc: Path) -> None:
    assert ask(sockets(proc, (BY_FAMILY, reply(33, 99), 0))[0]) == Owner(33, 600)
    assert ask(sockets(proc, (BY_FAMILY, reply(33, 123), 0))[0]) == Owner(33, 8)


def test_a_socket_without_a_process_has_a_user(proc: Path) -> None:
    assert ask(sockets(proc, (BY_FAMILY, reply(33, 4444), 0))[0]) == Owner(33, 0)


@pytest.mark.parametrize(
    "answer",
    [
        (ERROR, struct.pack("=i", -2) + bytes(16), 0),  # no such socket
        (BY_FAMILY, b"short", 0),
        (BY_FAMILY, reply(33, 0), 0),  # closed: the socket has no file any more
    ],
    ids=["error", "short", "closed"],
)
def test_no_owner(proc: Path, answer: tuple[int, bytes, int]) -> None:
    assert ask(sockets(proc, answer)[0]) is None


def test_late_replies_to_earlier_requests_are_skipped(proc: Path) -> None:
    late = (BY_FAMILY, reply(1, 99), -1)
    assert ask(sockets(proc, late, late, (BY_FAMILY, reply(33, 99), 0))[0]) == Owner(33, 600)


def test_processes_are_searched_for_a_tenth_of_the_time(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]

    def monotonic() -> float:
        clock[0] += 0.5
        return clock[0]

    monkeypatch.setattr(_sockets.time, "monotonic", monotonic)
    found, _netlink = sockets(proc, *[(BY_FAMILY, reply(33, 99), 0)] * 3)
    assert ask(found) == Owner(33, 600)  # takes half a second, from 100.5 to 101
    assert ask(found) == Owner(33, 0)
    clock[0] = 105.0  # five seconds after the begin
    assert ask(found) == Owner(33, 600)


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, tuple[str, int]]]:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        yield client, server.getsockname()


def test_a_real_socket_of_this_process(connection: tuple[socket.socket, tuple[str, int]]) -> None:
    client, (address, port) = connection
    found = Sockets()
    assert found.owner(*client.getsockname(), address, port) == Owner(os.getuid(), os.getpid())
    assert found.owner("127.0.0.2", client.getsockname()[1], address, port) is None


def test_a_descriptor_that_is_closed_meanwhile(proc: Path) -> None:
    """A listed descriptor may be closed before it is read."""
    assert _sockets._target(str(proc / "70/fd"), "77") == ""
