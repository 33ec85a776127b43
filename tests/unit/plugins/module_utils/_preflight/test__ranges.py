# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The innermost of nested ranges, compared with a plain search."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._ranges import Ranges


@pytest.mark.parametrize(
    "ranges", [[], [(1, 9), (2, 3), (5, 8), (6, 6)], [(2, 4), (2, 9), (3, 12)], [(5, 6), (1, 20), (4, 5), (4, 30)]]
)
def test_the_innermost_range_is_that_of_a_plain_search(ranges) -> None:
    for number in range(32):
        inside = [place for place, (first, last) in enumerate(ranges) if first <= number <= last]
        wanted = max(inside, key=lambda place: ranges[place][0]) if inside else None
        assert Ranges(ranges).innermost(number) == wanted
