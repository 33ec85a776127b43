# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP/1.1 framing for unknown clients, and rejection of invalid input."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import socket
import time
from typing import Callable, Iterator

import pytest
from waiting import GIVE_UP_SECONDS

from .client import (
    TOKEN,
    TOKEN_PATH,
    TTL,
    Emulator,
    Instance,
    ask,
    connect,
    exchange,
    read_all,
    read_reply,
    request_bytes,
)

pytestmark = pytest.mark.slow

DATA = "/latest/meta-data/instance-id"
GET = request_bytes(DATA)
PUT_HEAD = "PUT %s HTTP/1.1\r\nHost: x\r\n%s: 60\r\n" % (TOKEN_PATH, TTL)


def status_of(data: bytes) -> int:
    return int(data.split(b" ", 2)[1])


def test_a_connection_is_kept_and_answers_come_in_order(instance: Instance) -> None:
    with connect(instance.address) as sock:
        for path, text in ((DATA, instance.id), ("/", "2016-01-01\nlatest"), (DATA, instance.id)):
            sock.sendall(request_bytes(path))
            reply = read_reply(sock)
            assert (reply.text, reply.headers["connection"]) == (text, "keep-alive")


def test_pipelined_requests(instance: Instance) -> None:
    token = request_bytes(TOKEN_PATH, "PUT", TTL + ": 60")
    with connect(instance.address) as sock:
        sock.sendall(
            GET + token + b"\r\n" + request_bytes("/nothing") + request_bytes(DATA, "GET", "Connection: close")
        )
        replies = [read_reply(sock) for _request in range(4)]
        assert [reply.status for reply in replies] == [200, 200, 404, 200]
        assert replies[3].headers["connection"] == "close"
        assert sock.recv(1) == b""


def test_http_1_0(instance: Instance) -> None:
    data = exchange(instance.address, ("GET %s HTTP/1.0\r\n\r\n" % DATA).encode())
    assert data.startswith(b"HTTP/1.0 200 OK\r\n") and data.endswith(b"\r\n\r\n" + instance.id.encode())
    assert b"Connection: close\r\n" in data
    with connect(instance.address) as sock:
        sock.sendall(("GET %s HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" % DATA).encode())
        assert read_reply(sock).headers["connection"] == "keep-alive"
        sock.sendall(GET)
        assert read_reply(sock).text == instance.id


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ("", b""),
        ("Content-Length: 0\r\n", b""),
        ("Content-Length: 5\r\nContent-Type: text/plain\r\n", b"hello"),
        ("Content-Length: 100000\r\n", b"x" * 100000),
        ("Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n3;ext=1\r\nabc\r\n0\r\nTrailer: x\r\n\r\n"),
        ("Transfer-Encoding: Chunked\r\n", b"0\r\n\r\n"),
    ],
    ids=["no length", "zero", "small", "large", "chunked", "empty chunked"],
)
def test_put_with_and_without_a_body(instance: Instance, headers: str, body: bytes) -> None:
    """The body is read and forgotten: the next request on the connection is understood."""
    with connect(instance.address) as sock:
        sock.sendall((PUT_HEAD + headers + "\r\n").encode() + body + GET)
        token, data = read_reply(sock), read_reply(sock)
    assert (token.status, data.text) == (200, instance.id)


def test_expect_continue(instance: Instance) -> None:
    with connect(instance.address) as sock:
        sock.sendall((PUT_HEAD + "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n").encode())
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"ab")
        assert read_reply(sock).status == 200


def test_a_request_in_many_pieces(instance: Instance) -> None:
    with connect(instance.address) as sock:
        for at in range(0, len(GET), 7):
            sock.sendall(GET[at : at + 7])
            time.sleep(0.001)
        assert read_reply(sock).text == instance.id


@pytest.mark.parametrize("name", [TOKEN.lower(), TOKEN.upper(), "X-Aliyun-Ecs-Metadata-Token"])
def test_header_names_in_any_case_and_values_in_white_space(new_instance: Callable[..., Instance], name: str) -> None:
    instance = new_instance(http_tokens="required")
    token = ask(instance.address, TOKEN_PATH, {TTL.upper(): " \t60 "}, "PUT").text
    assert ask(instance.address, DATA, {name: token + "  "}).status == 200


@pytest.mark.parametrize(
    "target", ["http://100.100.100.200" + DATA, "HTTP://[::1]:80" + DATA, DATA + "?a=/b&c", DATA + "#x"]
)
def test_other_forms_of_the_target(instance: Instance, target: str) -> None:
    with connect(instance.address) as sock:
        sock.sendall(request_bytes(target))
        assert read_reply(sock).text == instance.id


def test_absolute_form_without_a_path(instance: Instance) -> None:
    with connect(instance.address) as sock:
        sock.sendall(request_bytes("http://100.100.100.200"))
        assert read_reply(sock).text == "2016-01-01\nlatest"


@pytest.mark.parametrize(
    "path",
    [
        "/latest/../latest/meta-data/instance-id",
        "/latest/meta-data/../../../../etc/passwd",
        "/latest/meta-data/%2e%2e/meta-data/instance-id",
        "/latest/meta-data%2Finstance-id",
        "/latest/./meta-data/instance-id",
        "/latest/meta-data/instance-id%00",
        "/latest/meta-data/%zz",
        "/latest/meta-data/%ff%fe",
        "/latest/meta-data/\xff",
        "/" * 3000 + "x",
        "/" + "a/" * 3000,
    ],
)
def test_strange_paths_name_nothing(instance: Instance, path: str) -> None:
    with connect(instance.address) as sock:
        sock.sendall(request_bytes(path) + GET)
        assert read_reply(sock).status == 404
        assert read_reply(sock).text == instance.id


def test_a_percent_encoded_path_is_decoded_once(new_instance: Callable[..., Instance]) -> None:
    instance = new_instance(metadata={"a b/c%41": "value"})
    assert instance.get("/latest/meta-data/a%20b/c%2541").text == "value"
    assert instance.get("/latest/meta-data/a%20b/c%41").status == 404


@pytest.mark.parametrize(
    ("status", "data"),
    [
        (400, b"\r\n\r\nnonsense\r\n\r\n"),
        (400, b"GET /\r\n\r\n"),
        (400, b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n"),
        (400, b"GET / HTTP/1.1 x\r\nHost: x\r\n\r\n"),
        (400, b"G\x00T / HTTP/1.1\r\nHost: x\r\n\r\n"),
        (400, b"GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n"),
        (400, b"GET latest HTTP/1.1\r\nHost: x\r\n\r\n"),
        (400, b"GET * HTTP/1.1\r\nHost: x\r\n\r\n"),
        (400, b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n"),
        (400, b"GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: x\r\nSpace : y\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n folded\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n"),
        (400, b"GET / HTTP/1.1\nHost: x\n\n"),
        (400, b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
        (400, b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        (400, b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (400, b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n"),
        (413, b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"),
        (413, b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n"),
        (431, b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
        (431, b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 200000),
        (431, b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 5000 + b"\r\n"),
        (501, b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n"),
        (505, b"GET / HTTP/2.0\r\nHost: x\r\n\r\n"),
        (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n"),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else str(value),
)
def test_what_is_no_request_gets_a_page_and_the_end(instance: Instance, status: int, data: bytes) -> None:
    reply = exchange(instance.address, data, half_close=len(data) < 100000)
    assert status_of(reply) == status
    assert b"Connection: close\r\n" in reply and b"<h1>%d - " % status in reply
    assert instance.journal()[-1]["mode"] == "unparsable"
    assert instance.get(DATA).status == 200


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an emulator that waits 0.4 s for a silent client."""
    folder = tmp_path_factory.mktemp("impatient")
    running = Emulator(folder, "--listen", "127.0.0.1:0", "--timeout", "0.4")
    yield running.listen[0]
    assert running.stop() == 0


def test_a_half_sent_request_times_out_with_408(impatient: str) -> None:
    started = time.monotonic()
    assert status_of(exchange(impatient, GET[:-2])) == 408
    assert time.monotonic() - started >= 0.4


def test_a_byte_now_and_then_does_not_hold_a_connection_for_ever(impatient: str) -> None:
    with connect(impatient) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n")
        with pytest.raises(OSError):
            for _byte in range(600):  # half a minute
                sock.sendall(b"A")
                time.sleep(0.05)
                sock.setblocking(False)
                try:
                    if sock.recv(1, socket.MSG_PEEK):
                        raise OSError("answered")
                except BlockingIOError:
                    pass
                sock.setblocking(True)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator that serves 4 connections at once (the admin API 32), and waits long for a silent client."""
    folder = tmp_path_factory.mktemp("narrow")
    running = Emulator(
        folder, "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--timeout", "3600", "--connections", "4"
    )
    yield running
    assert running.stop() == 0


@pytest.mark.parametrize("sent", [b"", GET[:-2], request_bytes("/", "POST", "Content-Length: 9")])
@pytest.mark.parametrize("side", ["data", "admin", "control"])
def test_half_requests_do_not_block_other_clients(narrow: Emulator, side: str, sent: bytes) -> None:
    control = json.loads(narrow.ready_file.read_text())["control"]
    address = {"data": narrow.listen[0], "admin": narrow.admin_address, "control": control}[side]
    with contextlib.ExitStack() as opened:
        halves = []
        for _number in range(50):
            halves.append(opened.enter_context(connect(address)))
            halves[-1].sendall(sent)
        for _number in range(3):
            assert ask(address, "/health" if side == "admin" else "/latest/").status in (200, 400, 404)
        halves[0].settimeout(GIVE_UP_SECONDS)
        with contextlib.suppress(ConnectionResetError):
            assert halves[0].recv(4096) == b"", "the oldest one was closed"


def test_a_silent_connection_is_closed(impatient: str) -> None:
    started = time.monotonic()
    with connect(impatient) as sock:
        assert read_all(sock) == b""
    assert time.monotonic() - started >= 0.4


def test_many_clients_at_once(instance: Instance) -> None:
    """Each has its own token, and no answer goes to another."""

    def client(number: int) -> int:
        good = 0
        with connect(instance.address) as sock:
            sock.sendall(request_bytes(TOKEN_PATH, "PUT", TTL + ": 60"))
            token = read_reply(sock).text
            for turn in range(10):
                name = "missing-%d-%d" % (number, turn)
                path, status = (DATA, 200) if turn % 2 else ("/" + name, 404)
                sock.sendall(request_bytes(path, "GET", "%s: %s" % (TOKEN, token)))
                good += read_reply(sock).status == status
        return good

    with concurrent.futures.ThreadPoolExecutor(30) as pool:
        assert list(pool.map(client, range(30))) == [10] * 30
    assert len(instance.journal()) == 330
    tokens = instance.emulator.admin("GET", "/stats")["per_instance"][instance.id]["tokens"]
    assert tokens == 30
