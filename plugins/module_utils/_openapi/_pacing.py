# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limit the rate of API calls once the API throttles them.

The limit of the API is unknown: it differs by account and is shared with other tools. So calls are not delayed until the API
throttles one. From then on they have the rate that it accepted in the last second, and each success raises the rate a little.
"""

import collections
import threading
import time
import typing as t

_WINDOW = 1.0  # seconds in which accepted calls are counted
# Each success adds this to the rate: little near the last accepted rate, more below it.
_SLOW_GROWTH = 0.05
_FAST_GROWTH = 0.5
# Calls that were in flight when the rate was reduced must not reduce it again.
_HOLD = 0.25


class Pacer:
    """Limit the rate of one operation in one region. Thread-safe. *clock* returns seconds, like ``time.monotonic``."""

    def __init__(self, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._successes: t.Deque[float] = collections.deque(maxlen=5000)
        self._rate: t.Optional[float] = None  # calls per second; None: unlimited
        self._accepted_rate = 0.0
        self._next = 0.0
        self._reduced_at = 0.0

    def reserve(self) -> float:
        """Reserve the next call and return the seconds to wait before it."""
        if self._rate is None:
            return 0.0
        with self._lock:
            now = self._clock()
            start = max(now, self._next)
            self._next = start + 1.0 / self._rate
            return start - now

    def succeeded(self) -> None:
        """Record that a call was accepted."""
        with self._lock:
            self._successes.append(self._clock())
            if self._rate is not None:
                self._rate += _FAST_GROWTH if self._rate < self._accepted_rate else _SLOW_GROWTH

    def throttled(self) -> bool:
        """Record that a call was throttled and reduce the rate. Return whether other calls were accepted in the last second.

        If none were, the API has a quota for a longer period, and it is used up. A lower rate does not help then: the caller must
        back off, and the rate stays for the time when the quota is renewed.
        """
        with self._lock:
            now = self._clock()
            accepted = self._accepted(now)
            if accepted and now >= self._reduced_at + _HOLD:
                self._accepted_rate = accepted
                self._rate = accepted if self._rate is None else min(accepted, 0.95 * self._rate)
                self._reduced_at = now
                self._next = max(self._next, now)
            return accepted > 0

    def _accepted(self, now: float) -> float:
        while self._successes and self._successes[0] < now - _WINDOW:
            self._successes.popleft()
        return len(self._successes) / _WINDOW


class Pacers:
    """A pacer for each pair of region and operation."""

    def __init__(self, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pacers: t.Dict[t.Tuple[str, str], Pacer] = {}
        self._lock = threading.Lock()

    def of(self, region: str, action: str) -> Pacer:
        """Return the pacer of the operation *action* in *region*."""
        key = (region, action)
        pacer = self._pacers.get(key)
        if pacer is None:
            with self._lock:
                pacer = self._pacers.setdefault(key, Pacer(self._clock))
        return pacer
