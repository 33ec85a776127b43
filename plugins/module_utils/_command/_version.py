# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The version of ecs-metadata, which is that of the collection."""

import argparse
import typing as t

from ._output import write

VERSION = "1.0.0"  # as in galaxy.yml, which is not installed on hosts


class ShowVersion(argparse.Action):
    """Write the version, and end."""

    def __call__(self, *_arguments: t.Any) -> t.NoReturn:
        write(b"ecs-metadata (alicloud.imds) %s\n" % VERSION.encode("ascii"))
        raise SystemExit(0)
