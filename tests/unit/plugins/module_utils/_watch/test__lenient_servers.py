# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare the parser with web servers that are more lenient: what one of them answers as a read is never missed.

The servers serve one file at the path of the instance ID. No spelling here has a valid token header, so each read is one in normal
mode, or unparsable. `make roots` provides two releases of nginx; the others are used if they are installed.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._watch._http_stream import Stream
from waiting import wait_until

CHECKOUT = Path(__file__).resolve().parents[5]
MARK = b"i-0123456789abcdef-mark"
ITEM = "/latest/meta-data/instance-id"
TOKEN = "X-aliyun-ecs-metadata-token"
NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log stderr crit; user root;
events {{ }}
http {{
    access_log off;
    {paths}
    server {{ listen unix:{folder}/socket; root {folder}; default_type text/plain; }}
}}
"""
LIGHTTPD = """
server.document-root = "{folder}"
server.bind = "{folder}/socket"
server.errorlog = "/dev/null"
"""
PATHS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Server(NamedTuple):
    name: str
    command: tuple[str, ...]
    config: str


def servers() -> Iterator[Server]:
    for suite in ("bookworm", "trixie"):
        root = CHECKOUT / ".cache/roots" / suite
        loaders = [*root.glob("usr/lib*/ld-linux-*.so.*"), *root.glob("usr/lib/*-linux-gnu/ld-linux-*.so.*")]
        if loaders and (root / "usr/sbin/nginx").exists():
            libraries = ":".join(map(str, root.glob("usr/lib/*-linux-gnu")))
            program = (str(loaders[0]), "--library-path", libraries, str(root / "usr/sbin/nginx"))
            yield Server(f"nginx of {suite}", (*program, "-c"), NGINX)
    if shutil.which("nginx"):
        yield Server("nginx", ("nginx", "-c"), NGINX)
    if shutil.which("lighttpd"):
        yield Server("lighttpd", ("lighttpd", "-D", "-f"), LIGHTTPD)


def spellings() -> dict[str, bytes]:
    """Return requests for the item in all kinds of spellings, by a name for messages."""
    lines = []
    for ending, method, version in itertools.product(
        ("\r\n", "\n"),
        ("GET", "get", "HEAD", "POST", "GET ", " GET", "\r\nGET", "\nGET"),
        ("HTTP/1.1", "HTTP/1.0", "http/1.1"),
    ):
        lines.append(f"{method} {ITEM} {version}{ending}Host: x{ending}{ending}")
    paths = (
        ITEM + "?x=y", ITEM + "#x", "/" + ITEM, "/latest//meta-data/instance-id", "/latest/./meta-data/instance-id",
        "/x/.." + ITEM, "/latest/meta-data/instance%2did", "/%6catest/meta-data/instance-id", "http://x" + ITEM,
        "HTTP://x" + ITEM, "http://x:80" + ITEM, "http://" + ITEM, ITEM + "\t", ITEM + "\x00", "\\latest\\meta-data\\instance-id",
    )  # fmt: skip
    for path, ending in itertools.product(paths, ("\r\n", "\n")):
        lines.append(f"GET {path} HTTP/1.1{ending}Host: x{ending}{ending}")
    separators = ("\t", "  ", " \t ", "\x0b", "\x0c", "\xa0")
    lines += [
        f"GET{one}{ITEM}{two}HTTP/1.1\r\nHost: x\r\n\r\n" for one, two in itertools.product(separators, (" ", "\t"))
    ]
    lines += [
        f"GET {ITEM}\r\n",
        f"GET {ITEM}\n",
        f"GET {ITEM} \r\n\r\n",
        f"GET {ITEM} HTTP/0.9\r\n\r\n",
        f"GET {ITEM} HTTP/2.0\r\n\r\n",
    ]
    lines += [f"GET {ITEM} HTTP/1.{minor}\r\nHost: x\r\n\r\n" for minor in ("2", "9", "10", "01", "")]
    headers = (
        f"{TOKEN}:", f"{TOKEN}: ", f"{TOKEN}:\t", f"{TOKEN}", f"{TOKEN} : x", f" {TOKEN}: x", f"\t{TOKEN}: x", f"A: b\r\n {TOKEN}: x",
        f"A: b\r\n\t{TOKEN}: x", f"A: b\r{TOKEN}: x", f"A: b\x00\r\n{TOKEN}:", f"{TOKEN}\x00: x", f"{TOKEN}\t: x", f"{TOKEN}=x",
        f"{TOKEN}-: x", f"_{TOKEN}: x", f"{TOKEN.replace('-', '_')}: x", f"{TOKEN}: x\r\n{TOKEN}:", f"{TOKEN}:\r\n{TOKEN}: x",
        ": x", "a b: c", "(a): c", "A: " + "x" * 7000, "A:\x01", "A: \x80", "A" * 300 + ": x", "Content-Length: 0",
        "Content-Length: 00", "Content-Length: +0", "Content-Length: -1", "Content-Length:", "Content-Length: 0\r\nContent-Length: 0",
        "Content-Length: 0, 0", "Transfer-Encoding: identity", "Transfer-Encoding: chunked\r\nContent-Length: 0", "Expect: 100-continue",
        "Upgrade: h2c\r\nConnection: Upgrade", "Connection: close", "Connection: keep-alive", "Range: bytes=0-100", "Host: y",
    )  # fmt: skip
    for header, ending in itertools.product(headers, ("\r\n", "\n")):
        text = f"GET {ITEM} HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n"
        lines.append(text if ending == "\r\n" else text.replace("\r\n", "\n"))
    found = {line[:60] + str(number): line.encode("latin-1") for number, line in enumerate(lines)}
    plain = f"GET {ITEM} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    for first, second in itertools.product(
        (plain, plain.replace(b"\r", b""), plain[:-2] + b"Connection: close\r\n\r\n"), repeat=2
    ):
        found[f"pipelined {len(found)}"] = first + second
    for method, body in itertools.product(
        (b"GET", b"POST", b"HEAD", b"OPTIONS"), (b"Content-Length: %d", b"Transfer-Encoding: chunked")
    ):
        head = method + b" " + ITEM.encode() + b" HTTP/1.1\r\nHost: x\r\n"
        framed = plain if b"Length" in body else b"%x\r\n%s\r\n0\r\n\r\n" % (len(plain), plain)
        found[f"body {method!r} {body!r}"] = (
            head + (body % len(plain) if b"%" in body else body) + b"\r\n\r\n" + framed + plain
        )
    found["chunk with a bare line feed"] = head_of_chunks() + b"1\nx\n0\n\n" + plain
    found["chunk size with spaces"] = head_of_chunks() + b" 1 \r\nx\r\n0\r\n\r\n" + plain
    found["chunk size with an extension"] = head_of_chunks() + b"1;a=b\r\nx\r\n0\r\n\r\n" + plain
    found["chunks with a trailer"] = head_of_chunks() + b"1\r\nx\r\n0\r\n%s: x\r\n\r\n" % TOKEN.encode() + plain
    return found


def head_of_chunks() -> bytes:
    return f"POST {ITEM} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()


SPELLINGS = spellings()


def accepts(path: str) -> bool:
    """Return whether a server accepts connections at *path*; the socket is there before that."""
    with socket.socket(socket.AF_UNIX) as sock:
        return sock.connect_ex(path) == 0


def ask(path: str, data: bytes) -> int:
    """Return how many times the server answers with the content of the file."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(60)
        sock.connect(path)
        answer = b""
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            while True:
                piece = sock.recv(65536)
                if not piece:
                    break
                answer += piece
        except ConnectionError:
            pass  # the server refused the rest
        return answer.count(MARK)


NO_SERVER = pytest.param(None, id="none", marks=pytest.mark.skip("neither nginx nor lighttpd is installed"))


@pytest.mark.slow
@pytest.mark.parametrize("server", [pytest.param(server, id=server.name) for server in servers()] or [NO_SERVER])
def test_what_a_server_answers_is_counted(server: Server, tmp_path: Path) -> None:
    folder = tmp_path
    (folder / ITEM[1:]).parent.mkdir(parents=True)
    (folder / ITEM[1:]).write_bytes(MARK)
    paths = "\n".join(f"{name}_temp_path {folder}/{name};" for name in PATHS)
    (folder / "config").write_text(server.config.format(folder=folder, paths=paths))
    command = [*server.command, f"{folder}/config"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until(lambda: accepts(str(folder / "socket")) or process.poll() is not None)
            assert process.poll() is None, process.stderr and process.stderr.read()
            compare(server.name, str(folder / "socket"))
        finally:
            process.terminate()


def compare(name: str, path: str) -> None:
    answered, missed = 0, []
    for spelling, data in SPELLINGS.items():
        reads = ask(path, data)
        stream = Stream()
        modes = [request.mode for request in [*stream.feed(data), *stream.end()]]
        answered += bool(reads)
        certain = modes.count("normal_mode")
        if "token_authenticated" in modes or (reads > certain and "unparsable" not in modes):
            missed.append((spelling, reads, modes))
    print(f"{name}: {len(SPELLINGS)} spellings, {answered} answered with the value, {len(missed)} missed")
    assert answered > 20 and missed == []


class Sent:
    """The socket of a client that sends *data* and nothing more."""

    def __init__(self, data: bytes) -> None:
        self.left = data

    def recv(self, size: int) -> bytes:
        piece, self.left = self.left[:size], self.left[size:]
        return piece

    def sendall(self, data: bytes) -> None:
        assert b" 100 " in data

    def settimeout(self, seconds: float | None) -> None: ...

    def setsockopt(self, level: int, name: int, value: int) -> None: ...


@pytest.mark.parametrize("lenient", [False, True])
def test_what_the_emulator_accepts_is_counted(monkeypatch: pytest.MonkeyPatch, lenient: bool) -> None:
    """With its switch `lenient` the emulator accepts more; it parses independently of the watch."""
    monkeypatch.syspath_prepend(str(CHECKOUT / "roles/emulator/files"))
    connection, data_side = (importlib.import_module("imds_emulator." + name) for name in ("connection", "data_side"))
    request, server = (importlib.import_module("imds_emulator." + name) for name in ("request", "server"))
    switches = importlib.import_module("imds_emulator.switches").defaults()
    answered, missed = 0, []
    for spelling, data in SPELLINGS.items():
        reads = 0
        serving = connection.Connection(Sent(data), 60, server.Waiting(), lambda: lenient)
        with contextlib.suppress(request.BadRequest):
            while True:
                received = serving.receive()
                if received is None:
                    break
                reads += data_side.mode(received.request, switches) == "normal_mode" and ITEM in received.request.path
        stream = Stream()
        modes = [one.mode for one in [*stream.feed(data), *stream.end()]]
        answered += bool(reads)
        if reads > modes.count("normal_mode") and "unparsable" not in modes:
            missed.append((spelling, reads, modes))
    print(f"emulator, lenient={lenient}: {len(SPELLINGS)} spellings, {answered} accepted, {len(missed)} missed")
    assert answered >= (100 if lenient else 50) and missed == []


def test_there_are_many_spellings() -> None:
    assert len(SPELLINGS) >= 200
