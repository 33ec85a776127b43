# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits of a search: the deadline, the file systems that are entered, and notes of what was not examined."""

import os
import re
import time
import typing as t

# All other types are pseudo file systems, network file systems, or programs that may hang (FUSE).
LOCAL_TYPES = frozenset(
    "bcachefs btrfs erofs exfat ext2 ext3 ext4 f2fs fuseblk iso9660 jfs nilfs2 ntfs3 overlay ramfs reiserfs rootfs "
    "squashfs tmpfs udf vfat virtiofs xfs zfs".split()
)
_OCTAL = re.compile(r"\\([0-7]{3})")


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


def refused_type(directory: str, mounts: t.Mapping[str, str], start: bool = False) -> t.Optional[str]:
    """Return the file system type of a directory that may not be accessed, else None.

    This is judged by the mount table alone: stat() can hang on a dead mount. With *start* the mount that holds the directory
    counts, otherwise only a mount on the directory itself.
    """
    point = directory
    while start and point not in mounts and point != "/":
        point = os.path.dirname(point)
    kind = mounts.get(point)
    return None if point == "/" or kind in LOCAL_TYPES else kind
