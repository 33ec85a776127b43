# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Instances as DescribeInstances returns them."""

from __future__ import annotations

from ansible_collections.alicloud.imds.plugins.module_utils._fleet._instance import parse


def raw(endpoint="enabled", tokens="optional", tags="disabled", **more):
    options = {
        "HttpEndpoint": endpoint,
        "HttpTokens": tokens,
        "InstanceMetadataTags": tags,
        "HttpPutResponseHopLimit": 0,
    }
    return {"InstanceId": "i-1", "RegionId": "cn-hangzhou", "OSType": "linux", "MetadataOptions": options, **more}


def instance(*args, empty_means_default=False, **more):
    return parse(raw(*args, **more), "cn-hangzhou", empty_means_default)


ACK = {"Tags": {"Tag": [{"TagKey": "ack.aliyun.com", "TagValue": "c123"}]}}
WINDOWS = {"OSType": "windows"}
