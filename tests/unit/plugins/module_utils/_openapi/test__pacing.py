# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rate of throttled operations, simulated in virtual time: many callers with an unknown limit."""

from __future__ import annotations

import heapq
import random

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._pacing import Pacer, Pacers

from .limits import Bucket, Window


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def run(limit, calls: int, callers: int, latency: float = 0.01) -> tuple[float, int]:
    """Return the seconds that *calls* took and the number of throttled tries. The callers back off like the transport."""
    clock, chance = Clock(), random.Random(7)
    pacer = Pacer(clock)
    starving: dict[int, int] = {}
    todo, refusals, queue = calls, 0, [(1000.0, n, "start", 0) for n in range(callers)]
    while queue:
        clock.now, who, step, throttles = heapq.heappop(queue)
        if step == "start":
            if throttles == 0:
                if todo == 0:
                    continue
                todo -= 1
            heapq.heappush(queue, (clock.now + pacer.reserve(), who, "send", throttles))
        elif step == "send":
            ok = limit.take(clock.now + latency / 2)
            heapq.heappush(queue, (clock.now + latency, who, "ok" if ok else "refused", throttles))
        elif step == "ok":
            pacer.succeeded()
            starving.pop(who, None)
            heapq.heappush(queue, (clock.now, who, "start", 0))
        else:
            refusals += 1
            starving[who] = min(starving.get(who, 0) + 1, 2 if pacer.throttled() else 99)
            wait = chance.uniform(0, min(15.0, 0.2 * 2 ** (starving[who] - 1)))
            heapq.heappush(queue, (clock.now + wait, who, "start", throttles + 1))
    return clock.now - 1000.0, refusals


@pytest.mark.parametrize("callers", [4, 16, 64])
@pytest.mark.parametrize(("rate", "calls"), [(200, 3000), (200, 750), (20, 400), (5, 100)])
def test_calls_use_most_of_a_token_bucket(rate, calls, callers) -> None:
    seconds, refusals = run(Bucket(rate), calls, callers)
    ideal = (calls - rate) / rate
    assert seconds <= 1.2 * max(ideal, calls / callers * 0.01)
    assert refusals < 0.25 * calls + callers


@pytest.mark.parametrize("callers", [16, 64])
@pytest.mark.parametrize(("window", "times"), [(1, 1.2), (10, 1.3)])
def test_calls_use_most_of_a_fixed_window(window, times, callers) -> None:
    seconds, refusals = run(Window(50, window), 2500, callers)
    assert seconds <= times * 50
    # While a window is exhausted, each caller retries a few times with growing pauses.
    assert refusals < 250 + 25 * callers


def test_calls_wait_for_a_quota_per_minute() -> None:
    seconds, refusals = run(Window(10, 60), 1800, 16)
    assert seconds < 60 * 3
    assert refusals < 400


def test_calls_are_not_delayed_before_the_first_throttling() -> None:
    pacer = Pacer(Clock())
    assert [pacer.reserve() for _turn in range(1000)] == [0.0] * 1000


def test_the_rate_grows_when_the_limit_rises() -> None:
    class Rising(Bucket):
        def take(self, now: float) -> bool:
            if now > 1020:
                self.rate = 100
            return super().take(now)

    seconds, _refusals = run(Rising(10), 3000, 32)
    assert seconds < 20 + 28 + 45  # 28 s for the remaining calls at the new limit, and 45 s to reach it


def test_each_region_and_operation_has_its_own_pacer() -> None:
    pacers = Pacers(Clock())
    first = pacers.of("cn-hangzhou", "DescribeInstances")
    assert pacers.of("cn-hangzhou", "DescribeInstances") is first
    assert pacers.of("cn-beijing", "DescribeInstances") is not first
    assert pacers.of("cn-hangzhou", "ModifyInstanceMetadataOptions") is not first
