# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Convert the parameters of a version of a launch template to the LaunchTemplateData that the API returns.

Names and types are those of the vendor's SDK. Unknown parameters are refused.
"""

from __future__ import annotations

import re
import typing as t

from ..fields import FIELDS
from .errors import ApiError

Fields = t.Dict[str, t.Any]
_Table = t.Dict[str, t.Any]
#: A list: its parameter is numbered, a response groups it with these two names, or has it under the first name if the second is empty.
Numbered = t.NamedTuple("Numbered", [("item", t.Any), ("group", str), ("member", str)])


def table(text: str = "", integers: str = "", flags: str = "", numbers: str = "") -> _Table:
    """Return the types of fields by name; the arguments are names separated by spaces."""
    kinds = ((text, str), (integers, int), (flags, bool), (numbers, float))
    return {name: kind for names, kind in kinds for name in names.split()}


_DISK = table(
    "AutoSnapshotPolicyId Category Description DiskName Encrypted KMSKeyId PerformanceLevel",
    "ProvisionedIops Size",
    "BurstingEnabled DeleteWithInstance",
)
_GROUPS = Numbered(str, "SecurityGroupIds", "SecurityGroupId")
TABLE: _Table = {
    **table(
        "AutoReleaseTime CreditSpecification DeploymentSetId Description HostName HttpEndpoint HttpTokens ImageId ImageOwnerAlias "
        "InstanceChargeType InstanceName InstanceType InternetChargeType IoOptimized KeyPairName NetworkType PeriodUnit "
        "PrivateIpAddress RamRoleName ResourceGroupId SecurityEnhancementStrategy SecurityGroupId SpotStrategy UserData VSwitchId "
        "VpcId ZoneId",
        "AutoRenewPeriod HttpPutResponseHopLimit InternetMaxBandwidthIn InternetMaxBandwidthOut Ipv6AddressCount Period SpotDuration",
        "AutoRenew DeletionProtection EnableVmOsConfig PasswordInherit",
        "SpotPriceLimit",
    ),
    "SystemDisk": {**_DISK, "Iops": int},
    "DataDisk": Numbered({**_DISK, "Device": str, "SnapshotId": str}, "DataDisks", "DataDisk"),
    "NetworkInterface": Numbered(
        {
            **table(
                "Description InstanceType NetworkInterfaceName NetworkInterfaceTrafficMode PrimaryIpAddress SecurityGroupId "
                "VSwitchId",
                flags="DeleteOnRelease",
            ),
            "SecurityGroupIds": _GROUPS,
        },
        "NetworkInterfaces",
        "NetworkInterface",
    ),
    "SecurityGroupIds": _GROUPS,
    "Tag": Numbered(table("Key Value"), "Tags", "InstanceTag"),
    "ImageOptions": table(flags="LoginAsNonRoot"),
    "SecurityOptions": table("TrustedSystemMode"),
}


def data_of(
    parameters: t.Mapping[str, str], ignored: t.Collection[str], kinds: t.Mapping[str, t.Any] = TABLE
) -> Fields:
    """Return the fields of a response for flat parameters; those with a name in *ignored* are not part of it.

    Raises: ApiError.
    """
    tree: t.Dict[str, t.Any] = {}
    for name, value in parameters.items():
        if name in ignored or not value:
            continue
        place = tree
        *parents, last = name.split(".")
        for part in parents:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise ApiError("InvalidParameter", name=name)
        place[last] = value
    data: Fields = _converted(tree, kinds, "")
    for name, key in (("HttpEndpoint", "http_endpoint"), ("HttpTokens", "http_tokens")):
        if name in data and not FIELDS[key].check(data[name]):
            raise ApiError("Invalid%s.NotSupported" % name)
    return data


def _converted(value: t.Any, kind: t.Any, name: str) -> t.Any:
    """Return the value of a parameter as the type in the table."""
    if isinstance(kind, (dict, Numbered)) != isinstance(value, dict):
        raise ApiError("InvalidParameter", name=name)
    if isinstance(kind, dict):
        fields: Fields = {}
        for key, item in value.items():
            if key not in kind:
                raise ApiError("InvalidParameter", name="%s.%s" % (name, key) if name else key)
            inner = kind[key]
            converted = _converted(item, inner, "%s.%s" % (name, key) if name else key)
            if isinstance(inner, Numbered):
                fields[inner.group] = {inner.member: converted} if inner.member else converted
            else:
                fields[key] = converted
        return fields
    if isinstance(kind, Numbered):
        if not all(re.fullmatch("[1-9][0-9]{0,2}", number) for number in value):
            raise ApiError("InvalidParameter", name=name)
        return [_converted(value[number], kind.item, "%s.%s" % (name, number)) for number in sorted(value, key=int)]
    return _scalar(value, kind, name)


def _scalar(text: str, kind: t.Any, name: str) -> t.Any:
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise ApiError("InvalidParameter", name=name)
        return text.lower() == "true"
    try:
        return kind(text)
    except ValueError:
        raise ApiError("InvalidParameter", name=name) from None
