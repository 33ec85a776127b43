# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read untrusted files safely, bounded in time, number and size.

Links to directories are not followed, and only local file systems are entered: a dead network mount would block forever.
Only regular files are opened. Each path that could not be examined is recorded as a note.
"""

import errno
import json
import os
import re
import stat
import time
import typing as t

from .._common._text import from_bytes, printable

# All other types are pseudo file systems, network file systems, or programs that may hang (FUSE).
LOCAL_TYPES = frozenset(
    "bcachefs btrfs erofs exfat ext2 ext3 ext4 f2fs fuseblk iso9660 jfs nilfs2 ntfs3 overlay ramfs reiserfs rootfs "
    "squashfs tmpfs udf vfat virtiofs xfs zfs".split()
)
_OCTAL = re.compile(r"\\([0-7]{3})")
_MAX_JSON = 1 << 24
# A file that is gone, or a broken link, cannot run.
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class Note(t.NamedTuple):
    """A path that was not examined, and why."""

    path: str
    reason: str


class Deadline:
    """A deadline that several searches share."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the remaining seconds, at least 0."""
        return max(0.0, self._end - time.monotonic())

    @property
    def expired(self) -> bool:
        """Return whether the deadline has passed."""
        return time.monotonic() >= self._end


def read_mounts(path: str = "/proc/self/mountinfo") -> t.Dict[str, str]:
    """Return the file system type of each mount point; empty if *path* cannot be read."""
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
    """Files below *root*, read until the deadline has passed or *max_names* directory entries have been listed.

    ``notes`` holds what was not examined, in order, without repetition; ``stopped`` why the search ended early, else None.
    """

    def __init__(
        self,
        root: str = "/",
        deadline: t.Optional[Deadline] = None,
        max_names: int = 1000000,
        mounts: t.Optional[t.Mapping[str, str]] = None,
    ) -> None:
        self.root = os.path.realpath(root).rstrip("/")
        self.deadline = deadline or Deadline(30)
        self.max_names = max_names
        self.mounts = read_mounts() if mounts is None else mounts
        self.names = self.directories = self.opened = 0
        self.notes: t.Dict[Note, None] = {}
        self.stopped: t.Optional[str] = None

    def real(self, path: str) -> str:
        """Return the path below the root of a *path* of the host."""
        return self.root + "/" + path.lstrip("/")

    def shown(self, real: str) -> str:
        """Return the path on the host of a *real* path below the root, as printable text."""
        return printable(from_bytes(os.fsencode(real[len(self.root) :] or "/")))

    def note(self, real: str, reason: str) -> None:
        """Record that *real* was not examined, or not all of it."""
        self.notes[Note(self.shown(real), reason)] = None

    def walk(self, start: str, skip: t.Container[str] = (), depth: int = 16) -> t.Iterator[str]:
        """Yield the real paths of all files and links below *start* of the host, or *start* itself if it is a file.

        The entries of a directory are sorted. *skip* holds names, or paths of the host, of directories not to enter; *depth*
        is the number of levels to enter.
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
        pending = [(begin, depth)]
        while pending and not self._spent():
            directory, levels = pending.pop()
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
            pending += reversed(below)

    def open(self, real: str) -> t.Optional[t.BinaryIO]:
        """Return a regular file opened for reading, else None."""
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
        """Return the first *limit* bytes of a regular file, else None."""
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
        """Return the sorted names in a *directory* of the host; empty if it is missing or cannot be read."""
        real = self.real(directory)
        return [entry.name for entry in self._entries(real)] if self._local(real, start=True) else []

    def text(self, path: str, limit: int = 1 << 20) -> t.Optional[str]:
        """Return the first *limit* bytes of the file *path* of the host as text; None if it cannot be read."""
        content = self.read(self.real(path), limit)
        return None if content is None else content.decode("utf-8", "replace")

    def read_json(self, real: str) -> t.Any:
        """Return the content of a JSON file; None if it cannot be read or is not JSON."""
        try:
            return json.loads(self.read(real, _MAX_JSON) or b"")
        except (ValueError, RecursionError):
            return None

    def _entries(self, directory: str) -> "t.List[os.DirEntry[str]]":
        """Return the entries of a directory, sorted by name; empty with a note if it cannot be read."""
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
        """Record an error, unless the file has been deleted in the meantime."""
        if exc.errno not in _GONE:
            self.note(real, "cannot be read: %s" % os.strerror(exc.errno or 0))

    def _spent(self) -> bool:
        """Return whether the search must stop, and record why."""
        if self.deadline.expired:
            self.stopped = "the deadline has passed"
        elif self.names > self.max_names:
            self.stopped = "there are more than %d files" % self.max_names
        return self.stopped is not None

    def _inside(self, real: str) -> bool:
        """Return whether *real* is no link, or its target is below the root and in a local file system."""
        if not os.path.islink(real):
            return True
        target = os.path.normpath(os.path.join(os.path.dirname(real), os.readlink(real)))
        return self._local(target, start=True) and (os.path.realpath(real) + "/").startswith(self.root + "/")

    def _local(self, directory: str, start: bool = False) -> bool:
        """Return whether a directory may be accessed, judged by the mount table alone: stat() can hang on a dead mount.

        With *start* the mount that holds it counts, otherwise only a mount on the directory itself.
        """
        point = directory
        while start and point not in self.mounts and point != "/":
            point = os.path.dirname(point)
        kind = self.mounts.get(point)
        if point == "/" or kind is None or kind in LOCAL_TYPES:
            return True
        self.note(directory, "not entered: a file system of type %s" % printable(kind))
        return False
