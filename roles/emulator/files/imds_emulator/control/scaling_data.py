# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Convert the parameters of a scaling configuration to the fields that DescribeScalingConfigurations returns.

Names and types are those of the vendor's SDK. Parameters that are not in the table are refused: they are unknown or not emulated.
"""

from __future__ import annotations

import json
import typing as t

from .errors import ApiError
from .template_data import Numbered, data_of, table

Fields = t.Dict[str, t.Any]
_DISK = table(
    "AutoSnapshotPolicyId Category Description DiskName Encrypted KMSKeyId PerformanceLevel",
    "ProvisionedIops Size",
    "BurstingEnabled",
)
_TABLE: t.Dict[str, t.Any] = {
    **table(
        "Affinity CreditSpecification DedicatedHostClusterId DedicatedHostId DeploymentSetId HostName HpcClusterId HttpEndpoint "
        "HttpTokens ImageFamily ImageId ImageName InstanceDescription InstanceName InstanceType InternetChargeType IoOptimized "
        "KeyPairName Password RamRoleName ResourceGroupId ScalingConfigurationName SecurityEnhancementStrategy SecurityGroupId "
        "SpotInterruptionBehavior SpotStrategy StorageSetId Tags Tenancy UserData ZoneId",
        "Cpu InternetMaxBandwidthIn InternetMaxBandwidthOut Ipv6AddressCount LoadBalancerWeight Memory SpotDuration "
        "StorageSetPartitionNumber",
        "DeletionProtection PasswordInherit",
    ),
    "DataDisks": Numbered({**_DISK, "Device": str, "SnapshotId": str, "DeleteWithInstance": bool}, "DataDisks", ""),
    "ImageOptions": table(flags="LoginAsNonRoot"),
    "InstanceTypes": Numbered(str, "InstanceTypes", ""),
    "SecurityGroupIds": Numbered(str, "SecurityGroupIds", ""),
    "SystemDisk": _DISK,
    "SystemDiskCategories": Numbered(str, "SystemDiskCategories", ""),
}
#: Parameters that ModifyScalingConfiguration does not have.
_AT_CREATION = ("InstanceType", "SecurityEnhancementStrategy")
_OWN = ("RegionId", "ScalingGroupId", "ScalingConfigurationId", "ClientToken")


def created(parameters: t.Mapping[str, str]) -> Fields:
    """Return the fields for the parameters of CreateScalingConfiguration.

    Raises: ApiError.
    """
    fields = _fields(parameters)
    if not (fields.get("ImageId") or fields.get("ImageName") or fields.get("ImageFamily")):
        raise ApiError("MissingParameter", name="ImageId")
    return fields


def modified(parameters: t.Mapping[str, str]) -> Fields:
    """Return the fields that the parameters of ModifyScalingConfiguration replace. The effect of Override=true is not emulated.

    Raises: ApiError.
    """
    for name in _AT_CREATION:
        if name in parameters:
            raise ApiError("InvalidParameter", name=name)
    if parameters.get("Override", "false").lower() != "false":
        raise ApiError("InvalidParameter", name="Override")
    return _fields({name: value for name, value in parameters.items() if name != "Override"})


def _fields(parameters: t.Mapping[str, str]) -> Fields:
    data = data_of(parameters, _OWN, _TABLE)
    if data.pop("Password", None) is not None:
        data["PasswordSetted"] = True  # the name of the API
    for name in ("SystemDisk", "ImageOptions"):
        for key, value in data.pop(name, {}).items():
            data["SystemDiskName" if (name, key) == ("SystemDisk", "DiskName") else name + key] = value
    if "Tags" in data:
        data["Tags"] = [{"Key": key, "Value": value} for key, value in _tags(data["Tags"]).items()]
    return data


def _tags(text: str) -> t.Dict[str, str]:
    try:
        tags = json.loads(text)
    except ValueError:
        tags = None
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise ApiError("InvalidParameter", name="Tags")
    return tags
