# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rate of changes with a throttled API: the threads and the transport of the collection, in virtual time."""

from __future__ import annotations

import concurrent.futures
import json
from collections import Counter
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._apply import apply
from ansible_collections.alicloud.imds.plugins.module_utils._openapi import _credentials, _ecs, _http, _transport

from ....timing import VirtualTime
from .._openapi.limits import Bucket
from .test__apply import change

# Thousands of calls are simulated.
pytestmark = pytest.mark.slow

REGIONS = ("ap-southeast-1", "cn-beijing", "cn-hangzhou", "eu-central-1")
CHANGES_IN_REGION = 750
CHANGES = CHANGES_IN_REGION * len(REGIONS)
THREADS = 16
LATENCY = 0.01
MAX_RATIO = 1.05


class ThrottledApi:
    """Replace the connections of a transport: accept *rate* calls per second in each region, each of *LATENCY* seconds."""

    def __init__(self, time: VirtualTime, rate: float) -> None:
        self._time = time
        self._buckets = {region: Bucket(rate) for region in REGIONS}
        self.accepted: dict[str, list[float]] = {region: [] for region in REGIONS}
        self.changed: Counter[str] = Counter()
        self.throttled = 0

    def post(self, url: str, _headers, _auth, _timeout) -> _http.ApiResponse:
        self._time.sleep(LATENCY / 2)
        parameters = parse_qs(urlsplit(url).query)
        region = parameters["RegionId"][0]
        accepted = self._buckets[region].take(self._time.now())
        if accepted:
            self.accepted[region].append(self._time.now())
            self.changed[parameters["InstanceId"][0]] += 1
        else:
            self.throttled += 1
        self._time.sleep(LATENCY / 2)
        body = {"RequestId": "R"} if accepted else {"RequestId": "R", "Code": "Throttling.User", "Message": "Too many"}
        return _http.ApiResponse(200 if accepted else 400, {}, json.dumps(body).encode())


@pytest.fixture(scope="module", params=[200, 100], ids="{} calls a second".format)
def changed_fleet(request) -> tuple[float, VirtualTime, ThrottledApi]:
    """Return the limit, the time of the changes, and the API."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        return change_fleet(request.param, monkeypatch)


def change_fleet(rate: float, monkeypatch: pytest.MonkeyPatch) -> tuple[float, VirtualTime, ThrottledApi]:
    time = VirtualTime(THREADS)
    monkeypatch.setattr(concurrent.futures, "ThreadPoolExecutor", time.executor)
    monkeypatch.setattr(_transport.random, "uniform", lambda low, high: (low + high) / 2)
    keys = _credentials.static(_credentials.Credentials("key", "secret", None), "the test")
    transport = _transport.Transport(_transport.Settings(), keys, timer=time.clock)
    api = ThrottledApi(time, rate)
    monkeypatch.setattr(transport, "_connections", api)
    changes = [change(region, number) for number in range(CHANGES_IN_REGION) for region in REGIONS]
    outcomes = apply({None: _ecs.Ecs(transport)}, changes, THREADS, None)
    assert [outcome.error for outcome in outcomes if outcome.error] == []
    assert api.changed == Counter({it.instance.instance_id: 1 for it in changes})
    return rate, time, api


def test_the_changes_take_little_longer_than_the_limit_requires(changed_fleet) -> None:
    """A region accepts the calls of one second at once in the beginning; calls are sent to all regions concurrently."""
    rate, time, _api = changed_fleet
    assert time.elapsed <= MAX_RATIO * (CHANGES_IN_REGION - rate) / rate


def test_few_calls_are_throttled(changed_fleet) -> None:
    """Some throttled calls are needed to find the limit."""
    _rate, _time, api = changed_fleet
    assert 0 < api.throttled <= CHANGES * 0.06


def test_no_region_pauses_without_need(changed_fleet) -> None:
    """Once the limit is known, the calls of a region have about that rate."""
    rate, _time, api = changed_fleet
    for accepted in api.accepted.values():
        longest = max(later - earlier for earlier, later in zip(accepted, accepted[1:]))
        assert longest <= 3 / rate
