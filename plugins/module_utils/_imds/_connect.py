# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connect to the first address of a server that accepts a connection, within one time limit for all addresses.

The second address is tried when the first one fails, or has not accepted within `HEAD_START` seconds; from then on both
may accept (compare RFC 8305). An address that drops packets thus costs at most the head start, not a timeout.
"""

import collections
import errno
import http.client
import math
import os
import select
import socket
import typing as t
import urllib.parse

from .._common._clock import Clock

HEAD_START = 0.1


class Origin(t.NamedTuple):
    """The host name or address, and the TCP port, of a server."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The endpoint: ``http://HOST[:PORT]``."""
        host = "[%s]" % self.host if ":" in self.host else self.host
        return "http://" + host + ("" if self.port == http.client.HTTP_PORT else ":%d" % self.port)


def parse_endpoint(endpoint: str) -> Origin:
    """Return the origin of ``http://HOST[:PORT]``; raise ValueError, without a possible password, for anything else."""
    shown = "given" if "@" in endpoint else repr(endpoint)
    parts = urllib.parse.urlsplit(endpoint)
    if parts.scheme != "http":
        raise ValueError("the endpoint %s must begin with http:// (the metadata service has no HTTPS)" % shown)
    host = parts.hostname or ""
    ascii_only = host == host.encode("ascii", "ignore").decode("ascii")
    if not host or not ascii_only or parts.username or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("the endpoint %s must be http://HOST or http://HOST:PORT, and nothing more" % shown)
    return Origin(host, parts.port or http.client.HTTP_PORT)


class NotConnected(Exception):
    """No address accepted a connection; ``errors`` has the error of each address, in their order."""

    def __init__(self, errors: t.Sequence[t.Tuple[Origin, OSError]]) -> None:
        super().__init__("; ".join("%s: %s" % (origin.url, error) for origin, error in errors))
        self.errors = errors


class Route:
    """The addresses of one server, ``origins``. After a connection to one of them, only this one is used, until it is unreachable."""

    def __init__(self, *origins: Origin) -> None:
        self.origins = origins
        self._current = origins

    @property
    def origin(self) -> Origin:
        """The address in use, or the first one before the first connection."""
        return self._current[0]

    def connect(self, ends_at: float, clock: Clock) -> t.Tuple[socket.socket, Origin]:
        """Return a connected socket and its address; *ends_at* is in monotonic seconds. Raises: NotConnected."""
        try:
            connected, origin = _connect(self._current, ends_at, clock)
        except NotConnected:
            self._current = self.origins
            raise
        self._current = (origin,)
        return connected, origin


def _connect(origins: t.Sequence[Origin], ends_at: float, clock: Clock) -> t.Tuple[socket.socket, Origin]:
    if len(origins) > 1:
        return _Race(origins, ends_at, clock).run()
    origin = origins[0]
    try:
        left = ends_at - clock.now()
        if left <= 0:
            raise socket.timeout("timed out")
        # as bytes, since for text Python would load its IDNA codec, which takes longer than all the rest
        address = (origin.host.encode("ascii"), origin.port)
        return socket.create_connection(address, left), origin  # type: ignore[arg-type]
    except OSError as exc:
        raise NotConnected([(origin, exc)]) from None


class _Race:
    """Connections to several IP addresses, of which the first to be accepted is kept."""

    def __init__(self, origins: t.Sequence[Origin], ends_at: float, clock: Clock) -> None:
        self._origins = origins
        self._waiting = collections.deque(origins)
        self._ends_at = ends_at
        self._clock = clock
        self._head_start = min(HEAD_START, max(0.0, ends_at - clock.now()) / len(origins))
        self._next_at = 0.0  # when the next address is tried, although others have not failed yet
        self._pending: t.Dict[int, t.Tuple[socket.socket, Origin]] = {}
        self._poll = select.poll()
        self._errors: t.Dict[Origin, OSError] = {}

    def run(self) -> t.Tuple[socket.socket, Origin]:
        """Return the first connected socket and its address; close the others."""
        try:
            while self._waiting or self._pending:
                now = self._clock.now()
                if now >= self._ends_at:
                    accepted = self._last_look()
                    if accepted is not None:
                        return accepted
                    break
                if self._waiting and (not self._pending or now >= self._next_at):
                    self._next_at = now + self._head_start
                    self._begin(self._waiting.popleft())
                    continue
                accepted = self._wait((min(self._next_at, self._ends_at) if self._waiting else self._ends_at) - now)
                if accepted is not None:
                    return accepted
            timed_out = socket.timeout("timed out")
            raise NotConnected([(origin, self._errors.get(origin, timed_out)) for origin in self._origins])
        finally:
            for connecting, _origin in self._pending.values():
                connecting.close()

    def _last_look(self) -> t.Optional[t.Tuple[socket.socket, Origin]]:
        """Return a connection that was accepted while a busy host did not run this process, or None."""
        return self._wait(0) if self._pending else None

    def _begin(self, origin: Origin) -> None:
        try:
            connecting = socket.socket(socket.AF_INET6 if ":" in origin.host else socket.AF_INET, socket.SOCK_STREAM)
        except OSError as exc:  # a kernel without IPv6
            self._errors[origin] = exc
            return
        connecting.setblocking(False)
        code = connecting.connect_ex((origin.host, origin.port))
        if code not in (0, errno.EINPROGRESS):
            self._failed(connecting, origin, code)
            return
        self._pending[connecting.fileno()] = (connecting, origin)
        self._poll.register(connecting, select.POLLOUT)

    def _wait(self, seconds: float) -> t.Optional[t.Tuple[socket.socket, Origin]]:
        for descriptor, _events in self._poll.poll(math.ceil(seconds * 1000)):
            connecting, origin = self._pending.pop(descriptor)
            self._poll.unregister(descriptor)
            code = connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if not code:
                return connecting, origin
            self._failed(connecting, origin, code)
        return None

    def _failed(self, connecting: socket.socket, origin: Origin, code: int) -> None:
        connecting.close()
        self._errors[origin] = OSError(code, os.strerror(code))
