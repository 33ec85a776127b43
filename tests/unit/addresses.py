# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loopback addresses that accept connections, refuse them, or drop the requests, for tests of a service with two addresses."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._common._clock import Clock
from ansible_collections.alicloud.imds.plugins.module_utils._imds._connect import NotConnected, Origin, Route

IPV4, IPV6 = "127.0.0.1", "::1"


def listen(host: str, backlog: int = 16) -> socket.socket:
    """Return a socket that listens on a free port of *host*."""
    server = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    server.bind((host, 0))
    server.listen(backlog)
    return server


def origin_of(server: socket.socket) -> Origin:
    """Return the address of a listening socket."""
    return Origin(*server.getsockname()[:2])


@contextlib.contextmanager
def silent(host: str) -> Iterator[Origin]:
    """Yield an address that drops connection requests, because its queue is full."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(listen(host, backlog=0))
        for _client in range(4):
            client = stack.enter_context(socket.socket(server.family))
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield origin_of(server)


@contextlib.contextmanager
def refused(host: str) -> Iterator[Origin]:
    """Yield an address that nothing listens on."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as held:
        held.bind((host, 0))
        yield origin_of(held)


def drop_all(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let every connection time out at once, and return the list of time limits in seconds, one for all addresses of a server."""
    limits: list[float] = []

    def connect(route: Route, ends_at: float, clock: Clock) -> None:
        limits.append(ends_at - clock.now())
        raise NotConnected([(origin, socket.timeout("timed out")) for origin in route.origins])

    monkeypatch.setattr(Route, "connect", connect)
    return limits
