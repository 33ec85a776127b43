# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults of the metadata service, observed on the socket."""

from __future__ import annotations

import socket
import time

import pytest
from waiting import wait_until

from .client import TOKEN, Instance, ask, connect, exchange, read_all, read_reply, request_bytes

pytestmark = pytest.mark.slow

DATA = "/latest/meta-data/instance-id"
GET = request_bytes(DATA)


def test_latency(instance: Instance) -> None:
    """Once: had the token request been late, the read would not be."""
    instance.faults({"kind": "latency", "seconds": 0.15, "on": "data", "times": 1})
    assert instance.put().status == 200
    started = time.monotonic()
    assert instance.get(DATA).text == instance.id
    assert time.monotonic() - started >= 0.15


@pytest.mark.parametrize("status", [200, 401, 404, 429, 500, 503])
def test_status(instance: Instance, status: int) -> None:
    instance.faults({"kind": "status", "status": status, "retry_after": 7, "times": 1})
    reply = instance.get(DATA)
    assert (reply.status, reply.headers["retry-after"]) == (status, "7")
    assert instance.get(DATA).text == instance.id


def test_status_with_a_body(instance: Instance) -> None:
    instance.faults({"kind": "status", "status": 500, "body": "out\nof order"})
    assert instance.get(DATA).text == "out\nof order"


def test_reset(instance: Instance) -> None:
    instance.faults({"kind": "reset", "times": 1})
    with connect(instance.address) as sock, pytest.raises(ConnectionResetError):
        sock.sendall(GET)
        read_all(sock)
    assert instance.journal()[-1]["status"] is None
    assert instance.get(DATA).status == 200


def test_hang(instance: Instance) -> None:
    instance.faults({"kind": "hang", "times": 1})
    with connect(instance.address) as sock:
        sock.sendall(GET)
        [entry] = wait_until(instance.journal, "the request")
        sock.settimeout(0.3)
        with pytest.raises(socket.timeout):
            sock.recv(1)
    assert entry["status"] is None
    assert instance.get(DATA).status == 200


def test_empty_token(instance: Instance) -> None:
    instance.faults({"kind": "empty_token"})
    reply = instance.put()
    assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"", "0")
    assert instance.put("0").status == 400, "only a token that would have been given"


def test_garbage_token(instance: Instance) -> None:
    instance.faults({"kind": "garbage_token"})
    body = instance.put().body
    assert b"\r\n" in body and b"\x00" in body and not body.isascii()


def test_truncated(instance: Instance) -> None:
    instance.faults({"kind": "truncated", "path": "*/instance-id"})
    head, _blank, body = exchange(instance.address, GET).partition(b"\r\n\r\n")
    assert b"Content-Length: %d\r\n" % len(instance.id) in head
    assert 0 < len(body) < len(instance.id) and instance.id.encode().startswith(body)


def test_oversize(instance: Instance) -> None:
    instance.faults({"kind": "oversize", "bytes": 3000001, "on": "data"})
    reply = instance.get(DATA)
    assert (reply.headers["content-length"], len(reply.body)) == ("3000001", 3000001)
    assert len(instance.token()) < 300


def test_slow_drip(instance: Instance) -> None:
    instance.faults({"kind": "slow_drip", "seconds_per_byte": 0.001})
    with connect(instance.address) as sock:
        started = time.monotonic()
        sock.sendall(GET)
        data = b""
        while not data.endswith(instance.id.encode()):
            data += sock.recv(65536)
    assert data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert time.monotonic() - started >= 0.001 * (len(data) - 1), "the headers drip too"


def test_redirect(instance: Instance) -> None:
    instance.faults({"kind": "redirect", "location": "http://127.0.0.1:1/elsewhere", "status": 307})
    reply = instance.get(DATA)
    assert (reply.status, reply.headers["location"]) == (307, "http://127.0.0.1:1/elsewhere")


def test_token_dies_after(instance: Instance) -> None:
    instance.faults({"kind": "token_dies_after", "uses": 2})
    token = instance.token()
    assert [instance.get(DATA, token).status for _use in range(4)] == [200, 200, 401, 401]
    assert instance.get(DATA, instance.token()).status == 200


def test_close_idle(instance: Instance) -> None:
    instance.faults({"kind": "close_idle"})
    with connect(instance.address) as sock:
        sock.sendall(GET)
        reply = read_reply(sock)
        assert reply.headers["connection"] == "keep-alive"
        assert sock.recv(1) == b""


def test_on_path_and_times_choose_requests(instance: Instance) -> None:
    instance.faults(
        {"kind": "status", "status": 500, "on": "token", "times": 2},
        {"kind": "status", "status": 503, "path": "/latest/meta-data/zone*"},
        {"kind": "latency", "seconds": 0, "times": 1},
    )
    assert [instance.put().status for _request in range(3)] == [500, 500, 200]
    assert instance.get(DATA).status == 200
    assert instance.get("/latest/meta-data/zone-id").status == 503
    instance.emulator.admin("DELETE", "/instances/%s/faults" % instance.id)
    assert instance.get("/latest/meta-data/zone-id").status == 200


def test_another_change_does_not_start_the_count_again(instance: Instance) -> None:
    instance.faults({"kind": "status", "status": 500, "times": 1})
    assert instance.get(DATA).status == 500
    instance.set(hostname="other", http_tokens="required")
    assert ask(instance.address, DATA, {TOKEN: instance.token()}).status == 200


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"kind": "nothing"}, "faults[0].kind: unknown kind 'nothing'; kinds: latency, status,"),
        ({"kind": "statuses"}, "faults[0].kind: unknown kind 'statuses' (did you mean status?)"),
        ({"kind": ["reset"]}, "faults[0].kind: unknown kind ['reset']"),
        ({}, "faults[0]: the required key kind is missing"),
        ("reset", "faults[0]: must be an object with the key kind, not 'reset'"),
        (
            {"kind": "status"},
            "faults[0]: the required key status of status is missing; it must be a whole number from 200 to",
        ),
        ({"kind": "latency"}, "faults[0]: the required key seconds of latency is missing; it must be a number from 0"),
        ({"kind": "latency", "seconds": -1}, "faults[0].seconds: must be a number from 0, not -1"),
        ({"kind": "status", "status": 99}, "faults[0].status: must be a whole number from 200 to 599, not 99"),
        ({"kind": "reset", "seconds": 1}, "faults[0].seconds: unknown key; known keys: kind, on, path, times"),
        ({"kind": "reset", "time": 2}, "faults[0].time: unknown key (did you mean times?)"),
        ({"kind": "reset", "times": 0}, "faults[0].times: must be a whole number from 1, or null for no limit, not 0"),
        ({"kind": "reset", "on": "put"}, "faults[0].on: must be token, data or any, not 'put'"),
        (
            {"kind": "redirect", "location": "x\r\nSet-Cookie: y"},
            "faults[0].location: must be printable ASCII text, not",
        ),
        *(
            ({"kind": "reset", "path": path}, "faults[0].path: must be a pattern of whole paths, such as")
            for path in ("ram/*", "", "/[0-9", "/[!]", "/[]", "[/]*", 1)
        ),
    ],
    ids=str,
)
def test_an_impossible_fault_is_refused_and_the_mistake_is_named(
    instance: Instance, fault: object, message: str
) -> None:
    good = {"kind": "reset"}
    status, data = instance.emulator.admin_status("PUT", "/instances/%s/faults" % instance.id, [fault])
    assert (status, data["error"][: len("instance." + message)]) == (400, "instance." + message)
    status, data = instance.emulator.admin_status("PUT", "/instances/%s/faults" % instance.id, [good, fault])
    assert status == 400 and data["error"].startswith("instance." + message.replace("[0]", "[1]", 1))
    assert instance.get(DATA).status == 200


@pytest.mark.parametrize("path", ["*", "/latest/meta-data/instance-i[a-e]", "*/instance-[!z]d", "?latest*"])
def test_patterns_of_paths(instance: Instance, path: str) -> None:
    instance.faults({"kind": "status", "status": 503, "path": path})
    assert instance.get(DATA).status == 503
