# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write a token to a file that only its owner can ever read.

A new file is created in the same directory, accessible to its owner only from the start, and renamed when it is complete.
So no other user can read the token at any time, readers never see a partial file, and links are not followed.
"""

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
            self._descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as exc:
            raise Failure(OTHER, "Cannot open the directory %r: %s." % (self._folder, exc.strerror)) from None
        try:
            self._check_folder()
            self._check_file()
        except Failure:
            os.close(self._descriptor)
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        os.close(self._descriptor)

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

    def _check_folder(self) -> None:
        found = os.fstat(self._descriptor)
        if found.st_uid not in (0, os.geteuid()):
            writer = "its owner (uid %d)" % found.st_uid
        elif found.st_mode & stat.S_ISVTX:
            return
        elif found.st_mode & stat.S_IWOTH:
            writer = "every user"
        elif found.st_mode & stat.S_IWGRP and found.st_gid != os.getegid():
            writer = "its group (gid %d)" % found.st_gid
        else:
            return
        message = "Refused: %s can replace files in the directory %r. Choose a directory that only you can write to."
        raise Failure(OTHER, message % (writer, self._folder))

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
            raise Failure(OTHER, "Refused: %r is not a regular file. A token is written only to a file." % self._path)
