# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the watch hold nobody up?"""

from __future__ import annotations

from conftest import Start
from costs import RATE, measure
from machine import Machine


def test_delays_are_the_same_with_and_without(machine: Machine, start: Start) -> None:
    costs = measure(machine, start, rounds=3, seconds=3, idle_seconds=5)
    print(f"median delay with the watch over without it: {costs.ratio(0.5):.2f}; 99 %: {costs.ratio(0.99):.2f}")
    print(f"share of a processor: idle {costs.idle:.4f}, at {RATE} requests a second {min(costs.busy):.4f}")
    assert costs.ratio(0.5) < 1.5
    assert costs.idle < max(costs.busy)
