# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limit the request rate of each instance."""

from __future__ import annotations

import threading
import typing as t

from .answers import Answer, error
from .clock import Clock


class Throttle:
    """One token bucket per instance: filled with `per_second` requests, with a capacity of one second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: t.Dict[str, t.Tuple[float, float]] = {}

    def refuse(self, instance_id: str, switches: t.Mapping[str, t.Any]) -> t.Optional[Answer]:
        """Count a request; return the response that refuses it, or None if it is allowed."""
        rule = switches["throttle"]
        if rule is None:
            return None
        rate, now = float(rule["per_second"]), self._clock.steady()
        with self._lock:
            left, at = self._buckets.get(instance_id, (max(1.0, rate), now))
            left = min(max(1.0, rate), left + (now - at) * rate)
            allowed = left >= 1.0
            self._buckets[instance_id] = (left - 1.0 if allowed else left, now)
        if allowed:
            return None
        wait = rule.get("retry_after")
        headers = () if wait is None else (("Retry-After", str(wait)),)
        return error(rule.get("status", 429), switches, headers=headers)
