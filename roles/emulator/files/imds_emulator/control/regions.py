# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Define names and endpoints of regions in DescribeRegions.

Source: published responses of 2023 to 2025. cn-hangzhou has the central endpoint, others have regional ones.
"""

from __future__ import annotations

import typing as t

#: region -> (name in Chinese, name in English). A region that is not listed has its ID as name.
NAMES: t.Dict[str, t.Tuple[str, str]] = {
    "cn-qingdao": ("华北1（青岛）", "China (Qingdao)"),
    "cn-beijing": ("华北2（北京）", "China (Beijing)"),
    "cn-zhangjiakou": ("华北3（张家口）", "China (Zhangjiakou)"),
    "cn-hangzhou": ("华东1（杭州）", "China (Hangzhou)"),
    "cn-shanghai": ("华东2（上海）", "China (Shanghai)"),
    "cn-shenzhen": ("华南1（深圳）", "China (Shenzhen)"),
    "cn-hongkong": ("中国香港", "China (Hong Kong)"),
    "ap-southeast-1": ("新加坡", "Singapore"),
    "eu-central-1": ("德国（法兰克福）", "Germany (Frankfurt)"),
    "us-east-1": ("美国（弗吉尼亚）", "US (Virginia)"),
    "us-west-1": ("美国（硅谷）", "US (Silicon Valley)"),
}


def row(region: str, english: bool) -> t.Dict[str, str]:
    """Return the fields of a region."""
    endpoint = "ecs.aliyuncs.com" if region == "cn-hangzhou" else "ecs.%s.aliyuncs.com" % region
    name = NAMES[region][english] if region in NAMES else region
    return {"RegionId": region, "RegionEndpoint": endpoint, "LocalName": name}
