# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Express how a cost grows: as a power of the number of things, or as a cost for each of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping


def slope(points: Iterable[tuple[float, float]]) -> float:
    """Return the slope of the straight line that fits *points* best (least squares)."""
    pairs = list(points)
    mean_x, mean_y = (sum(column) / len(pairs) for column in zip(*pairs, strict=True))
    return sum((x - mean_x) * (y - mean_y) for x, y in pairs) / sum((x - mean_x) ** 2 for x, _y in pairs)


def exponent(points: Mapping[float, float]) -> float:
    """Return the power of x that y grows with: 1 if it is proportional, 0 if it does not grow."""
    return slope((math.log(x), math.log(y)) for x, y in points.items())


def each(points: Mapping[float, float], unit: str, thing: str, scale: float = 1.0) -> str:
    """Return the cost for one *thing* at the smallest and at the largest number, and the exponent if there are two sizes."""
    low, high = min(points), max(points)
    text = f"{points[low] * scale / low:.3g} {unit} for each {thing} at {low:,g}"
    if high == low:
        return text
    return f"{text}, {points[high] * scale / high:.3g} {unit} at {high:,g} (exponent {exponent(points):.2f})"
