# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start the emulator as a process and talk to it over real sockets."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from waiting import GIVE_UP_SECONDS, wait_until

LAUNCHER = Path(__file__).resolve().parents[6] / "roles" / "emulator" / "files" / "imds-emulator"
TTL = "X-aliyun-ecs-metadata-token-ttl-seconds"
TOKEN = "X-aliyun-ecs-metadata-token"
TOKEN_PATH = "/latest/api/token"


class Reply(NamedTuple):
    status: int
    headers: Dict[str, str]  #: names in lower case
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")


def connect(address: str, source: Optional[str] = None, timeout: float = GIVE_UP_SECONDS) -> socket.socket:
    host, _colon, port = address.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout, (source, 0) if source else None)


def ask(
    address: str,
    path: str,
    headers: Optional[Dict[str, str]] = None,
    method: str = "GET",
    body: Optional[bytes] = None,
    source: Optional[str] = None,
) -> Reply:
    """Send one request on a new connection with the client of the standard library."""
    host, _colon, port = address.rpartition(":")
    client = http.client.HTTPConnection(
        host.strip("[]"), int(port), GIVE_UP_SECONDS, source_address=(source, 0) if source else None
    )
    try:
        client.request(method, path, body, headers or {})
        answer = client.getresponse()
        return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        client.close()


def exchange(address: str, data: bytes, source: Optional[str] = None, half_close: bool = False) -> bytes:
    """Send bytes unchanged and return all bytes until the server closes the connection."""
    with connect(address, source) as sock:
        sock.sendall(data)
        if half_close:
            sock.shutdown(socket.SHUT_WR)
        return read_all(sock)


def read_all(sock: socket.socket) -> bytes:
    data = b""
    while True:
        more = sock.recv(65536)
        if not more:
            return data
        data += more


def read_reply(sock: socket.socket) -> Reply:
    """Read one response, with its Content-Length, from an open connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(1)
        if not more:
            raise ConnectionError("closed after %r" % data)
        data += more
    lines = data.decode("latin-1").split("\r\n")
    headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines[1:] if line}
    body = b""
    while len(body) < int(headers["content-length"]):
        more = sock.recv(int(headers["content-length"]) - len(body))
        if not more:
            raise ConnectionError("closed after %r" % body)
        body += more
    return Reply(int(lines[0].split()[1]), headers, body)


def request_bytes(path: str, method: str = "GET", *headers: str) -> bytes:
    return "\r\n".join(["%s %s HTTP/1.1" % (method, path), "Host: emulator", *headers, "", ""]).encode("latin-1")


class Emulator:
    """A running emulator, started by its launcher, with its files in *folder*."""

    def __init__(self, folder: Path, *arguments: str, config: Any = None, env: Optional[Dict[str, str]] = None) -> None:
        self.ready_file = folder / "ready.json"
        self.journal_file = folder / "journal"
        command = [str(LAUNCHER), "serve", "--admin", "127.0.0.1:0", "--ready-file", str(self.ready_file), *arguments]
        if config is not None:
            (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
            command += ["--config", str(folder / "config.json")]
        self.stderr = folder / "stderr"
        environment = dict(os.environ, PYTHON=sys.executable, **(env or {}))
        with self.stderr.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=subprocess.DEVNULL, env=environment)
        self.ready = self._wait()
        self.listen: List[str] = self.ready["listen"]
        self.admin_address: str = self.ready["admin"]

    def _wait(self) -> Any:
        wait_until(lambda: self.ready_file.exists() or self.process.poll() is not None, "the emulator")
        if self.process.poll() is not None:
            raise RuntimeError("the emulator did not start: " + self.stderr.read_text(encoding="utf-8"))
        return json.loads(self.ready_file.read_text(encoding="utf-8"))

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """Return the JSON of a successful admin request."""
        status, data = self.admin_status(method, path, body)
        if status != 200:
            raise RuntimeError("%s %s: %d %s" % (method, path, status, data))
        return data

    def admin_status(self, method: str, path: str, body: Any = None) -> Tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode("utf-8")
        reply = ask(self.admin_address, path, {}, method, data)
        return reply.status, json.loads(reply.text)

    def journal(self, instance_id: Optional[str] = None) -> List[Dict[str, Any]]:
        entries = self.admin("GET", "/journal")["entries"]
        return [entry for entry in entries if instance_id is None or entry["instance"] == instance_id]

    def advance(self, seconds: float) -> None:
        self.admin("POST", "/clock", {"advance": seconds})

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(GIVE_UP_SECONDS)


@contextlib.contextmanager
def started(folder: Path, *arguments: str, config: Any) -> Iterator[Emulator]:
    """Run an emulator with a journal; check at the end that it stops without an error."""
    emulator = Emulator(folder, *arguments, "--journal", str(folder / "journal"), config=config)
    try:
        yield emulator
    finally:
        status = emulator.stop()
    assert status == 0
    assert "Traceback" not in emulator.stderr.read_text(encoding="utf-8")


class Instance:
    """An instance of a running emulator and its own address, if it has one."""

    def __init__(self, emulator: Emulator, instance_id: str, address: str) -> None:
        self.emulator = emulator
        self.id = instance_id
        self.address = address

    def get(self, path: str, token: Optional[str] = None, **headers: str) -> Reply:
        if token is not None:
            headers[TOKEN] = token
        return ask(self.address, path, headers)

    def put(self, ttl: Optional[str] = "60", path: str = TOKEN_PATH, **headers: str) -> Reply:
        if ttl is not None:
            headers[TTL] = ttl
        return ask(self.address, path, headers, "PUT")

    def token(self, ttl: str = "60") -> str:
        reply = self.put(ttl)
        if reply.status != 200:
            raise RuntimeError("no token: %d" % reply.status)
        return reply.text

    def set(self, **changes: Any) -> None:
        self.emulator.admin("PATCH", "/instances/" + self.id, changes)

    def faults(self, *faults: Dict[str, Any]) -> None:
        self.emulator.admin("PUT", "/instances/%s/faults" % self.id, list(faults))

    def journal(self) -> List[Dict[str, Any]]:
        return self.emulator.journal(self.id)
