# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the fields of an instance in DescribeInstances."""

from __future__ import annotations

import json
import typing as t

from ..instance import OPTIONS, Instance

NO_OPTIONS: t.Dict[str, t.Any] = {
    "HttpEndpoint": "",
    "HttpPutResponseHopLimit": 0,
    "HttpTokens": "",
    "InstanceMetadataTags": "",
}
#: MetadataOptions without META_OPTIONS in the request.
NOT_REQUESTED: t.Dict[str, t.Any] = {"HttpEndpoint": "", "HttpTokens": ""}


def described(instance: Instance) -> t.Tuple[str, t.Dict[str, t.Any]]:
    """Return (JSON text without its last brace, data) of all fields but MetadataOptions. Cached in the instance."""
    if instance.described is None:
        fields = _fields(instance.settings)
        instance.described = (json.dumps(fields, ensure_ascii=False, separators=(",", ":"))[:-1], fields)
    return instance.described


def shown_options(raw: t.Mapping[str, str], untouched: str) -> t.Dict[str, t.Any]:
    """Return MetadataOptions. *raw* has the options that were set at least once."""
    if not raw and untouched == "empty":
        return NO_OPTIONS
    return {
        "HttpEndpoint": raw.get("http_endpoint", "enabled"),
        "HttpPutResponseHopLimit": 0,
        "HttpTokens": raw.get("http_tokens", "optional"),
        "InstanceMetadataTags": raw.get("instance_metadata_tags", "disabled"),
    }


def set_options(instance: Instance) -> t.Dict[str, str]:
    """Return the metadata options that were set at least once."""
    return {key: instance.raw[key] for key in OPTIONS if key in instance.raw}


def _fields(settings: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    windows = settings["os_type"] == "windows"
    system = "Windows Server 2022 64-bit" if windows else "Alibaba Cloud Linux 3.2104 LTS 64-bit"
    primary = settings["network_interfaces"][0]
    return {
        "InstanceId": settings["instance_id"],
        "InstanceName": settings["instance_name"],
        "HostName": settings["hostname"],
        "Description": "",
        "RegionId": settings["region_id"],
        "ZoneId": settings["zone_id"],
        "ClusterId": "",
        "ResourceGroupId": "",
        "Status": settings["status"],
        "StoppedMode": "Not-applicable",
        "ImageId": settings["image_id"],
        "OSType": settings["os_type"],
        "OSName": system,
        "OSNameEn": system,
        "InstanceType": settings["instance_type"],
        "InstanceTypeFamily": settings["instance_type"].rpartition(".")[0],
        "Cpu": 2,
        "CpuOptions": {"CoreCount": 1, "Numa": "ON", "ThreadsPerCore": 2},
        "Memory": 8192,
        "GPUAmount": 0,
        "GPUSpec": "",
        "SerialNumber": settings["serial_number"],
        "KeyPairName": next(iter(settings["public_keys"]), ""),
        "CreationTime": "2024-01-01T00:00Z",
        "StartTime": "2024-01-01T00:00Z",
        "ExpiredTime": "2099-12-31T15:59Z",
        "AutoReleaseTime": "",
        "InstanceChargeType": "PostPaid",
        "InternetChargeType": "PayByTraffic",
        "InternetMaxBandwidthIn": -1,
        "InternetMaxBandwidthOut": 0,
        "SpotStrategy": "SpotAsPriceGo" if settings["spot"] else "NoSpot",
        "SpotPriceLimit": 0.0,
        "IoOptimized": True,
        "DeviceAvailable": True,
        "DeletionProtection": False,
        "Recyclable": False,
        "CreditSpecification": "",
        "SaleCycle": "",
        "VlanId": "",
        "InstanceNetworkType": "vpc",
        "InnerIpAddress": {"IpAddress": []},
        "PublicIpAddress": {"IpAddress": [settings["public_ipv4"]] if settings["public_ipv4"] else []},
        "EipAddress": _eip(settings),
        "VpcAttributes": {
            "VpcId": primary["vpc_id"],
            "VSwitchId": primary["vswitch_id"],
            "NatIpAddress": "",
            "PrivateIpAddress": {"IpAddress": [primary["primary_ip_address"]]},
        },
        "NetworkInterfaces": {"NetworkInterface": [_interface(*item) for item in enumerate(_interfaces(settings))]},
        "SecurityGroupIds": {"SecurityGroupId": []},
        "DedicatedHostAttribute": {"DedicatedHostClusterId": "", "DedicatedHostId": "", "DedicatedHostName": ""},
        "DedicatedInstanceAttribute": {"Affinity": "", "Tenancy": ""},
        "DeploymentSetId": "",
        "EcsCapacityReservationAttr": {"CapacityReservationId": "", "CapacityReservationPreference": ""},
        "HibernationOptions": {"Configured": False},
        "ImageOptions": {},
        "PrivateDnsNameOptions": {},
        "OperationLocks": {"LockReason": []},
        "Tags": {"Tag": [{"TagKey": key, "TagValue": value} for key, value in settings["tags"].items()]},
    }


def _eip(settings: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    address = settings["eipv4"] or ""
    return {
        "AllocationId": "eip-" + settings["instance_id"][2:] if address else "",
        "IpAddress": address,
        "InternetChargeType": "PayByTraffic" if address else "",
    }


def _interfaces(settings: t.Mapping[str, t.Any]) -> t.List[t.Mapping[str, t.Any]]:
    return list(settings["network_interfaces"])


def _interface(index: int, interface: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    primary = interface["primary_ip_address"]
    return {
        "Type": "Secondary" if index else "Primary",
        "NetworkInterfaceId": interface["network_interface_id"],
        "MacAddress": interface["mac"],
        "PrimaryIpAddress": primary,
        "PrivateIpSets": {
            "PrivateIpSet": [
                {"PrivateIpAddress": address, "Primary": address == primary} for address in interface["private_ipv4s"]
            ]
        },
    }
