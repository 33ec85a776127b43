# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the path of a control group by its number, and determine which names in a path are trustworthy.

The kernel reports the number, the inode of the group's directory. A unit may start, connect and end within milliseconds, and its
group disappears with it. inotify(7) therefore reports new groups, well before a process in them can connect. On a busy host even that
may be too late, so where the kernel can report numbers and paths (`_bpf_groups`), these reports are used, too.
"""

import ctypes
import fcntl
import os
import struct
import termios
import typing as t

from .._common._bounded import BoundedMap
from .._common._protocol import Protocol

_KEPT = 16384  # including removed groups, whose numbers are not reused
_CREATED, _IGNORED, _OVERFLOW, _DIRECTORY, _ONLY_DIRECTORIES = 0x100, 0x8000, 0x4000, 0x40000000, 0x01000000
_EVENT = struct.Struct("@iIII")
_ROOT_NUMBER = 1  # of the root of the hierarchy


class Created(Protocol):
    """A source of new groups: `_bpf_groups.NewGroups`."""

    def read(self) -> t.Iterable[t.Tuple[int, str]]:
        """Return the number, and the path in its hierarchy, of each group that was created since the last call."""

    def close(self) -> None:
        """Stop the reports."""


class Groups:
    """The paths of the groups below *root*, the mount point of control groups version 2."""

    def __init__(self, root: str, created: t.Optional[Created] = None) -> None:
        self.root = root  #: the mount point
        self._created = created
        self._above: t.Optional[str] = None  # the path of *root* in its hierarchy, if known
        self._paths: "BoundedMap[int, t.Optional[str]]" = BoundedMap(_KEPT)
        self._watched: t.Dict[int, str] = {}  # directory of each inotify watch
        self._library = ctypes.CDLL(None, use_errno=True)
        self._inotify = int(self._library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._add(root)

    def fileno(self) -> int:
        """Return the descriptor that is readable when there are new groups, or -1 without inotify."""
        return self._inotify

    def read_events(self) -> None:
        """Add the groups that were created since the last call. New ones may be created faster than they are added."""
        self._read_inotify()
        self._read_created()

    def path(self, number: int) -> t.Optional[str]:
        """Return the path of a group below the root, with a leading slash, or None if the group is unknown."""
        if number not in self._paths:
            self._read_created()
        if number not in self._paths:
            self._paths.put(number, None)
            self._add(self.root)
        return self._paths.get(number)

    def close(self) -> None:
        """Close the inotify descriptor, and the source of new groups."""
        if self._created is not None:
            self._created.close()
        if self._inotify >= 0:
            os.close(self._inotify)
            self._inotify = -1

    def _read_inotify(self) -> None:
        left = self._unread()
        while left > 0:
            try:
                events = os.read(self._inotify, 65536)
            except OSError:
                return  # EAGAIN: no more events
            left -= len(events)
            at = 0
            while at < len(events):
                number, mask, _cookie, length = _EVENT.unpack_from(events, at)
                name = events[at + _EVENT.size : at + _EVENT.size + length].rstrip(b"\0")
                at += _EVENT.size + length
                self._handle(number, mask, os.fsdecode(name))

    def _read_created(self) -> None:
        """Add the groups that the kernel has reported with number and path. The path begins at the root of the hierarchy.

        In a container, *root* is below that. Where it is follows from a report about a group whose path below *root* is known.
        """
        for number, path in () if self._created is None else self._created.read():
            known = self._paths.get(number)
            if self._above is None and known is not None and path.endswith(known):
                self._above = path[: -len(known)]
            elif self._above is not None and path.startswith(self._above + "/"):
                self._paths.put(number, path[len(self._above) :])

    def _unread(self) -> int:
        """Return the size of the events that can be read now."""
        if self._inotify < 0:
            return 0
        return int(struct.unpack("@i", fcntl.ioctl(self._inotify, termios.FIONREAD, b"\0" * 4))[0])

    def _handle(self, number: int, mask: int, name: str) -> None:
        if mask & _IGNORED:
            self._watched.pop(number, None)
        elif mask & _OVERFLOW:
            self._add(self.root)
        elif mask & _DIRECTORY and number in self._watched:
            self._add("%s/%s" % (self._watched[number], name))

    def _add(self, folder: str) -> None:
        """Add this group and all groups below it, and watch for new ones."""
        if self._inotify >= 0:
            wanted = _CREATED | _ONLY_DIRECTORIES
            number = int(self._library.inotify_add_watch(self._inotify, os.fsencode(folder), wanted))
            if number >= 0:
                self._watched[number] = folder
        try:
            number = os.stat(folder).st_ino
            self._paths.put(number, folder[len(self.root) :] or "/")
            if folder == self.root and number == _ROOT_NUMBER:
                self._above = ""
            with os.scandir(folder) as entries:
                below = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            return  # already removed
        for path in below:
            self._add(path)


class Ownership:
    """The owners of control groups. Systemd and container engines give groups to users, who create groups of any name in them."""

    def __init__(self, roots: t.Mapping[str, str]) -> None:
        """*roots* has the mount point of each hierarchy; see `_mounts.cgroup_roots`."""
        self.roots = roots

    def trusted(self, hierarchy: str, path: str) -> str:
        """Return the part of a group's path whose names root has chosen.

        Root has chosen the names in a group that belongs to root. The group itself need not exist any more, those above it must.
        """
        folder, kept = self.roots.get(hierarchy), ""
        parts = [part for part in path.split("/") if part]
        if folder is None or ".." in parts:
            return "/"
        for part in parts:
            try:
                if os.stat(folder).st_uid != 0:
                    break
            except OSError:
                break
            folder, kept = "%s/%s" % (folder, part), "%s/%s" % (kept, part)
        return kept or "/"
