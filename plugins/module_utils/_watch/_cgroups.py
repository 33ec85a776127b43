# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which control group has this number? This module util is private to the collection.

The kernel tells the number, which is the inode of the group's directory. A unit may start, connect and be gone with its group
in some milliseconds; so groups are noted when they are made, which is a while before anything in them can connect.
"""

from __future__ import annotations

import ctypes
import os
import struct
import typing as t

from .._common._bounded import BoundedMap

_KEPT = 16384  # also of groups that are gone: their numbers are not used again
_CREATED, _IGNORED, _OVERFLOW, _DIRECTORY, _ONLY_DIRECTORIES = 0x100, 0x8000, 0x4000, 0x40000000, 0x01000000
_EVENT = struct.Struct("@iIII")


class Groups:
    """The groups below *root*, where control groups of version 2 are mounted."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._paths: "BoundedMap[int, t.Optional[str]]" = BoundedMap(_KEPT)
        self._noted: t.Dict[int, str] = {}
        self._library = ctypes.CDLL(None, use_errno=True)
        self._inotify = int(self._library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._note(root)

    def fileno(self) -> int:
        """To wait for new groups; -1 where the kernel does not tell of them."""
        return self._inotify

    def listen(self) -> None:
        """Note the groups that have been made since the last time."""
        while self._inotify >= 0:
            try:
                events = os.read(self._inotify, 65536)
            except OSError:
                return  # nothing more
            at = 0
            while at < len(events):
                number, mask, _cookie, length = _EVENT.unpack_from(events, at)
                name = events[at + _EVENT.size : at + _EVENT.size + length].rstrip(b"\0")
                at += _EVENT.size + length
                self._take(number, mask, os.fsdecode(name))

    def path(self, number: int) -> t.Optional[str]:
        """Below the root, with a slash at its beginning; None if there was no such group when it was first asked for."""
        if number not in self._paths:
            self._paths.put(number, None)
            self._note(self._root)
        return self._paths.get(number)

    def close(self) -> None:
        if self._inotify >= 0:
            os.close(self._inotify)
            self._inotify = -1

    def _take(self, number: int, mask: int, name: str) -> None:
        if mask & _IGNORED:
            self._noted.pop(number, None)
        elif mask & _OVERFLOW:
            self._note(self._root)
        elif mask & _DIRECTORY and number in self._noted:
            self._note("%s/%s" % (self._noted[number], name))

    def _note(self, folder: str) -> None:
        """This group, and those that are below it already; and ask to be told of new ones."""
        if self._inotify >= 0:
            wanted = _CREATED | _ONLY_DIRECTORIES
            number = int(self._library.inotify_add_watch(self._inotify, os.fsencode(folder), wanted))
            if number >= 0:
                self._noted[number] = folder
        try:
            self._paths.put(os.stat(folder).st_ino, folder[len(self._root) :] or "/")
            with os.scandir(folder) as entries:
                below = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            return  # it is gone already
        for path in below:
            self._note(path)
