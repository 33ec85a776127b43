# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fast an operation may be called in a region. This module util is private to the collection.

The limit is not known: it differs by account and is shared with other tools. So calls are not held back until the API
throttles; then they go as fast as it has accepted them in the last second, and a little faster with each success.
"""

from __future__ import annotations

import collections
import threading
import time
import typing as t

_LOOK_BACK = 1.0
# The rate grows by this share of itself in a second: slowly near the rate that was right before, fast below it.
_CAREFUL = 0.05
_BOLD = 0.5
# Calls that were already on their way when the rate was cut are no reason to cut it again.
_HOLD = 0.25


class Pacer:
    """The pace of one operation in one region. Thread-safe. *clock* gives seconds, as ``time.monotonic`` does."""

    def __init__(self, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._successes: t.Deque[float] = collections.deque(maxlen=5000)
        self._rate: t.Optional[float] = None  # calls a second; None: not held back
        self._was_right = 0.0
        self._next = 0.0
        self._cut_at = 0.0

    def reserve(self) -> float:
        """Take the next place; return the seconds to wait for it."""
        if self._rate is None:
            return 0.0
        with self._lock:
            now = self._clock()
            place = max(now, self._next)
            self._next = place + 1.0 / self._rate
            return place - now

    def succeeded(self) -> None:
        """A call was accepted."""
        with self._lock:
            self._successes.append(self._clock())
            if self._rate is not None:
                self._rate += _BOLD if self._rate < self._was_right else _CAREFUL

    def throttled(self) -> bool:
        """A call was throttled: slow down. Return whether others were accepted lately, so that its turn will come soon.

        If not, a quota of longer than a second is used up, which no pace can mend: the calls must wait ever longer, and
        the pace stays for when the quota is there again.
        """
        with self._lock:
            now = self._clock()
            accepted = self._accepted(now)
            if accepted and now >= self._cut_at + _HOLD:
                self._was_right = accepted
                self._rate = accepted if self._rate is None else min(accepted, 0.95 * self._rate)
                self._cut_at = now
                self._next = max(self._next, now)
            return accepted > 0

    def _accepted(self, now: float) -> float:
        while self._successes and self._successes[0] < now - _LOOK_BACK:
            self._successes.popleft()
        return len(self._successes) / _LOOK_BACK


class Pacers:
    """A pacer for each (region, operation)."""

    def __init__(self, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pacers: t.Dict[t.Tuple[str, str], Pacer] = {}
        self._lock = threading.Lock()

    def of(self, region: str, action: str) -> Pacer:
        """The pacer of this operation there."""
        key = (region, action)
        pacer = self._pacers.get(key)
        if pacer is None:
            with self._lock:
                pacer = self._pacers.setdefault(key, Pacer(self._clock))
        return pacer
