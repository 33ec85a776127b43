# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replace files atomically: after a failure, a path has either its former content or the complete new content.

The new file is created in the folder of the old one, where it gets the right SELinux type, under a random name. Until
it is complete, only its owner can access it. When a function returns, content and folder are synchronized to disk.
A link at the path is replaced, never followed. Every error is an OSError with the path as its file name.
"""

import contextlib
import errno
import os
import typing as t

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SUFFIX = ".new"
_RANDOM_BYTES = 8


def replace_file(path: str, content: bytes, mode: int = 0o600, uid: t.Optional[int] = None) -> None:
    """Replace *path* with a file of this content, permission bits (the umask is ignored) and owner *uid*, if given."""
    with _replacing(path) as (folder, name):
        with os.fdopen(os.open(name, _CREATE, 0o600, dir_fd=folder), "wb") as stream:
            stream.write(content)
            stream.flush()
            if uid is not None and os.fstat(stream.fileno()).st_uid != uid:
                os.fchown(stream.fileno(), uid, -1)
            os.fchmod(stream.fileno(), mode)  # after fchown, which clears the setuid and setgid bits
            os.fsync(stream.fileno())


def replace_link(path: str, target: str) -> None:
    """Replace *path* with a symbolic link to *target*."""
    with _replacing(path) as (folder, name):
        os.symlink(target, name, dir_fd=folder)


def remove_leftovers(path: str) -> None:
    """Remove the temporary files of processes that were killed while they replaced *path*.

    Call this only if no other process can be replacing *path*, for example while holding a lock.
    """
    folder, name = os.path.split(path)
    prefix = _prefix(name)
    try:
        names = os.listdir(folder or ".")
    except (FileNotFoundError, NotADirectoryError):
        return
    for found in names:
        random = found[len(prefix) : -len(_SUFFIX)]
        if (
            found == prefix + random + _SUFFIX
            and len(random) == 2 * _RANDOM_BYTES
            and not random.strip("0123456789abcdef")
        ):
            os.unlink(os.path.join(folder, found))


@contextlib.contextmanager
def _replacing(path: str) -> t.Iterator[t.Tuple[int, str]]:
    """Yield a descriptor of the folder and a temporary name; the entry created there then replaces *path*."""
    folder, name = os.path.split(path)
    temporary = _prefix(name) + os.urandom(_RANDOM_BYTES).hex() + _SUFFIX
    try:
        # All operations are relative to this descriptor: replacing the folder meanwhile has no effect.
        descriptor = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            try:
                yield descriptor, temporary
                os.replace(temporary, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary, dir_fd=descriptor)
                raise
            _sync_folder(descriptor)
        finally:
            os.close(descriptor)
    except OSError as exc:
        raise OSError(exc.errno, exc.strerror, path) from exc


def _prefix(name: str) -> str:
    """Return the prefix of temporary names: hidden, and short enough for any file system."""
    return ".%s." % os.fsdecode(os.fsencode(name)[:200])


def _sync_folder(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems cannot synchronize folders
            raise
