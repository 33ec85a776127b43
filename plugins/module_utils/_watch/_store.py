# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How do the records get to the disk? Whole or not at all, and never in the way. Private to the collection.

Writing happens in a thread, since a slow disk would make the watch miss processes that live for milliseconds. A disk
that is full makes the watch say so and go on in memory.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import typing as t

from .._callers._file import FORMAT, LOCK, Content, NotReadable, path_of, read
from .._common._atomic import remove_leftovers, replace_file


class Locked(Exception):
    """Another watch uses the directory."""


class Store:
    """The state directory, locked while this object is open. Raises OSError where it cannot be used."""

    def __init__(self, directory: str) -> None:
        self.problem: t.Optional[str] = None  #: why the last writing failed
        self._path = path_of(directory)
        self._thread: t.Optional[threading.Thread] = None
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self._directory = directory
        self._lock = os.open(
            os.path.join(directory, LOCK), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise Locked("A watch is running already: it holds %s/%s." % (directory, LOCK)) from None
        remove_leftovers(self._path)

    def load(self) -> t.Tuple[t.Optional[Content], t.Optional[str]]:
        """What was written last, and a sentence if that cannot be read: then it is kept under another name."""
        try:
            return read(self._directory), None
        except NotReadable as exc:
            return None, "%s %s" % (exc, self.put_aside())

    def put_aside(self) -> str:
        """Keep a file that cannot be used; the answer says where."""
        aside = self._path + ".unreadable"
        try:
            os.replace(self._path, aside)
        except OSError as exc:
            return "It cannot be renamed either: %s." % exc.strerror
        return "It was renamed to %s." % aside

    def busy(self) -> bool:
        """Is something being written?"""
        return self._thread is not None and self._thread.is_alive()

    def write(self, status: t.Any, periods: t.Any, callers: str, other: str) -> None:
        """Begin to replace the file."""
        head = '{"format":%d,"status":%s,"periods":%s,' % (FORMAT, json.dumps(status), json.dumps(periods))
        text = head + '"callers":%s,"other":%s}\n' % (callers, other)
        self.wait()
        self._thread = threading.Thread(target=self._replace, args=(text.encode("ascii"),), daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Until what was begun has been written."""
        if self._thread is not None:
            self._thread.join()

    def close(self) -> None:
        """Finish writing and let others in."""
        self.wait()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _replace(self, data: bytes) -> None:
        try:
            replace_file(self._path, data)
            self.problem = None
        except OSError as exc:
            self.problem = "%s cannot be written: %s. The watch goes on counting in memory." % (
                self._path,
                exc.strerror,
            )
