# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is this machine an ECS instance, as far as its firmware says? This module util is private to the collection.

Source: cloud-init recognises Alibaba Cloud by the DMI product name, Chef's ohai by the system vendor. No request is made.
"""

from __future__ import annotations

import os
import typing as t

DMI_DIRECTORY = "/sys/class/dmi/id"
PRODUCT_NAME = "Alibaba Cloud ECS"


class Platform(t.NamedTuple):
    """What the firmware says.

    ``is_ecs`` is True or False, or None where there is no DMI table to ask (many containers, some boards).
    ``product_name`` is the DMI product name, None when it cannot be read.
    """

    is_ecs: t.Optional[bool]
    product_name: t.Optional[str]

    def describe(self) -> str:
        """One clause for a message."""
        if self.is_ecs:
            return "DMI says that this host is an Alibaba Cloud ECS instance"
        if self.is_ecs is None:
            return "this host has no DMI table that would tell whether it is an ECS instance"
        return "DMI says that this host is not an Alibaba Cloud ECS instance (product name: %s)" % self.product_name


def read_platform(directory: str = DMI_DIRECTORY) -> Platform:
    """Read the DMI table below *directory*; never raises."""
    product_name = _read(directory, "product_name")
    vendor = _read(directory, "sys_vendor")
    if product_name is None and vendor is None:
        return Platform(None, None)
    return Platform(product_name == PRODUCT_NAME or "Alibaba" in (vendor or ""), product_name)


def _read(directory: str, name: str) -> t.Optional[str]:
    try:
        with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as stream:
            return stream.read(256).strip()
    except OSError:
        return None
