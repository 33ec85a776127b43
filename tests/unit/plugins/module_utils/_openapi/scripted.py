# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A strict HTTP server on a real socket: it replies to the expected calls in order, and fails every other one."""

from __future__ import annotations

import json
import socket
import socketserver
import struct
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler
from typing import Any, Callable, NamedTuple


class Seen(NamedTuple):
    """A received request; header names in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    connection: tuple

    @property
    def parameters(self) -> dict[str, str]:
        return dict(urllib.parse.parse_qsl(self.query, keep_blank_values=True))


class Reply(NamedTuple):
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = {}
    #: "reset", "close", "truncate", "drip" or "hang" instead of a complete response
    fault: str = ""
    action: str | None = None


def reply(body: Any = None, status: int = 200, action: str | None = None, fault: str = "", **headers: str) -> Reply:
    """Return a scripted reply. *body* is sent as JSON unless it is bytes. *action* is the API operation that the client must call."""
    raw = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, raw, {"Content-Type": "application/json;charset=utf-8", **named}, fault, action)


def failure(code: str, status: int = 400, message: str = "No.", request_id: str = "REQ-1", **headers: str) -> Reply:
    """Return an error response of the API."""
    body = {"Code": code, "Message": message, "RequestId": request_id, "HostId": "ecs"}
    return reply(body, status, **headers)


class Server:
    """Reply to each request with the next element of *script* or, if it is a function, with its result for the request."""

    def __init__(self, script: list[Reply] | Callable[[Seen], Reply]) -> None:
        self.script = script
        self.requests: list[Seen] = []
        self.unexpected: list[Seen] = []
        self._lock = threading.Lock()
        self._server = _Threading(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self.address = "127.0.0.1:%d" % self._server.server_address[1]
        self.url = "http://" + self.address
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: Any, *rest: Any) -> None:
        self._server.shutdown()
        self._server.server_close()
        if kind is None:
            assert not self.unexpected, "unexpected calls: %s" % self.unexpected
            if isinstance(self.script, list):
                assert len(self.requests) == len(self.script), "expected calls are missing"

    def answer(self, seen: Seen) -> Reply:
        with self._lock:
            if not isinstance(self.script, list):
                self.requests.append(seen)
                return self.script(seen)
            number = len(self.requests)
            expected = number < len(self.script)
            if expected and self.script[number].action not in (None, seen.headers.get("x-acs-action")):
                expected = False
            if not expected:
                self.unexpected.append(seen)
                return failure("UnexpectedCall", 400)
            self.requests.append(seen)
            return self.script[number]


class _Threading(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
    owner: Server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def handle_any(self) -> None:
        parts = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, parts.path, parts.query, headers, body, self.client_address)
        answer = self.server.owner.answer(seen)  # type: ignore[attr-defined]
        if answer.fault:
            self.close_connection = True
        if answer.fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            return
        if answer.fault == "close":
            return
        if answer.fault == "hang":
            self.rfile.read(1)  # until the client closes the connection
            return
        self.send_response_only(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self._send_body(answer)

    do_GET = do_POST = do_CONNECT = handle_any

    def _send_body(self, answer: Reply) -> None:
        body = answer.body[: len(answer.body) // 2] if answer.fault == "truncate" else answer.body
        try:
            if answer.fault == "drip":
                for byte in body:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(0.1)
            else:
                self.wfile.write(body)
                self.wfile.flush()
        except OSError:
            pass  # the client closed the connection

    def log_message(self, *args: Any) -> None:
        pass
