# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file that ecs-metadata writes a token to. This module util is private to the collection.

The token must not be read by anybody else, not even for a moment, and the file must never be half written or lead
elsewhere. So a new file is written next to it, with all access for others off from its beginning, and renamed.
"""

from __future__ import annotations

import os
import signal
import stat
import typing as t

from ._output import OTHER, USAGE, Failure


class TokenFile:
    """A place for a token, checked on entering the context; raise Failure, saying what is wrong, where there is none."""

    def __init__(self, path: str) -> None:
        folder, self._name = os.path.split(path)
        if self._name in ("", ".", ".."):
            raise Failure(USAGE, "--file %r is not the name of a file." % path)
        self._path = path
        self._folder = folder or "."
        self._descriptor = -1

    def __enter__(self) -> TokenFile:
        try:
            # everything below is relative to this descriptor, so that nobody can exchange a folder meanwhile
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
        """Put *token* in the file, which then is complete and on the disk."""
        temporary = ".%s.%s" % (self._name[:200], os.urandom(8).hex())
        # a signal that ends us waits until there is no temporary file any more
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
            os.fchmod(descriptor, 0o600)  # whatever the umask
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
            who = "uid %d, who owns it," % found.st_uid
        elif found.st_mode & stat.S_ISVTX:
            return
        elif found.st_mode & stat.S_IWOTH:
            who = "everybody"
        elif found.st_mode & stat.S_IWGRP and found.st_gid != os.getegid():
            who = "the group with gid %d" % found.st_gid
        else:
            return
        what = "Refused: in the directory %r, %s could replace the file. Choose a directory that only you can write to."
        raise Failure(OTHER, what % (self._folder, who))

    def _check_file(self) -> None:
        found: t.Optional[os.stat_result]
        try:
            found = os.stat(self._name, dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return
        except OSError as exc:
            raise Failure(OTHER, "Cannot look at %r: %s." % (self._path, exc.strerror)) from None
        if stat.S_ISLNK(found.st_mode):
            raise Failure(OTHER, "Refused: %r is a symbolic link. Name the file itself." % self._path)
        if not stat.S_ISREG(found.st_mode):
            raise Failure(OTHER, "Refused: %r is no regular file. A token is written to a file only." % self._path)
