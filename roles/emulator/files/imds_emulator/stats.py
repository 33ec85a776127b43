# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Count connections, requests and tokens."""

from __future__ import annotations

import threading
import typing as t


class Stats:
    """The counters since the start. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connections = 0
        self._requests = 0
        self._tokens = 0
        self._instances: t.Dict[str, t.Dict[str, int]] = {}

    def connection(self) -> int:
        """Count a connection and return its number."""
        with self._lock:
            self._connections += 1
            return self._connections

    def request(self, instance_id: t.Any, mode: str) -> None:
        """Count a request of an instance (None if no instance serves it) by its mode."""
        with self._lock:
            self._requests += 1
            if instance_id is not None:
                counts = self._of(instance_id)
                counts["requests"] += 1
                counts[mode] = counts.get(mode, 0) + 1

    def token(self, instance_id: str) -> None:
        """Count an issued token."""
        with self._lock:
            self._tokens += 1
            self._of(instance_id)["tokens"] += 1

    def report(self) -> t.Dict[str, t.Any]:
        """Return all counters for the admin API."""
        with self._lock:
            instances = {name: dict(counts) for name, counts in self._instances.items()}
            return {
                "connections": self._connections,
                "requests": self._requests,
                "tokens": self._tokens,
                "per_instance": instances,
            }

    def _of(self, instance_id: str) -> t.Dict[str, int]:
        return self._instances.setdefault(instance_id, {"requests": 0, "tokens": 0})
