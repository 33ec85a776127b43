# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which changes are sent."""

import collections
import threading
import typing as t

from ._accounts import Place


class FairQueue:
    """A queue of changes for many threads. The next change is one of the region and account with the fewest calls in flight.

    The API limits each region of an account separately. So all regions are used, and a region that throttles does not occupy all threads.
    """

    def __init__(self, tickets: t.Iterable[t.Tuple[Place, int]]) -> None:
        self._lock = threading.Lock()
        self._waiting: t.Dict[Place, t.Deque[int]] = {}
        for place, index in tickets:
            self._waiting.setdefault(place, collections.deque()).append(index)
        self._in_flight = dict.fromkeys(self._waiting, 0)

    def next(self, done: t.Optional[Place] = None) -> t.Optional[t.Tuple[Place, int]]:
        """Return the next place and index, or None if the queue is empty; *done* is the place of the finished change."""
        with self._lock:
            if done is not None:
                self._in_flight[done] -= 1
            if not self._waiting:
                return None
            place = min(self._waiting, key=lambda it: (self._in_flight[it], -len(self._waiting[it])))
            index = self._waiting[place].popleft()
            if not self._waiting[place]:
                del self._waiting[place]
            self._in_flight[place] += 1
            return place, index

    def close(self) -> None:
        """Remove all changes."""
        with self._lock:
            self._waiting.clear()
