# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections to adjacent services on a host with many busy processes."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._host import _reachability
from ansible_collections.alicloud.imds.plugins.module_utils._host._subprocess import HostError


def test_the_process_of_the_user_has_half_a_minute_more_than_its_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []

    def as_user(_name: str, function: Callable[[], dict[str, str]], seconds: float) -> dict[str, str]:
        limits.append(seconds)
        return function()

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(_reachability, "as_user", as_user)
    monkeypatch.setattr(_reachability, "_connect", lambda _address, _seconds: "connected")
    addresses = ["192.0.2.%d:53" % number for number in range(1, 5)]
    assert _reachability.probe(addresses) == dict.fromkeys(addresses, "connected")
    assert limits == [32.0]


def test_a_service_that_was_connected_has_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: dict[str, float] = {}
    monkeypatch.setattr(os, "geteuid", lambda: 1001)
    monkeypatch.setattr(_reachability, "_connect", lambda address, seconds: limits.update({address: seconds}))
    _reachability.probe(["a:1", "b:2", "c:3"], {"a:1": "connected", "b:2": "silent"})
    assert limits == {"a:1": 10.0, "b:2": 0.5, "c:3": 0.5}


@pytest.mark.parametrize("before", ["connected", "silent", "No route to host"])
def test_a_refusal_after_the_change_counts(before: str) -> None:
    with pytest.raises(HostError, match=r"unreachable: 192.0.2.1:53 \(%s, now refused\)" % before):
        _reachability.require_unchanged({"192.0.2.1:53": before}, {"192.0.2.1:53": "refused"})


@pytest.mark.parametrize("after", ["silent", "Network is unreachable"])
def test_only_a_service_that_was_connected_must_be_connected(after: str) -> None:
    for before in ("silent", "refused", "No route to host"):
        _reachability.require_unchanged({"192.0.2.1:53": before}, {"192.0.2.1:53": after})
    with pytest.raises(HostError, match=r"unreachable: 192.0.2.1:53 \(connected, now %s\)" % after):
        _reachability.require_unchanged({"192.0.2.1:53": "connected"}, {"192.0.2.1:53": after})


def test_services_that_stay_connected_or_refused_let_the_change_pass() -> None:
    for result in ("connected", "refused", "silent"):
        _reachability.require_unchanged({"192.0.2.1:53": result}, {"192.0.2.1:53": result})
