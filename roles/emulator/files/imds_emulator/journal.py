# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record every request, without tokens, header values (except the User-Agent) and queries."""

from __future__ import annotations

import collections
import json
import os
import threading
import typing as t

from .clock import Clock, to_iso_ms

KEPT = 20000


class Journal:
    """The newest entries in memory and, if *path* is given, all entries in a file with one JSON object per line."""

    def __init__(self, clock: Clock, path: t.Optional[str] = None) -> None:
        self._clock = clock
        self._path = path
        self._file = self._open("a") if path else None
        self._entries: t.Deque[t.Dict[str, t.Any]] = collections.deque(maxlen=KEPT)
        self._count = 0
        self._lock = threading.Lock()

    def _open(self, mode: str) -> t.IO[str]:
        descriptor = os.open(
            str(self._path), os.O_WRONLY | os.O_CREAT | (os.O_APPEND if mode == "a" else os.O_TRUNC), 0o600
        )
        return os.fdopen(descriptor, mode, encoding="utf-8", buffering=1)

    def add(self, entry: t.Dict[str, t.Any]) -> None:
        """Add an entry with the next number and the current time."""
        with self._lock:
            self._count += 1
            whole = {"n": self._count, "time": to_iso_ms(self._clock.now())}
            whole.update(entry)
            self._entries.append(whole)
            if self._file:
                self._file.write(json.dumps(whole, separators=(",", ":")) + "\n")

    def after(self, number: int) -> t.List[t.Dict[str, t.Any]]:
        """Return the kept entries with a number greater than *number*."""
        with self._lock:
            newer = min(len(self._entries), max(0, self._count - number))
            return [self._entries[-at] for at in range(newer, 0, -1)]

    def last(self) -> int:
        """Return the number of the newest entry."""
        with self._lock:
            return self._count

    def clear(self) -> None:
        """Delete all entries, also from the file. The numbering continues."""
        with self._lock:
            self._entries.clear()
            if self._file:
                self._file.close()
                self._file = self._open("w")
                self._file.close()
                self._file = self._open("a")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file:
                self._file.close()
                self._file = None
