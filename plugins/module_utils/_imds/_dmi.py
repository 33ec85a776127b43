# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Detect ECS instances by the DMI table of the firmware, without a request to the metadata service.

Source: cloud-init recognizes Alibaba Cloud by the DMI product name, Chef's ohai by the system vendor.
"""

import os
import typing as t

DMI_DIRECTORY = "/sys/class/dmi/id"
PRODUCT_NAME = "Alibaba Cloud ECS"


class Platform(t.NamedTuple):
    """The platform according to the DMI table.

    ``is_ecs`` is True, False, or None if the host has no DMI table (many containers, some boards).
    ``product_name`` is the DMI product name, or None if it cannot be read.
    """

    is_ecs: t.Optional[bool]
    product_name: t.Optional[str]

    def describe(self) -> str:
        """Return the platform as a clause of a message, in lower case and without a period."""
        if self.is_ecs:
            return "according to DMI, this host is an Alibaba Cloud ECS instance"
        if self.is_ecs is None:
            return "this host has no DMI table, so it is unknown whether it is an ECS instance"
        return "according to DMI, this host is not an Alibaba Cloud ECS instance (product name: %s)" % self.product_name


def read_platform(directory: str = DMI_DIRECTORY) -> Platform:
    """Return the platform according to the DMI table below *directory*; values that cannot be read are None."""
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
