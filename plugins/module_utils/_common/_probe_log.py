# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record the probes of this collection, so that the callers watch can tell them from requests of other programs.

Any program can send the user agent of a probe. Root therefore records the user and the time of each probe, before the request, in the
state directory of the watch. Each record excuses one request. Without the directory there is no watch, and nothing is recorded.
"""

import os
import time
import typing as t

from ._places import STATE_DIRECTORY

FILE = "probes"
VALID_SECONDS = 60.0  # between a record and its request
_LARGEST = 65536

Entry = t.Tuple[int, int]  # user ID, and nanoseconds since 1970


def record(uid: t.Optional[int] = None, directory: str = STATE_DIRECTORY) -> None:
    """Record that the user *uid*, by default that of this process, is about to send a probe. Do nothing if that is impossible."""
    line = "%d %d\n" % (os.getuid() if uid is None else uid, int(time.time() * 1e9))
    try:
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.open(FILE, flags, 0o600, dir_fd=folder)
        try:
            if os.fstat(file).st_size > _LARGEST:
                os.ftruncate(file, 0)
            os.write(file, line.encode("ascii"))
        finally:
            os.close(file)
    except OSError:
        pass  # the probe is then counted like a request of another program
    finally:
        os.close(folder)


def entries(directory: str = STATE_DIRECTORY) -> t.List[Entry]:
    """Return the recorded probes, oldest first."""
    try:
        file = os.open(os.path.join(directory, FILE), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return []
    with os.fdopen(file, "rb") as stream:
        lines = [line.split() for line in stream.read(2 * _LARGEST).split(b"\n")]
    return [
        (int(line[0]), int(line[1])) for line in lines if len(line) == 2 and line[0].isdigit() and line[1].isdigit()
    ]


class Excuses:
    """The recorded probes of a directory, each of which excuses one request."""

    def __init__(self, directory: str = STATE_DIRECTORY) -> None:
        self._directory = directory
        self._used: t.Set[Entry] = set()

    def use(self, uid: t.Optional[int], now: float) -> bool:
        """Return whether a probe of this user was recorded shortly before *now*, in seconds since 1970, and use it up."""
        recent = [entry for entry in entries(self._directory) if 0 <= now - entry[1] / 1e9 <= VALID_SECONDS]
        self._used.intersection_update(recent)
        for entry in recent:
            if entry[0] == uid and entry not in self._used:
                self._used.add(entry)
                return True
        return False
