# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read files for the support bundle; the errors contain nothing that was read."""

import errno
import hashlib
import os
import stat
import typing as t

_LARGEST = 1 << 20


class Unknown(Exception):
    """A part of the report is unknown; the text has the reason, and nothing that was read."""


class Absent(Unknown):
    """A file does not exist."""


def read(path: str, what: str) -> bytes:
    """Return the content of a regular file of limited size; raise Unknown with the reason."""
    try:
        # O_NONBLOCK: a FIFO in place of the file must not stop the command.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Unknown("Cannot read %s: not a regular file." % what)
            return stream.read(_LARGEST)
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise Absent("Cannot read %s: %s." % (what, exc.strerror)) from None
    except OSError as exc:
        hint = " Run as root." if exc.errno in (errno.EACCES, errno.EPERM) else ""
        raise Unknown("Cannot read %s: %s.%s" % (what, exc.strerror, hint)) from None


def read_if_present(path: str, what: str) -> t.Optional[bytes]:
    """Return the content of the file, or None if it does not exist; raise Unknown for other errors."""
    try:
        return read(path, what)
    except Absent:
        return None


def state_of(path: str, digest: str) -> str:
    """Compare an installed file with the checksum in the manifest."""
    if os.path.islink(path):
        return "unchanged" if digest == "link" else "changed"
    try:
        return "unchanged" if hashlib.sha256(read(path, "a file")).hexdigest() == digest else "changed"
    except Absent:
        return "missing"
    except Unknown:
        return "unknown"
