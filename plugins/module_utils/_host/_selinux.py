# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Set the SELinux types of installed files."""

import typing as t

from ._subprocess import HostError, find, run


def restore_labels(paths: t.Sequence[str]) -> None:
    """Set the SELinux types that the policy defines for these paths, where SELinux is installed.

    A new file inherits the type of its directory, which is right in most cases, so a failure here is not an error.
    """
    program = find("restorecon")
    if program and paths:
        try:
            run(program, *paths)
        except HostError:
            pass
