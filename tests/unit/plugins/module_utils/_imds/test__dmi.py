# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Detection of ECS instances by the DMI table."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._imds._dmi import read_platform


@pytest.mark.parametrize(
    ("files", "is_ecs", "text"),
    [
        (
            {"product_name": "Alibaba Cloud ECS\n", "sys_vendor": "Alibaba Cloud\n"},
            True,
            "host is an Alibaba Cloud ECS instance",
        ),
        (
            {"product_name": "Something new\n", "sys_vendor": "Alibaba Cloud\n"},
            True,
            "host is an Alibaba Cloud ECS instance",
        ),
        (
            {"product_name": "Standard PC (i440FX + PIIX, 1996)\n", "sys_vendor": "QEMU\n"},
            False,
            "is not an Alibaba Cloud ECS instance (product name: Standard PC",
        ),
        ({}, None, "has no DMI table, so it is unknown"),
    ],
)
def test_the_vendor_or_the_product_name_identifies_ecs(tmp_path, files, is_ecs, text) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    platform = read_platform(str(tmp_path))
    assert platform.is_ecs is is_ecs
    assert text in platform.describe()
