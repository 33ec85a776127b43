# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A scaling group, and the items of responses of Auto Scaling."""

from __future__ import annotations

import typing as t

Fields = t.Dict[str, t.Any]
TIME = "2024-01-01T00:00Z"


class Group:
    """A scaling group with its configurations, activities and instances."""

    def __init__(self, group_id: str, name: str, region: str, sizes: t.Tuple[int, int]) -> None:
        self.group_id = group_id
        self.name = name or group_id
        self.region = region
        self.sizes = sizes
        self.enabled = False
        self.active: t.Optional[str] = None  #: ID of the active scaling configuration
        self.template: t.Optional[t.Tuple[str, str]] = None  #: ID and version, which is a number, Default or Latest
        self.configurations: t.Dict[str, Fields] = {}
        self.activities: t.List[Fields] = []
        self.instances: t.List[Fields] = []


def group_row(group: Group) -> Fields:
    """Return an item of DescribeScalingGroups."""
    row: Fields = {
        "ScalingGroupId": group.group_id,
        "ScalingGroupName": group.name,
        "RegionId": group.region,
        "GroupType": "ECS",
        "LifecycleState": "Active" if group.enabled else "Inactive",
        "MinSize": group.sizes[0],
        "MaxSize": group.sizes[1],
        "TotalCapacity": len(group.instances),
        "CreationTime": TIME,
    }
    if group.active is not None:
        row["ActiveScalingConfigurationId"] = group.active
    if group.template is not None:
        row["LaunchTemplateId"], row["LaunchTemplateVersion"] = group.template
    return row


def configuration_row(group: Group, name: str) -> Fields:
    """Return an item of DescribeScalingConfigurations."""
    return {
        "ScalingConfigurationId": name,
        "ScalingGroupId": group.group_id,
        "LifecycleState": "Active" if group.active == name else "Inactive",
        "CreationTime": TIME,
        **group.configurations[name],
    }


def instance_row(group: Group, activity: Fields, name: str) -> Fields:
    """Return an item of DescribeScalingInstances."""
    row: Fields = {
        "InstanceId": name,
        "ScalingGroupId": group.group_id,
        "ScalingActivityId": activity["ScalingActivityId"],
        "CreationType": "AutoCreated",
        "HealthStatus": "Healthy",
        "LifecycleState": "InService",
    }
    if group.active is not None:
        row["ScalingConfigurationId"] = group.active
    if group.template is not None:
        row["LaunchTemplateId"], row["LaunchTemplateVersion"] = group.template
    return row
