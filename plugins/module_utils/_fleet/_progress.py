# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pass the progress of a running module to its action plugin: in a file, because a module cannot display anything before its end."""

import json
import os
import threading
import time
import typing as t

from ._apply import Progress

NAME = "alicloud-imds-progress.json"
# Short tasks write no file.
_FIRST = 2.0
_INTERVAL = 1.0


class ProgressFile:
    """Write the latest progress to *folder*, at most once a second. Thread-safe. An error ends the writing, not the task."""

    def __init__(self, folder: t.Callable[[], str], clock: t.Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._began = clock()
        self._next: t.Optional[float] = self._began + _FIRST
        self._lock = threading.Lock()

    def __call__(self, progress: Progress) -> None:
        """Record *progress*."""
        with self._lock:
            now = self._clock()
            if self._next is None or now < self._next:
                return
            self._next = now + _INTERVAL
            try:
                self._write(dict(progress._asdict(), seconds=now - self._began))
            except OSError:
                self._next = None

    def _write(self, content: t.Dict[str, t.Any]) -> None:
        path = os.path.join(self._folder(), NAME)
        with open(path + ".new", "w", encoding="ascii") as stream:
            json.dump(content, stream)
        os.replace(path + ".new", path)
