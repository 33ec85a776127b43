# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create the directories of installed files, and remove them if nothing else is in them."""

import errno
import os
import typing as t


def missing_parents(path: str) -> t.Iterator[str]:
    """Yield the directories above *path* that do not exist, the deepest one first."""
    parent = os.path.dirname(path)
    while not os.path.isdir(parent):
        yield parent
        parent = os.path.dirname(parent)


def make_directory(path: str) -> None:
    """Create a directory that all users may search, whatever the umask is."""
    os.mkdir(path, 0o755)
    os.chmod(path, 0o755)


def remove_empty(directories: t.Iterable[str]) -> None:
    """Remove those of *directories* that are empty but for bytecode; raise OSError."""
    for directory in directories:
        # Removed already, or never created: a read-only file system reports EROFS for those, too.
        if not os.path.isdir(directory):
            continue
        try:
            _remove_compiled(os.path.join(directory, "__pycache__"))
            os.rmdir(directory)
        except OSError as exc:
            # Other files are in the directory by now, or it was removed already.
            if exc.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                raise


def _remove_compiled(cache: str) -> None:
    """Remove the bytecode that Python writes beside installed modules when root runs them."""
    if os.path.isdir(cache) and not os.path.islink(cache):
        for name in os.listdir(cache):
            if name.endswith(".pyc"):
                os.unlink(os.path.join(cache, name))
        os.rmdir(cache)
