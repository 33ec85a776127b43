# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the file of records in the background, and lock its directory.

A thread writes the file, because the watch would miss short-lived processes while it waits for a slow disk. If writing fails,
such as on a full disk, the watch reports that and continues in memory.
"""

import fcntl
import json
import os
import threading
import typing as t

from .._callers._file import FORMAT, LOCK, Content, NotReadable, path_of, read
from .._common._atomic import remove_leftovers, replace_file


class Locked(Exception):
    """Another watch has locked the directory."""


class Store:
    """The state directory, locked until `close`."""

    def __init__(self, directory: str) -> None:
        """Create the directory if needed, and lock it. Raises Locked, and OSError if the directory cannot be used."""
        self.problem: t.Optional[str] = None  #: why the last write failed
        self._path = path_of(directory)
        self._thread: t.Optional[threading.Thread] = None
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self.directory = directory
        self._lock = os.open(
            os.path.join(directory, LOCK), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise Locked("Another watch is running: it has locked %s/%s." % (directory, LOCK)) from None
        remove_leftovers(self._path)

    def load(self) -> t.Tuple[t.Optional[Content], t.Optional[str]]:
        """Return the records, and a message if they could not be read. Such a file is renamed, not removed."""
        try:
            return read(self.directory), None
        except NotReadable as exc:
            return None, "%s %s" % (exc, self.set_aside())

    def set_aside(self) -> str:
        """Rename the file, whose content is invalid; return a message that says what happened."""
        aside = self._path + ".unreadable"
        try:
            os.replace(self._path, aside)
        except OSError as exc:
            return "Cannot rename it: %s." % exc.strerror
        return "It was renamed to %s." % aside

    def busy(self) -> bool:
        """Return whether the thread is writing."""
        return self._thread is not None and self._thread.is_alive()

    def write(self, status: t.Any, periods: t.Any, callers: str, other: str) -> None:
        """Start to replace the file; *callers* and *other* are JSON."""
        head = '{"format":%d,"status":%s,"periods":%s,' % (FORMAT, json.dumps(status), json.dumps(periods))
        text = head + '"callers":%s,"other":%s}\n' % (callers, other)
        self.wait()
        self._thread = threading.Thread(target=self._replace, args=(text.encode("ascii"),), daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait until the thread has written the file."""
        if self._thread is not None:
            self._thread.join()

    def close(self) -> None:
        """Finish writing, and release the lock."""
        self.wait()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _replace(self, data: bytes) -> None:
        try:
            replace_file(self._path, data)
            self.problem = None
        except OSError as exc:
            self.problem = "Cannot write %s: %s. The watch continues in memory." % (self._path, exc.strerror)
