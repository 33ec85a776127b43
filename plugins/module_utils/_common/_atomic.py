# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replace files atomically: a path has its former content or all of the new one, whatever fails.

The new file is created in the folder of the old one, where it gets the right SELinux type, under a random name, and
is accessible to its owner only until it is complete. Content and folder are on the disk when a function returns.
Links at the path are replaced, never followed. Every error is an OSError with the path as its file name.
"""

import contextlib
import errno
import os
import typing as t

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SUFFIX = ".new"
_RANDOM_BYTES = 8


def replace_file(path: str, content: bytes, mode: int = 0o600, uid: t.Optional[int] = None) -> None:
    """Replace *path* with a file that has these permission bits, whatever the umask, and the owner *uid* if given."""
    with _replacing(path) as (folder, name):
        with os.fdopen(os.open(name, _CREATE, 0o600, dir_fd=folder), "wb") as stream:
            stream.write(content)
            stream.flush()
            if uid is not None and os.fstat(stream.fileno()).st_uid != uid:
                os.fchown(stream.fileno(), uid, -1)
            os.fchmod(stream.fileno(), mode)  # after fchown, which clears bits
            os.fsync(stream.fileno())


def replace_link(path: str, target: str) -> None:
    """Replace *path* with a symbolic link to *target*."""
    with _replacing(path) as (folder, name):
        os.symlink(target, name, dir_fd=folder)


def remove_leftovers(path: str) -> None:
    """Remove the temporary files of processes that were killed while they replaced *path*.

    Only for callers that know, for example by a lock, that no other process is replacing *path*.
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
    """Yield a descriptor of the folder and the name of an entry to create in it, which then replaces *path*."""
    folder, name = os.path.split(path)
    temporary = _prefix(name) + os.urandom(_RANDOM_BYTES).hex() + _SUFFIX
    try:
        # everything is relative to this descriptor, so that nobody can exchange the folder meanwhile
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
    """Return the beginning of temporary names: hidden, and short enough for any file system."""
    return ".%s." % os.fsdecode(os.fsencode(name)[:200])


def _sync_folder(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that cannot sync folders
            raise
