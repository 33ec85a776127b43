# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read and write the files of the report: each is replaced atomically and is never readable by others."""

from __future__ import annotations

import os
import stat
import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._common._atomic import replace_file

# The playbooks set the option from the variable.
_CHOOSE = "Set 'path' (imds_report_dir) to a directory that you can write to."


class ReportError(Exception):
    """The report cannot be read or written; the message names the path and the next step."""


def read(path: str) -> t.Optional[str]:
    """Return the text of *path*, None if there is no such file."""
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            return stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as exc:
        raise ReportError("Cannot read %s: %s. Move it away or check 'path'." % (path, exc)) from exc


def is_current(path: str, text: str, mode: int) -> bool:
    """Return whether *path* is a regular file with this text and mode."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and stat.S_IMODE(found.st_mode) == mode and read(path) == text


def make_folder(path: str, mode: int) -> None:
    """Create the folder *path* for files of *mode*, if it does not exist."""
    try:
        # a group that may read the files must be able to enter the folder
        os.makedirs(path, 0o750 if mode & 0o040 else 0o700, exist_ok=True)
    except OSError as exc:
        raise ReportError("Cannot create the folder %s: %s. %s" % (path, exc.strerror, _CHOOSE)) from exc


def write(path: str, text: str, mode: int) -> None:
    """Replace the file at *path* with *text*; a link there is replaced, not followed."""
    try:
        replace_file(path, text.encode(), mode)
    except OSError as exc:
        raise ReportError("Cannot write %s: %s. %s" % (path, exc.strerror, _CHOOSE)) from exc
