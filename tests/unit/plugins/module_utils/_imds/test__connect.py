# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connect to the first of two addresses that accepts, with real sockets on 127.0.0.1 and ::1."""

from __future__ import annotations

import errno
import socket
import time

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._common._clock import SYSTEM_CLOCK
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _connect
from ansible_collections.alicloud.imds.plugins.module_utils._imds._connect import NotConnected, Origin, Route

from ....addresses import IPV4, IPV6, listen, origin_of, refused, silent
from ....timing import FakeClock, PassingTime


def connect(route: Route) -> Origin:
    connected, origin = route.connect(time.monotonic() + 60, SYSTEM_CLOCK)
    with connected:
        assert connected.getpeername()[:2] == origin
    return origin


@pytest.mark.parametrize(
    ("origin", "url"),
    [
        (Origin("100.100.100.200", 80), "http://100.100.100.200"),
        (Origin("fd00:100::100:200", 80), "http://[fd00:100::100:200]"),
        (Origin("::1", 8100), "http://[::1]:8100"),
    ],
)
def test_the_url_of_an_address(origin: Origin, url: str) -> None:
    assert origin.url == url


@pytest.mark.parametrize("unusable", [refused, silent])
def test_the_second_address_is_used_if_the_first_is_unreachable(unusable) -> None:
    with unusable(IPV4) as first, listen(IPV6) as server:
        assert connect(Route(first, origin_of(server))) == origin_of(server)


@pytest.mark.parametrize("unusable", [refused, silent])
def test_the_first_address_is_used_if_the_second_is_unreachable(unusable) -> None:
    with unusable(IPV6) as second, listen(IPV4) as server:
        assert connect(Route(origin_of(server), second)) == origin_of(server)


def test_the_second_address_is_not_contacted_if_the_first_accepts() -> None:
    with listen(IPV4) as server, listen(IPV6) as other:
        other.setblocking(False)
        assert connect(Route(origin_of(server), origin_of(other))) == origin_of(server)
        with pytest.raises(BlockingIOError):
            other.accept()


def test_the_errors_of_all_addresses_are_reported() -> None:
    with refused(IPV4) as first, refused(IPV6) as second:
        with pytest.raises(NotConnected) as caught:
            connect(Route(first, second))
    assert [(origin, error.errno) for origin, error in caught.value.errors] == [
        (first, errno.ECONNREFUSED),
        (second, errno.ECONNREFUSED),
    ]


def test_a_kernel_without_ipv6_is_like_an_unreachable_address(monkeypatch) -> None:
    real = socket.socket

    def without_ipv6(family=socket.AF_INET, *arguments):
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return real(family, *arguments)

    with refused(IPV4) as first:
        monkeypatch.setattr(_connect.socket, "socket", without_ipv6)
        with pytest.raises(NotConnected) as caught:
            connect(Route(first, Origin(IPV6, 80)))
    assert [error.errno for _origin, error in caught.value.errors] == [errno.ECONNREFUSED, errno.EAFNOSUPPORT]


@pytest.mark.parametrize(
    ("seconds", "waits"),
    [(0.3, [0.1, 0.2, 0.0]), (2.0, [0.1, 1.9, 0.0]), (0.1, [0.05, 0.05, 0.0]), (0.0, [])],
)
def test_all_addresses_share_one_time_limit(monkeypatch, seconds: float, waits: list[float]) -> None:
    """The second address is tried within the limit, even if it is shorter than the head start."""
    clock = FakeClock()
    poll = PassingTime(clock)
    monkeypatch.setattr(_connect.select, "poll", lambda: poll)
    with silent(IPV4) as first, silent(IPV6) as second:
        with pytest.raises(NotConnected) as caught:
            Route(first, second).connect(clock.now() + seconds, clock.clock)
    assert [isinstance(error, socket.timeout) for _origin, error in caught.value.errors] == [True, True]
    assert poll.waits == pytest.approx(waits, abs=0.002)
    assert clock.elapsed == pytest.approx(seconds, abs=0.002)


def test_a_connection_that_was_accepted_while_a_busy_host_did_not_run_the_process_is_used(monkeypatch) -> None:
    clock = FakeClock()

    class LatePoll:
        """The first wait ends long after its time, without an event."""

        def __init__(self) -> None:
            self._real = real()
            self.register, self.unregister = self._real.register, self._real.unregister
            self._late = True

        def poll(self, milliseconds: float) -> list[tuple[int, int]]:
            if self._late:
                self._late = False
                clock.advance(60.0)
                return []
            return self._real.poll(milliseconds)

    real = _connect.select.poll
    monkeypatch.setattr(_connect.select, "poll", LatePoll)
    with listen(IPV4) as server, silent(IPV6) as second:
        connected, origin = Route(origin_of(server), second).connect(clock.now() + 0.3, clock.clock)
        connected.close()
        assert origin == origin_of(server)


def test_a_route_keeps_its_address_until_it_is_unreachable() -> None:
    with refused(IPV4) as first, listen(IPV6) as server:
        second = origin_of(server)
        route = Route(first, second)
        assert route.origin == first
        assert connect(route) == second
        assert route.origin == second
        with socket.socket() as late:  # the first address works now, but a token may have come from the second
            late.bind((IPV4, 0))
            late.listen()
            route = Route(origin_of(late), second)
            assert connect(route) == origin_of(late)
        with pytest.raises(NotConnected) as caught:
            connect(route)
        assert len(caught.value.errors) == 1
        assert connect(route) == second


def test_a_host_name_is_resolved() -> None:
    with listen(IPV4) as server:
        route = Route(Origin("localhost", server.getsockname()[1]))
        connected, _origin = route.connect(time.monotonic() + 60, SYSTEM_CLOCK)
        connected.close()
