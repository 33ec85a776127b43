# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Endpoints, and requests over persistent connections."""

from __future__ import annotations

import socket
import time

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._common._clock import SYSTEM_CLOCK
from ansible_collections.alicloud.imds.plugins.module_utils._imds._connect import Origin, Route, parse_endpoint
from ansible_collections.alicloud.imds.plugins.module_utils._imds._http import (
    Connection,
    Pool,
    TransportError,
    _BoundedSocket,
)

PUT = ("PUT", "/latest/api/token", {"X-aliyun-ecs-metadata-token-ttl-seconds": "60"})


@pytest.mark.parametrize(
    ("endpoint", "origin"),
    [
        ("http://100.100.100.200", Origin("100.100.100.200", 80)),
        ("http://127.0.0.1:8080/", Origin("127.0.0.1", 8080)),
        ("http://[fd00:100::100:200]", Origin("fd00:100::100:200", 80)),
        ("http://metadata.example", Origin("metadata.example", 80)),
    ],
)
def test_an_endpoint_is_a_host_and_a_port(endpoint: str, origin: Origin) -> None:
    assert parse_endpoint(endpoint) == origin


@pytest.mark.parametrize("endpoint", ["http://user:secret@host", "https://user:secret@host", "http://host/x?secret"])
def test_an_invalid_endpoint_is_an_error(endpoint: str) -> None:
    with pytest.raises(ValueError, match="the endpoint .* must") as caught:
        parse_endpoint(endpoint)
    assert "@" not in endpoint or "secret" not in str(caught.value)


def test_a_connection_is_reused(instance) -> None:
    connection = Connection(Route(parse_endpoint(instance.endpoint)))
    for _time in range(3):
        ends_at = time.monotonic() + 60
        assert connection.exchange(*PUT, ends_at, ends_at, 4096).status == 200
    connection.close()
    assert len({entry["connection"] for entry in instance.journal()}) == 1


def test_a_socket_stays_open_until_its_last_reader_is_closed() -> None:
    """http.client closes the socket when the reply ends the connection, and reads the body afterwards."""
    ours, theirs = socket.socketpair()
    with theirs:
        bounded = _BoundedSocket(ours, SYSTEM_CLOCK)
        bounded.ends_at = SYSTEM_CLOCK.now() + 60
        reader = bounded.makefile("rb")
        bounded.close()
        theirs.sendall(b"body")
        assert reader.read(4) == b"body"
        reader.close()
        assert ours.fileno() == -1


def test_a_pool_uses_the_last_connection_again(instance) -> None:
    pool = Pool(Route(parse_endpoint(instance.endpoint)))
    for _time in range(3):
        ends_at = time.monotonic() + 60
        pool.exchange(*PUT, ends_at, ends_at, 4096)
    pool.close()
    assert len({entry["connection"] for entry in instance.journal()}) == 1


def test_a_refused_connection_has_the_phase_and_the_errno(free_port: int) -> None:
    ends_at = time.monotonic() + 60
    with pytest.raises(TransportError, match="Connection refused") as caught:
        Connection(Route(Origin("127.0.0.1", free_port))).exchange(*PUT, ends_at, ends_at, 4096)
    assert (caught.value.phase, caught.value.errno is not None, caught.value.timed_out) == ("connect", True, False)
