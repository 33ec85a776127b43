# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read untrusted files safely, bounded in time, number and size.

Links to directories are not followed, and only local file systems are entered: a dead network mount would block forever.
Only regular files are opened. Each path that could not be examined is recorded as a note.
"""

import errno
import itertools
import json
import os
import stat
import typing as t

from .._common._text import from_bytes, printable
from ._limits import Deadline, Note, read_mounts, refused_type

# Parsed JSON takes about 30 times the memory of its text.
_MAX_JSON = 1 << 21
_MAX_ENTRIES = 20000
_CHECKED_EVERY = 1000  # names of a directory, before the deadline is compared again
_MAX_LINKS = 40
# A file that is gone, or a broken link, cannot run.
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


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
        self.cut = False
        self.names = self.directories = self.opened = 0
        self.notes: t.Dict[Note, None] = {}
        # Components that are no links, and the directory opened last.
        self._plain: t.Set[str] = set()
        self._opened: t.Tuple[str, int] = ("", -1)
        self.stopped: t.Optional[str] = None
        self.not_reached: t.List[str] = []

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
        is the number of levels to enter. If the search must stop before the end of *start*, ``not_reached`` names it.
        """
        if not self._spent():
            yield from self._below(start, skip, depth)
        if self.stopped and start not in self.not_reached:
            self.not_reached.append(start)

    def _below(self, start: str, skip: t.Container[str], depth: int) -> t.Iterator[str]:
        begin = self.resolve(os.path.normpath(self.real(start)))
        if begin is None:
            return
        if os.path.isfile(begin):
            yield begin
            return
        pending = [(begin, depth)]
        while pending and not self._spent():
            directory, levels = pending.pop()
            below: t.List[t.Tuple[str, int]] = []
            for number, entry in enumerate(self._entries(directory), 1):
                if number % _CHECKED_EVERY == 0 and self._spent():
                    break
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
        """Return a regular file opened for reading, else None; no component of its resolved path is a link."""
        found = None if self._spent() else self.resolve(real)
        if found is None:
            return None
        try:
            if not stat.S_ISREG(os.lstat(found).st_mode):
                return None
            folder, name = os.path.split(found)
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | os.O_NOFOLLOW
            handle = os.open(name, flags, dir_fd=self._folder(folder))
            stream = os.fdopen(handle, "rb")
            if stat.S_ISREG(os.fstat(handle).st_mode):
                self.opened += 1
                return stream
            stream.close()
        except OSError as exc:
            self._failed(real, exc)
        return None

    def resolve(self, real: str) -> t.Optional[str]:
        """Return the path without links; None if it leaves the root or the local file systems.

        Each component is compared with the mount table before the kernel is asked about it: stat() hangs on a dead mount.
        """
        if not (real + "/").startswith(self.root + "/"):
            return None
        pending = real[len(self.root) :].split("/")[::-1]
        path, links = self.root, 0
        while pending:
            name = pending.pop()
            if name in ("", "."):
                continue
            if name == "..":
                path = path.rpartition("/")[0] if path != self.root else path
                continue
            step = path + "/" + name
            if step not in self._plain and not self._local(step, start=path == self.root):
                return None
            try:
                target = os.readlink(step) if step not in self._plain and os.path.islink(step) else None
            except OSError:
                return None
            if target is None:
                if pending and len(self._plain) < _MAX_ENTRIES:
                    self._plain.add(step)
                path = step
                continue
            links += 1
            if links > _MAX_LINKS or (
                target.startswith("/") and self.root and not (target + "/").startswith(self.root + "/")
            ):
                return None
            if target.startswith("/"):
                path, target = self.root, target[len(self.root) :]
            pending += target.split("/")[::-1]
        return path or "/"

    def _folder(self, path: str) -> int:
        """Return a descriptor of a directory, opened component by component without following links; the last one is kept."""
        if self._opened[0] != path:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            handle = os.open(self.root or "/", flags & ~os.O_NOFOLLOW)
            try:
                for name in filter(None, path[len(self.root) :].split("/")):
                    inner = os.open(name, flags, dir_fd=handle)
                    os.close(handle)
                    handle = inner
            except OSError:
                os.close(handle)
                raise
            self.close()
            self._opened = (path, handle)
        return self._opened[1]

    def close(self) -> None:
        """Close the directory that is kept open."""
        if self._opened[1] >= 0:
            os.close(self._opened[1])
        self._opened = ("", -1)

    __del__ = close

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
        found = self.resolve(os.path.normpath(self.real(directory)))
        return [entry.name for entry in self._entries(found)] if found and os.path.isdir(found) else []

    def text(self, path: str, limit: int = 1 << 20) -> t.Optional[str]:
        """Return the first *limit* bytes of the file *path* of the host as text; None if it cannot be read."""
        content = self.read(self.real(path), limit)
        return None if content is None else content.decode("utf-8", "replace")

    def read_json(self, real: str) -> t.Any:
        """Return the content of a JSON file; None if it cannot be read or is not JSON."""
        content = self.read(real, _MAX_JSON + 1) or b""
        if len(content) > _MAX_JSON:
            self.note(real, "is too large to be parsed")
            return None
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            return None

    def _entries(self, directory: str) -> "t.List[os.DirEntry[str]]":
        """Return the entries of a directory, sorted by name; empty with a note if it cannot be read."""
        try:
            with os.scandir(directory) as found:
                entries = sorted(itertools.islice(found, _MAX_ENTRIES), key=lambda entry: entry.name)
                if len(entries) == _MAX_ENTRIES and next(found, None) is not None:
                    self.note(directory, "only %d of its names were examined" % _MAX_ENTRIES)
                    self.cut = True
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

    def _local(self, directory: str, start: bool = False) -> bool:
        """Return whether a directory may be accessed, else note why; see `refused_type` for *start*."""
        kind = refused_type(directory, self.mounts, start)
        if kind is not None:
            self.note(directory, "not entered: a file system of type %s" % printable(kind))
        return kind is None
