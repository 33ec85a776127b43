# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ec2_service.py ADDRESS PORT ADMIN_PORT: emulate an EC2-like metadata service for the peer's measurements.

A token is required. Like the emulator of this collection, it uses one thread per connection and one write per answer, disables
the Nagle algorithm, and keeps connections unless the client sends ``Connection: close``. The admin port on 127.0.0.1 answers every
request with the counts so far; ``PUT /delay/SECONDS`` sets the sleep before each answer.
"""

from __future__ import annotations

import json
import secrets
import socketserver
import sys
import threading
import time

from trees import ec2_leaves

TOKEN_PATH = "/latest/api/token"
PREFIX = "/latest/"


class Service:
    """The answers by path, and the numbers of connections and requests."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.connections = 0
        self.requests = 0
        self._tokens: set[str] = set()
        self._lock = threading.Lock()
        self._answers = _answers(ec2_leaves())

    def connected(self) -> None:
        with self._lock:
            self.connections += 1

    def answer(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        with self._lock:
            self.requests += 1
        if self.delay:
            time.sleep(self.delay)
        if path == TOKEN_PATH:
            return self._token(method, headers)
        if headers.get("x-aws-ec2-metadata-token") not in self._tokens:
            return 401, b"Unauthorized"
        body = self._answers.get(path) or self._answers.get(path + "/") or self._answers.get(path.rstrip("/"))
        return (404, b"Not Found") if body is None else (200, body)

    def _token(self, method: str, headers: dict[str, str]) -> tuple[int, bytes]:
        if method != "PUT":
            return 405, b"Method Not Allowed"
        if not headers.get("x-aws-ec2-metadata-token-ttl-seconds", "").isdigit():
            return 400, b"Bad Request"
        token = secrets.token_urlsafe(40)
        self._tokens.add(token)
        return 200, token.encode()


def _answers(leaves: dict[str, str]) -> dict[str, bytes]:
    """Return the body of each path, listings included. As on EC2, the listing of public-keys/ has the form ``0=name``."""
    listings: dict[str, set[str]] = {}
    for path in leaves:
        parts = path.split("/")
        for depth in range(1, len(parts)):
            below = parts[depth] + ("/" if depth < len(parts) - 1 else "")
            listings.setdefault("/".join(parts[:depth]) + "/", set()).add(below)
    listings["meta-data/public-keys/"] = {"0=benchmark"}
    bodies = {PREFIX + path: value.encode() for path, value in leaves.items()}
    bodies.update({PREFIX + path: "\n".join(sorted(names)).encode() for path, names in listings.items()})
    return bodies


class Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    server: Server

    def handle(self) -> None:
        service = self.server.service
        service.connected()
        while True:
            words = self.rfile.readline(8192).decode("latin-1").split()
            if len(words) != 3:
                return
            headers = self._headers()
            self.rfile.read(int(headers.get("content-length", 0)))
            status, body = service.answer(words[0], words[1], headers)
            keep = headers.get("connection", "").lower() != "close"
            self._send(status, body, keep)
            if not keep:
                return

    def _headers(self) -> dict[str, str]:
        headers = {}
        while line := self.rfile.readline(8192).strip():
            name, _colon, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        return headers

    def _send(self, status: int, body: bytes, keep: bool) -> None:
        head = f"HTTP/1.1 {status} .\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
        head += f"Connection: {'keep-alive' if keep else 'close'}\r\n\r\n"
        self.connection.sendall(head.encode() + body)


class Admin(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        service = self.server.service
        words = self.rfile.readline(8192).decode().split()
        if words[:1] == ["PUT"]:
            service.delay = float(words[1].rpartition("/")[2])
        body = json.dumps({"connections": service.connections, "requests": service.requests}).encode()
        self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type, service: Service) -> None:
        super().__init__(address, handler)
        self.service = service


def main() -> None:
    address, port, admin_port = sys.argv[1:]
    service = Service()
    data = Server((address, int(port)), Handler, service)
    threading.Thread(target=data.serve_forever, daemon=True).start()
    Server(("127.0.0.1", int(admin_port)), Admin, service).serve_forever()


if __name__ == "__main__":
    main()
