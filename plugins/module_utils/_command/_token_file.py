# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write a token, or a support bundle, to a file that only its owner can ever read.

A new file is created in the same directory, accessible to its owner only from the start, and renamed when it is complete.
So no other user can read the token at any time, and readers never see a partial file. A link in place of the file is refused.
No other user decides where the file is: each directory and each link on the path must belong to root or this user, and nobody
else may be able to replace the entries of the directories.
"""

import errno
import os
import signal
import stat
import typing as t

from ._output import OTHER, USAGE, Failure


class TokenFile:
    """A context manager for the file of a token; entering it checks the path and its directory, and raises Failure."""

    def __init__(self, path: str) -> None:
        folder, self._name = os.path.split(path)
        if self._name in ("", ".", ".."):
            raise Failure(USAGE, "--file %r is not the name of a file." % path)
        self._path = path
        self._folder = folder or "."
        self._descriptor = -1

    def __enter__(self) -> "TokenFile":
        try:
            # All operations are relative to this descriptor: replacing the directory meanwhile has no effect.
            self._descriptor = _open_directory(self._folder)
        except OSError as exc:
            text = "Cannot open the directory %r: %s. Create it, or choose another --file." % (
                self._folder,
                exc.strerror,
            )
            raise Failure(OTHER, text) from None
        try:
            self._check_file()
        except Failure:
            os.close(self._descriptor)
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        os.close(self._descriptor)

    def write_json(self, content: t.Any) -> None:
        """Replace the file with one that contains *content* as JSON in ASCII."""
        import json

        self.write(json.dumps(content, indent=2))

    def write(self, token: str) -> None:
        """Replace the file with one that contains *token* and a line feed, synchronized to disk."""
        temporary = ".%s.%s" % (self._name[:200], os.urandom(8).hex())
        # Delay signals until the temporary file is renamed or removed.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP, signal.SIGINT, signal.SIGTERM))
        try:
            self._create(temporary, token.encode("ascii") + b"\n")
            try:
                self._check_file()
                os.rename(temporary, self._name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
            except BaseException:
                os.unlink(temporary, dir_fd=self._descriptor)
                raise
            os.fsync(self._descriptor)
        except OSError as exc:
            raise Failure(OTHER, "Cannot write %r: %s." % (self._path, exc.strerror)) from None
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def _create(self, name: str, content: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, 0o600, dir_fd=self._descriptor)
        try:
            os.fchmod(descriptor, 0o600)  # independent of the umask
            while content:
                content = content[os.write(descriptor, content) :]
            os.fsync(descriptor)
        except BaseException:
            os.unlink(name, dir_fd=self._descriptor)
            raise
        finally:
            os.close(descriptor)

    def _check_file(self) -> None:
        found: t.Optional[os.stat_result]
        try:
            found = os.stat(self._name, dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return
        except OSError as exc:
            raise Failure(OTHER, "Cannot check %r: %s." % (self._path, exc.strerror)) from None
        if stat.S_ISLNK(found.st_mode):
            raise Failure(OTHER, "Refused: %r is a symbolic link. Pass the path of the file itself." % self._path)
        if not stat.S_ISREG(found.st_mode):
            raise Failure(OTHER, "Refused: %r is not a regular file. Pass the path of a file." % self._path)


# O_PATH: parents need not be readable.
_PARENT = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_LINKS = 40


def _open_directory(path: str) -> int:
    """Return a descriptor of the directory *path*, opened component by component; the caller closes it.

    Raises:
        Failure: Another user could replace a component.
        OSError: A component does not exist, is not a directory or cannot be opened.
    """
    descriptor = os.open("/", _PARENT)
    passed, todo, links = "/", _components(os.path.join(os.getcwd(), path)), 0
    try:
        _check_directory(os.fstat(descriptor), passed)
        while todo:
            name = todo.pop(0)
            target = _link_target(name, descriptor, os.path.join(passed, name))
            if target is not None:
                links += 1
                if links > _MOST_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                todo = _components(target) + todo
                if not os.path.isabs(target):
                    continue
                name = passed = "/"
            below = os.open(name, _PARENT, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
            passed = os.path.normpath(os.path.join(passed, name))
            _check_directory(os.fstat(descriptor), passed)
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=descriptor)
    finally:
        os.close(descriptor)


def _components(path: str) -> t.List[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _link_target(name: str, descriptor: int, shown: str) -> t.Optional[str]:
    """Return the target of the link *name* in a directory, or None if it is no link; raise Failure if it is of another user."""
    found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    if not stat.S_ISLNK(found.st_mode):
        return None
    if found.st_uid not in (0, os.geteuid()):
        message = "Refused: the link %r belongs to another user (uid %d). Pass the path of the directory itself."
        raise Failure(OTHER, message % (shown, found.st_uid))
    return os.readlink(name, dir_fd=descriptor)


def _check_directory(found: os.stat_result, shown: str) -> None:
    """Raise Failure if another user can replace entries of this directory; with the sticky bit, only their owners can."""
    if found.st_uid not in (0, os.geteuid()):
        writer = "its owner (uid %d)" % found.st_uid
    elif found.st_mode & stat.S_ISVTX:
        return
    elif found.st_mode & stat.S_IWOTH:
        writer = "every user"
    elif found.st_mode & stat.S_IWGRP:
        writer = "its group (gid %d)" % found.st_gid
    else:
        return
    message = "Refused: %s can replace files in the directory %r. Choose a directory that only you can write to."
    raise Failure(OTHER, message % (writer, shown))
