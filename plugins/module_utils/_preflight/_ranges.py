# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the innermost of nested ranges of lines, also in files with very many of them. No I/O."""

import bisect
import typing as t


class Ranges:
    """Ranges, each with its first and last number; of those with the same first number, the earlier one is the inner one."""

    def __init__(self, ranges: t.Sequence[t.Tuple[int, int]]) -> None:
        self._ranges = ranges
        self._order = sorted(range(len(ranges)), key=lambda place: (ranges[place][0], -place))
        self._firsts = [ranges[place][0] for place in self._order]
        # For each range the next one outward that ends later: what ends earlier holds no number after the range.
        self._outward: t.List[int] = []
        for number, place in enumerate(self._order):
            outer = number - 1
            while outer >= 0 and self._last(outer) <= ranges[place][1]:
                outer = self._outward[outer]
            self._outward.append(outer)

    def innermost(self, number: int) -> t.Optional[int]:
        """Return the place of the innermost range that holds *number*, None without one."""
        found = bisect.bisect_right(self._firsts, number) - 1
        while found >= 0 and self._last(found) < number:
            found = self._outward[found]
        return self._order[found] if found >= 0 else None

    def _last(self, number: int) -> int:
        """Return the last number of a range in sorted order."""
        return self._ranges[self._order[number]][1]
