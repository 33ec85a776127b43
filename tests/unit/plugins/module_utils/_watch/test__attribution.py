# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Matching connections with events of the kernel, with a source of events that the test controls."""

from __future__ import annotations

import os
from typing import Any

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._watch._attribution import Attributor, Kernel
from ansible_collections.alicloud.imds.plugins.module_utils._watch._events import Connect, Established
from ansible_collections.alicloud.imds.plugins.module_utils._watch._processes import Processes
from ansible_collections.alicloud.imds.plugins.module_utils._watch._tcp import SYN, Flows, Segment

NETWORK = os.stat("/proc/self/ns/net").st_ino
SERVICES = ("100.100.100.200", "fd00:100::100:200")


class Hook:
    """Events that the test adds."""

    lost = 0

    def __init__(self) -> None:
        self.pending: list[Any] = []

    def fileno(self) -> int:
        return -1

    def waiting(self) -> bool:
        return bool(self.pending)

    def events(self) -> list[Any]:
        pending, self.pending = self.pending, []
        return pending

    def close(self) -> None:
        pass


class NoSockets:
    """No socket exists any more."""

    def owner(self, *_connection: Any) -> None:
        return None


def flow(source: str = "10.0.0.1", first: int = 1001, forwarded: bool = False) -> Any:
    """Return a connection with its first data."""
    flows = Flows()
    base = ("eth0", forwarded, source, 40000)
    flows.take(Segment(*base, first - 1, 0, SYN, b""), 0.0)
    _done, began = flows.take(Segment(*base, first, 5, 16, b"GET /"), 0.0)
    return began


@pytest.fixture
def hook() -> Hook:
    return Hook()


def attributor(hook: Hook, method: str) -> Attributor:
    return Attributor(SERVICES, 80, Kernel(hook, None, method), Processes(), NoSockets())  # type: ignore[arg-type]


@pytest.mark.parametrize("source", ["10.0.0.1", "fd00::1"])
@pytest.mark.parametrize(("method", "first"), [("connect", 1001), ("tracepoint", None)])
def test_a_connection_of_this_process(hook: Hook, source: str, method: str, first: int | None) -> None:
    found = attributor(hook, method)
    hook.pending = [Connect(7, os.getpid(), os.getuid(), 0, b"", NETWORK), Established(7, source, 40000, first)]
    peer = found.attribute(flow(source))
    assert (peer.pid, peer.sighting.attributed_by) == (os.getpid(), method)
    assert peer.sighting.caller.exe == os.path.realpath("/proc/self/exe") and found.lost() == 0


def test_another_network_namespace_with_the_same_address(hook: Hook) -> None:
    """A container may use any address, also that of this host, but no packet of this host is from there."""
    found = attributor(hook, "tracepoint")
    events = [Connect(7, os.getpid(), os.getuid(), 0, b"", NETWORK + 1), Established(7, "10.0.0.1", 40000, None)]
    hook.pending = list(events)
    assert found.attribute(flow()).sighting.attributed_by == "none"
    hook.pending = list(events)
    assert found.attribute(flow(forwarded=True)).sighting.attributed_by == "tracepoint"


def test_a_process_that_has_ended_is_counted_as_lost(hook: Hook) -> None:
    found = attributor(hook, "tracepoint")
    hook.pending = [Connect(7, 1 << 22, None, 0, b"", 0), Established(7, "10.0.0.1", 40000, None)]
    assert found.attribute(flow()).sighting.attributed_by == "none"
    hook.lost = 3
    assert found.lost() == 4


def test_a_process_that_ends_while_it_is_inspected_is_counted_as_lost(hook: Hook) -> None:
    """Its user is known, but not its network namespace, so no connection of this host is attributed to it."""
    found = attributor(hook, "tracepoint")
    hook.pending = [Connect(7, os.getpid(), os.getuid(), 0, b"", 0), Established(7, "10.0.0.1", 40000, None)]
    assert found.attribute(flow()).sighting.attributed_by == "none"
    assert found.lost() == 1
