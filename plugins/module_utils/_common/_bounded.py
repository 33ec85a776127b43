# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Maps of bounded size, for input of unbounded size: packets, processes, connections. Does no I/O."""

import typing as t
from collections import OrderedDict

K = t.TypeVar("K")
V = t.TypeVar("V")


class BoundedMap(t.Generic[K, V]):
    """A map of at most *limit* entries: adding one more evicts the entry that was set longest ago."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: "OrderedDict[K, V]" = OrderedDict()

    def put(self, key: K, value: V) -> t.Optional[V]:
        """Set *key* and make it the newest entry; return the value that was evicted, or None."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        return self._entries.popitem(last=False)[1] if len(self._entries) > self._limit else None

    def get(self, key: K) -> t.Optional[V]:
        """Return the value of *key*, or None; the order of eviction does not change."""
        return self._entries.get(key)

    def pop(self, key: K) -> t.Optional[V]:
        """Remove *key* and return its value, or None."""
        return self._entries.pop(key, None)

    def values(self) -> t.Iterable[V]:
        """Return the values, oldest first."""
        return self._entries.values()

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)
