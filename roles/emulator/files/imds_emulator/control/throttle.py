# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limit the rate of calls per account, region and operation."""

from __future__ import annotations

import threading
import typing as t

from ..clock import Clock
from .errors import ApiError


class ControlThrottle:
    """Token buckets, filled with `per_second` calls and with a capacity of one second.

    With `window`, the calls are counted in fixed windows of that many seconds instead.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: t.Dict[t.Tuple[str, str, str], t.Tuple[float, float]] = {}

    def count(self, account: str, region: str, action: str, rule: t.Optional[t.Mapping[str, t.Any]]) -> None:
        """Count a call.

        Raises: ApiError if the limit is exceeded; such a call is not counted.
        """
        rate = None if rule is None else rule.get("actions", {}).get(action, rule.get("per_second"))
        if rule is None or rate is None:
            return
        key, now, window = (account, region, action), self._clock.steady(), rule.get("window")
        with self._lock:
            if window is None:
                left = self._in_bucket(key, now, float(rate))
            else:
                left = self._in_window(key, now, float(rate) * window, float(window))
        if left < 0:
            raise ApiError(rule.get("code", "Throttling.User"))

    def _in_bucket(self, key: t.Tuple[str, str, str], now: float, rate: float) -> float:
        most = max(1.0, rate)
        left, at = self._buckets.get(key, (most, now))
        left = min(most, left + (now - at) * rate)
        self._buckets[key] = (left - 1.0 if left >= 1.0 else left, now)
        return left - 1.0

    def _in_window(self, key: t.Tuple[str, str, str], now: float, most: float, window: float) -> float:
        number, most = now // window, max(1.0, float(round(most)))
        left, of = self._buckets.get(key, (most, number))
        left = most if of != number else left
        self._buckets[key] = (left - 1.0 if left >= 1.0 else left, number)
        return left - 1.0
