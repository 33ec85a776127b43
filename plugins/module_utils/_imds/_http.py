# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP/1.1 requests over persistent connections, each limited in time and size.

Proxies, netrc, redirects and TLS are not supported on purpose: the metadata service is plain HTTP on a link-local
address, and a server in between could read the token.
"""

import http.client
import io
import socket
import threading
import typing as t

from .._common._clock import SYSTEM_CLOCK, Clock
from ._connect import NotConnected, Route

_CHUNK = 65536


class TransportError(Exception):
    """No complete reply arrived.

    ``phase`` is "connect" or "answer"; ``timed_out`` distinguishes a timeout from an error; ``errno`` is of the system.
    ``others`` has the failures at the other addresses of the server, by endpoint.
    """

    def __init__(self, phase: str, reason: str, errno: t.Optional[int] = None, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.phase = phase
        self.reason = reason
        self.errno = errno
        self.timed_out = timed_out
        self.others: t.Dict[str, TransportError] = {}


class BrokenReply(Exception):
    """The reply is not acceptable HTTP; if ``retryable``, another attempt may succeed."""

    def __init__(self, reason: str, retryable: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable


class Reply(t.NamedTuple):
    """A complete HTTP reply; ``retry_after`` is in seconds, or None if the header is missing or not a number."""

    status: int
    retry_after: t.Optional[float]
    body: bytes


class _BoundedSocket:
    """A socket whose sends and receives time out at ``ends_at`` (monotonic seconds).

    An ordinary timeout restarts with each byte received, so a server that sends single bytes could delay a reply forever.
    """

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self._sock = sock
        self._clock = clock
        self._readers = 0
        self._closing = False
        self.ends_at = 0.0

    def _arm(self) -> None:
        left = self.ends_at - self._clock.now()
        if left <= 0:
            raise socket.timeout("timed out")
        self._sock.settimeout(left)

    def sendall(self, data: bytes) -> None:
        self._arm()
        self._sock.sendall(data)

    def recv_into(self, buffer: t.Any) -> int:
        self._arm()
        return self._sock.recv_into(buffer)

    def makefile(self, mode: str) -> io.BufferedReader:
        self._readers += 1
        return io.BufferedReader(_SocketReader(self), _CHUNK)

    def reader_closed(self) -> None:
        """Close the socket if this was the last reader and `close` was called."""
        self._readers -= 1
        if self._closing and not self._readers:
            self._sock.close()

    def close(self) -> None:
        """Close the socket now or, as http.client expects, when the last reader is closed."""
        self._closing = True
        if not self._readers:
            self._sock.close()


class _SocketReader(io.RawIOBase):
    """The stream that http.client reads a reply from; closing it leaves the socket open for the next request."""

    def __init__(self, sock: _BoundedSocket) -> None:
        super().__init__()
        self._bounded = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: t.Any) -> int:
        return self._bounded.recv_into(buffer)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._bounded.reader_closed()


class Connection:
    """One persistent connection. Not thread-safe."""

    def __init__(self, route: Route, clock: Clock = SYSTEM_CLOCK) -> None:
        self._route = route
        self._clock = clock
        self._http = http.client.HTTPConnection(*route.origin)
        self._sock: t.Optional[_BoundedSocket] = None

    def exchange(
        self, method: str, target: str, headers: t.Mapping[str, str], ends_at: float, connect_by: float, limit: int
    ) -> Reply:
        """Send one request and return its reply, with at most *limit* bytes of body; raise TransportError or BrokenReply.

        The connection must exist by *connect_by*, the reply be complete by *ends_at* (monotonic seconds). If the server has
        closed a persistent connection since the last reply, the request is sent once more on a new one.
        """
        reused = self._sock is not None
        try:
            return self._attempt(method, target, headers, ends_at, connect_by, limit)
        except (ConnectionError, http.client.RemoteDisconnected) as exc:
            self.close()
            if not reused:
                raise TransportError("answer", "the connection was closed without an answer", exc.errno) from None
        except BaseException:
            self.close()
            raise
        return self.exchange(method, target, headers, ends_at, connect_by, limit)

    def _attempt(
        self, method: str, target: str, headers: t.Mapping[str, str], ends_at: float, connect_by: float, limit: int
    ) -> Reply:
        sock = self._sock or self._connect(min(ends_at, connect_by))
        sock.ends_at = ends_at
        try:
            self._http.request(method, target, headers=dict(headers))
            reply = _read(self._http.getresponse(), limit)
        except socket.timeout:
            raise TransportError("answer", "no complete answer in time", timed_out=True) from None
        except http.client.RemoteDisconnected:
            raise
        except (http.client.HTTPException, ValueError) as exc:
            raise BrokenReply("the answer is not valid HTTP (%s)" % type(exc).__name__) from None
        if self._http.sock is None:  # http.client closes it when the server said that it will
            self._sock = None
        return reply

    def connect(self, ends_at: float) -> None:
        """Connect unless there is a connection; raise TransportError."""
        if self._sock is None:
            self._connect(ends_at)

    def _connect(self, ends_at: float) -> _BoundedSocket:
        try:
            raw, origin = self._route.connect(ends_at, self._clock)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except NotConnected as exc:
            raise _connect_error(exc) from None
        except OSError as exc:
            raise TransportError("connect", exc.strerror or str(exc), exc.errno) from None
        self._sock = _BoundedSocket(raw, self._clock)
        self._http.host, self._http.port = origin  # for the header Host
        self._http.sock = t.cast(socket.socket, self._sock)
        return self._sock

    def close(self) -> None:
        """Close the connection; the next request opens a new one."""
        self._http.close()
        self._sock = None


def _connect_error(exc: NotConnected) -> TransportError:
    failures = {}
    for origin, error in exc.errors:
        if isinstance(error, socket.timeout):
            failure = TransportError("connect", "no answer to the connection request", timed_out=True)
        else:
            failure = TransportError("connect", error.strerror or str(error), error.errno)
        failures[origin.url] = failure
    first = failures.pop(exc.errors[0][0].url)
    first.others = failures
    return first


def _read(response: http.client.HTTPResponse, limit: int) -> Reply:
    declared = response.length
    if declared is not None and declared > limit:
        raise BrokenReply("the answer has %d bytes, more than the limit of %d" % (declared, limit))
    body = bytearray()
    try:
        while not response.isclosed():
            body += response.read(_CHUNK)
            if len(body) > limit:
                raise BrokenReply("the answer has more than the limit of %d bytes" % limit)
    except (http.client.IncompleteRead, ConnectionError):
        raise BrokenReply("the answer was cut off after %d bytes" % len(body), retryable=True) from None
    if declared is not None and len(body) < declared:
        raise BrokenReply("the answer was cut off after %d of %d bytes" % (len(body), declared), retryable=True)
    retry_after = response.headers.get("Retry-After", "")
    return Reply(response.status, float(retry_after) if retry_after.isdigit() else None, bytes(body))


class Pool:
    """Persistent connections to one server, shared by threads: one for each concurrent request."""

    def __init__(self, route: Route, clock: Clock = SYSTEM_CLOCK) -> None:
        self._open: t.Callable[[], Connection] = lambda: Connection(route, clock)
        self._idle: t.List[Connection] = []
        self._lock = threading.Lock()

    def exchange(
        self, method: str, target: str, headers: t.Mapping[str, str], ends_at: float, connect_by: float, limit: int
    ) -> Reply:
        """Send a request as `Connection.exchange` does, on the connection used last: the others are more likely closed."""
        with self._lock:
            connection = self._idle.pop() if self._idle else self._open()
        try:
            return connection.exchange(method, target, headers, ends_at, connect_by, limit)
        finally:
            with self._lock:
                self._idle.append(connection)

    def connect(self, ends_at: float) -> None:
        """Open a connection for the next request; raise TransportError if that fails, or takes until *ends_at*."""
        connection = self._open()
        connection.connect(ends_at)
        with self._lock:
            self._idle.append(connection)

    def close(self) -> None:
        """Close all idle connections."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()
