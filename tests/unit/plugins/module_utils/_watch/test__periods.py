# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The periods of a watch that starts again: after a restart, a pause, a clock that was set back, and many times."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._watch._periods import (
    GAP_SECONDS,
    MAXIMUM_PERIODS,
    limited,
    resumed,
)

NOW = 1_764_000_000


@pytest.mark.parametrize(
    ("periods", "expected"),
    [
        ([], [[NOW, NOW]]),
        ([[NOW - 900, NOW - GAP_SECONDS]], [[NOW - 900, NOW]]),
        ([[NOW - 900, NOW - GAP_SECONDS - 1]], [[NOW - 900, NOW - GAP_SECONDS - 1], [NOW, NOW]]),
        ([[NOW - 9, NOW + 500]], [[NOW - 9, NOW]]),
        ([[NOW + 100, NOW + 500]], [[NOW, NOW]]),
        ([[NOW - 100, NOW - 500]], [[NOW, NOW]]),
    ],
    ids=["first start", "restart", "pause", "clock set back", "a period in the future", "end before begin"],
)
def test_the_last_period_goes_on_or_a_new_one_begins(periods: list[list[int]], expected: list[list[int]]) -> None:
    assert resumed(periods, NOW) == expected


def test_the_oldest_periods_are_dropped() -> None:
    periods = [[NOW - 1000 * at, NOW - 1000 * at + 1] for at in range(MAXIMUM_PERIODS, 0, -1)]
    kept = resumed(periods, NOW)
    assert kept == [*periods[1:], [NOW, NOW]] and len(kept) == MAXIMUM_PERIODS


def test_no_time_is_later_than_now() -> None:
    assert limited([[NOW - 5, NOW - 1], [NOW - 1, NOW + 1], [NOW + 1, NOW + 2]], NOW) == [
        [NOW - 5, NOW - 1],
        [NOW - 1, NOW],
        [NOW, NOW],
    ]
