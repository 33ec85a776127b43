# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How are foreign files looked at without harm? Bounded in time, number and size. Private to the collection.

Links to directories are not followed, nor is anything entered that is no local file system: a dead network mount would
hold us up for ever. Only regular files are opened. What could not be looked at is noted, never passed over in silence.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import time
import typing as t

from .._common._text import from_bytes, printable

# Others are pseudo file systems, the network, or a program that may hang (fuse).
LOCAL_TYPES = frozenset(
    "bcachefs btrfs erofs exfat ext2 ext3 ext4 f2fs fuseblk iso9660 jfs nilfs2 ntfs3 overlay ramfs reiserfs rootfs "
    "squashfs tmpfs udf vfat virtiofs xfs zfs".split()
)
_OCTAL = re.compile(r"\\([0-7]{3})")
_LARGEST_JSON = 1 << 24
# A link that leads nowhere is nothing that could run.
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class Note(t.NamedTuple):
    """Something that was not looked at, and why."""

    path: str
    reason: str


class Clock:
    """One deadline for everything that shares this clock."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        return max(0.0, self._end - time.monotonic())

    @property
    def expired(self) -> bool:
        return time.monotonic() >= self._end


def read_mounts(path: str = "/proc/self/mountinfo") -> t.Dict[str, str]:
    """Mount point to type of file system; empty where the kernel does not tell."""
    mounts: t.Dict[str, str] = {}
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            for line in stream:
                before, _dash, after = line.partition(" - ")
                fields, kind = before.split(), after.split()
                if len(fields) > 4 and kind:
                    mounts[_OCTAL.sub(lambda found: chr(int(found.group(1), 8)), fields[4])] = kind[0]
    except OSError:
        return {}
    return mounts


class Files:
    """Files below *root*, looked at until the clock has run out or *most* names have been seen."""

    def __init__(
        self,
        root: str = "/",
        clock: t.Optional[Clock] = None,
        most: int = 1000000,
        mounts: t.Optional[t.Mapping[str, str]] = None,
    ) -> None:
        self.root = os.path.realpath(root).rstrip("/")
        self.clock = clock or Clock(30)
        self.most = most
        self.mounts = read_mounts() if mounts is None else mounts
        self.names = self.directories = self.opened = 0
        # in order, without repetition
        self.notes: t.Dict[Note, None] = {}
        self.cut: t.Optional[str] = None

    def real(self, path: str) -> str:
        """Where *path* of the host really is."""
        return self.root + "/" + path.lstrip("/")

    def shown(self, real: str) -> str:
        """The path on the host, for people."""
        return printable(from_bytes(os.fsencode(real[len(self.root) :] or "/")))

    def note(self, real: str, reason: str) -> None:
        self.notes[Note(self.shown(real), reason)] = None

    def walk(self, start: str, skip: t.Container[str] = (), depth: int = 16) -> t.Iterator[str]:
        """Real paths of all files (and links) below *start* of the host, itself if it is a file; sorted in a directory.

        *skip* holds names, or paths of the host, of directories that are not entered.
        """
        begin = os.path.normpath(self.real(start))
        if not self._local(begin, start=True):
            return
        begin = os.path.realpath(begin)
        if not (begin + "/").startswith(self.root + "/") or not self._local(begin, start=True):
            return
        if os.path.isfile(begin):
            yield begin
            return
        waiting = [(begin, depth)]
        while waiting and not self._spent():
            directory, levels = waiting.pop()
            below: t.List[t.Tuple[str, int]] = []
            for entry in self._entries(directory):
                if self._spent():
                    return
                if not entry.is_dir(follow_symlinks=False):
                    yield entry.path
                elif entry.name in skip or entry.path[len(self.root) :] in skip or not self._local(entry.path):
                    continue
                elif levels:
                    below.append((entry.path, levels - 1))
                else:
                    self.note(begin, "directories more than %d levels below it were not entered" % depth)
            waiting += reversed(below)

    def open(self, real: str) -> t.Optional[t.BinaryIO]:
        """A regular file, else None."""
        if self._spent() or not self._local(real, start=True):
            return None
        try:
            if not self._inside(real) or not stat.S_ISREG(os.stat(real).st_mode):
                return None
            handle = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
            stream = os.fdopen(handle, "rb")
            if stat.S_ISREG(os.fstat(handle).st_mode):
                self.opened += 1
                return stream
            stream.close()
        except OSError as exc:
            self._failed(real, exc)
        return None

    def read(self, real: str, limit: int) -> t.Optional[bytes]:
        """The first *limit* bytes of a regular file, else None."""
        stream = self.open(real)
        if stream is None:
            return None
        with stream:
            try:
                return stream.read(limit)
            except OSError as exc:
                self._failed(real, exc)
        return None

    def listing(self, directory: str) -> t.List[str]:
        """Names in the *directory* of the host, sorted; empty if there is none, or if it cannot be read."""
        real = self.real(directory)
        return [entry.name for entry in self._entries(real)] if self._local(real, start=True) else []

    def text(self, path: str, limit: int = 1 << 20) -> t.Optional[str]:
        """The beginning of the file *path* of the host as text, None if there is no such file."""
        content = self.read(self.real(path), limit)
        return None if content is None else content.decode("utf-8", "replace")

    def read_json(self, real: str) -> t.Any:
        """Return the content of a JSON file; None if it cannot be read, or is not JSON."""
        try:
            return json.loads(self.read(real, _LARGEST_JSON) or b"")
        except (ValueError, RecursionError):
            return None

    def _entries(self, directory: str) -> t.List[os.DirEntry[str]]:
        try:
            with os.scandir(directory) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as exc:
            self._failed(directory, exc)
            return []
        self.directories += 1
        self.names += len(entries)
        return entries

    def _failed(self, real: str, exc: OSError) -> None:
        if exc.errno not in _GONE:
            self.note(real, "cannot be read: %s" % os.strerror(exc.errno or 0))

    def _spent(self) -> bool:
        if self.clock.expired:
            self.cut = "the deadline has passed"
        elif self.names > self.most:
            self.cut = "there are more than %d files" % self.most
        return self.cut is not None

    def _inside(self, real: str) -> bool:
        """A link may lead to another file, but neither out of the root nor into a file system that may hang."""
        if not os.path.islink(real):
            return True
        target = os.path.normpath(os.path.join(os.path.dirname(real), os.readlink(real)))
        return self._local(target, start=True) and (os.path.realpath(real) + "/").startswith(self.root + "/")

    def _local(self, directory: str, start: bool = False) -> bool:
        """Asked before the directory is touched: even stat() can hang on a dead mount."""
        point = directory
        while start and point not in self.mounts and point != "/":
            point = os.path.dirname(point)
        kind = self.mounts.get(point)
        if point == "/" or kind is None or kind in LOCAL_TYPES:
            return True
        self.note(directory, "not entered: a file system of type %s" % printable(kind))
        return False
