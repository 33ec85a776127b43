# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Concurrent changes: sent in any order, with outcomes in the given order."""

from __future__ import annotations

import concurrent.futures
import threading

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._apply import apply
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._instance import Instance, Options
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._plan import Change
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError

pytestmark = pytest.mark.slow

BEFORE, AFTER = Options("enabled", "optional", "disabled"), Options("enabled", "required", "disabled")


def change(region: str, number: int, after: Options | None = AFTER) -> Change:
    instance = Instance("i-%s%d" % (region, number), region, "", "linux", "Running", "", "", {}, BEFORE)
    return Change(instance, after)


class Api:
    """An API that accepts changes; *before* is called with the region and ID of each."""

    def __init__(self, before=lambda region, instance_id: None) -> None:
        self._before = before
        self._lock = threading.Lock()
        self.sent: list[str] = []

    def modify_metadata_options(self, region, instance_id, *_options) -> str:
        self._before(region, instance_id)
        with self._lock:
            self.sent.append(instance_id)
        return "request-id"


def test_a_slow_region_does_not_delay_the_others() -> None:
    """The API limits each region separately: while the calls of one wait, the others continue."""
    others_done, slow_at_once, most_slow = threading.Event(), [], []

    def before(region: str, _instance_id: str) -> None:
        if region == "slow":
            slow_at_once.append(1)
            most_slow.append(len(slow_at_once))
            assert others_done.wait(60), "the calls of the other region were not sent"
            slow_at_once.pop()
        elif len([name for name in api.sent if name.startswith("i-fast")]) == 19:
            others_done.set()

    api = Api(before)
    changes = [change("slow", number) for number in range(20)] + [change("fast", number) for number in range(20)]
    outcomes = apply({None: api}, changes, max_concurrency=4, wait_timeout=None)
    assert others_done.is_set() and all(outcome.changed for outcome in outcomes)
    assert sorted(api.sent) == sorted(it.instance.instance_id for it in changes)


def test_outcomes_have_the_order_of_the_changes() -> None:
    regions = ["b", "a", "c"]
    changes = [change(regions[number % 3], number, AFTER if number % 4 else None) for number in range(60)]

    def before(_region: str, instance_id: str) -> None:
        if instance_id == "i-a1":
            raise ApiError("not_found", "It is gone")

    api = Api(before)
    outcomes = apply({None: api}, changes, max_concurrency=8, wait_timeout=None)
    assert [outcome.change for outcome in outcomes] == changes
    assert [outcome.changed for outcome in outcomes] == [number % 4 > 0 and number != 1 for number in range(60)]
    assert [outcome.error for outcome in outcomes if outcome.error] == ["It is gone."]
    assert sorted(api.sent) == sorted(it.change.instance.instance_id for it in outcomes if it.changed)


def test_a_change_that_is_not_needed_or_refused_is_not_sent() -> None:
    api = Api()
    refused = Change(change("a", 1).instance, refusal="because")
    outcomes = apply({None: api}, [change("a", 0, None), refused], max_concurrency=2, wait_timeout=None)
    assert [(outcome.changed, outcome.error) for outcome in outcomes] == [(False, None), (False, "because")]
    assert api.sent == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_stops_the_queue(interruption: type[BaseException], monkeypatch) -> None:
    """Three other threads are sending a change; they continue when the interrupted thread waits for them."""
    go_on = threading.Event()
    shutdown = concurrent.futures.ThreadPoolExecutor.shutdown

    def noticed(pool, *arguments, **named) -> None:
        go_on.set()
        shutdown(pool, *arguments, **named)

    def before(_region: str, instance_id: str) -> None:
        if instance_id == "i-a0":
            raise interruption
        assert go_on.wait(60)

    monkeypatch.setattr(concurrent.futures.ThreadPoolExecutor, "shutdown", noticed)
    api = Api(before)
    with pytest.raises(interruption):
        apply({None: api}, [change("a", number) for number in range(200)], max_concurrency=4, wait_timeout=None)
    assert len(api.sent) <= 3
