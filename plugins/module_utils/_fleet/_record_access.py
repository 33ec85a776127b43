# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a record can be written."""

import os

from ._record_file import RecordError


def check_writable(directory: str, create: bool) -> None:
    """Raise RecordError if no file can be created in *directory*; with *create*, it need not exist yet. Changes nothing."""
    present = directory
    while create and not os.path.lexists(present):
        present = os.path.dirname(present)
    if not os.path.isdir(present):
        raise RecordError("Cannot write the record in %s: %s is not a directory." % (directory, present))
    if not os.access(present, os.W_OK | os.X_OK):
        reason = "read-only file system" if os.statvfs(present).f_flag & os.ST_RDONLY else "permission denied"
        raise RecordError("Cannot write the record in %s: %s." % (directory, reason))
