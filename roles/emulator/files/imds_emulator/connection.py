# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Receive HTTP/1.1 requests and send responses on one connection, with size limits and timeouts."""

from __future__ import annotations

import re
import socket
import struct
import time
import typing as t

from . import lenient
from .request import MAXIMUM_HEAD, BadRequest, Request, parse
from .server import Waiting

MAXIMUM_BODY = 1048576


class Received(t.NamedTuple):
    """A request with its body."""

    request: Request
    body: bytes


class Connection:
    """One connection.

    *timeout* is the longest idle time between requests and the longest time to receive one request, in seconds. While it
    receives, it is one of the *waiting* connections, which the server may close. If *is_lenient* returns True, heads are accepted as
    in `lenient`.
    """

    def __init__(
        self, sock: socket.socket, timeout: float, waiting: Waiting, is_lenient: t.Callable[[], bool] = lambda: False
    ) -> None:
        self._sock = sock
        self._waiting = waiting
        self._timeout = timeout
        self._is_lenient = is_lenient
        self._buffer = b""
        self._deadline = 0.0
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(timeout)

    def receive(self) -> t.Optional[Received]:
        """Return the next request, or None if the client closed the connection or is idle.

        Raises: BadRequest, OSError if the server closed the connection.
        """
        self._waiting.add(self._sock)
        try:
            return self._receive()
        finally:
            self._waiting.remove(self._sock)

    def _receive(self) -> t.Optional[Received]:
        self._deadline = 0.0
        while not self._has_head():
            self._buffer = self._buffer.lstrip(b"\r\n") if len(self._buffer) < 64 else self._buffer
            begin = self._buffer.lstrip(b"\r\n")[:1]
            if begin and not begin.isalpha():
                raise BadRequest(400)  # for example a TLS handshake, which never contains the end of a header block
            if b"\n\n" in self._buffer and not self._is_lenient():
                raise BadRequest(400)
            if len(self._buffer) > MAXIMUM_HEAD:
                raise BadRequest(431)
            if not self._read_more(head=True):
                return None
        relaxed = self._is_lenient()
        if relaxed:
            head, self._buffer = lenient.END_OF_HEAD.split(self._buffer.lstrip(b"\r\n"), 1)
        else:
            head, _blank, self._buffer = self._buffer.partition(b"\r\n\r\n")
        if len(head) > MAXIMUM_HEAD:
            raise BadRequest(431)
        head = head.lstrip(b"\r\n")
        request = parse(lenient.strict(head) if relaxed else head)
        return Received(request, self._body(request))

    def _has_head(self) -> bool:
        """Return whether the buffer holds the whole head of a request."""
        if self._is_lenient():
            return bool(lenient.END_OF_HEAD.search(self._buffer.lstrip(b"\r\n")))
        return b"\r\n\r\n" in self._buffer

    def send(self, data: bytes) -> None:
        """Send all *data*."""
        self._sock.settimeout(self._timeout)
        self._sock.sendall(data)

    def send_slowly(self, data: bytes, seconds_per_byte: float) -> None:
        """Send *data* one byte at a time."""
        for at in range(len(data)):
            self.send(data[at : at + 1])
            time.sleep(seconds_per_byte)

    def reset(self) -> None:
        """Close the connection with RST instead of FIN."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    def hold(self) -> None:
        """Send nothing until the client closes the connection."""
        self._sock.settimeout(None)
        while self._sock.recv(4096):
            pass

    def close(self) -> None:
        """Close the connection after draining its input: unread input would reset it and lose the last response."""
        try:
            self._sock.shutdown(socket.SHUT_WR)
            self._sock.settimeout(2.0)
            for _read in range(64):
                if not self._sock.recv(65536):
                    break
        except OSError:
            pass
        self._sock.close()

    def _read_more(self, head: bool = False) -> bool:
        """Append received bytes to the buffer; return False at the end of the connection.

        An idle connection before a request also returns False.

        Raises: BadRequest(408) if a request is incomplete at its deadline.
        """
        if self._buffer or not head:
            now = time.monotonic()
            self._deadline = self._deadline or now + self._timeout
            self._sock.settimeout(max(0.001, self._deadline - now))
        try:
            data = self._sock.recv(65536)
        except socket.timeout:
            if self._buffer or not head:
                raise BadRequest(408) from None
            return False
        self._buffer += data
        return data != b""

    def _body(self, request: Request) -> bytes:
        coding, length = request.headers.get("transfer-encoding"), request.headers.get("content-length")
        if coding is None and length is None:
            return b""
        if coding is not None and (length is not None or request.version == "1.0"):
            raise BadRequest(400)
        if coding is not None and coding.lower() != "chunked":
            raise BadRequest(501)
        if length is not None and not re.fullmatch("[0-9]{1,18}", length):
            raise BadRequest(400)
        if length is not None and int(length) > MAXIMUM_BODY:
            raise BadRequest(413)
        if length != "0" and request.headers.get("expect", "").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return self._take(int(length)) if length is not None else self._chunks()

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            if not self._read_more():
                raise BadRequest(400)
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            if len(self._buffer) > MAXIMUM_HEAD or not self._read_more():
                raise BadRequest(400)
        line, _end, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _chunks(self) -> bytes:
        body = b""
        while True:
            size = self._line().partition(b";")[0].strip()
            if not re.fullmatch(b"[0-9A-Fa-f]{1,8}", size):
                raise BadRequest(400)
            if len(body) + int(size, 16) > MAXIMUM_BODY:
                raise BadRequest(413)
            if int(size, 16) == 0:
                break
            body += self._take(int(size, 16))
            if self._take(2) != b"\r\n":
                raise BadRequest(400)
        for _trailer in range(100):
            if self._line() == b"":
                return body
        raise BadRequest(431)
