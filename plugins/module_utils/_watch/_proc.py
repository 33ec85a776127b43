# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read single values of a proc file system, and write those of any file system of the kernel."""

import os
import typing as t

INITIAL_PID_NAMESPACE = 0xEFFFFFFC  # its inode: PROC_PID_INIT_INO


def namespace(proc: str, pid: t.Union[int, str], kind: str) -> int:
    """Return the inode of a namespace (``net``, ``pid``) of a process, or 0 if it has ended."""
    try:
        return os.stat("%s/%s/ns/%s" % (proc, pid, kind)).st_ino
    except OSError:
        return 0


def identity(proc: str, task: int) -> t.Optional[t.Tuple[int, int]]:
    """Return the process ID and the real user ID of a thread, or None if it has ended."""
    try:
        with open("%s/%d/status" % (proc, task), "rb", 0) as stream:
            lines = stream.read(4096).split(b"\n")
    except OSError:
        return None
    fields = dict(line.split(b":", 1) for line in lines if b":" in line)
    try:
        return int(fields[b"Tgid"]), int(fields[b"Uid"].split()[0])
    except (KeyError, ValueError, IndexError):
        return None


def write(path: str, text: str) -> None:
    """Write a value, in one system call to an existing file. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode("ascii"))
    finally:
        os.close(descriptor)
