# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the metadata items of an instance from its settings.

Source of paths and value formats: Alibaba Cloud, list of instance metadata items. An item that does not apply to the
instance is absent: `ram/` without a role, IPv6 items without IPv6, `instance/spot/` before its `appears_at`.
"""

from __future__ import annotations

import base64
import json
import re
import typing as t

from .clock import moment, to_iso
from .credentials import RoleKeys
from .fields import paths_of

#: Items with several values; the switch multi_value_separator chooses their separator.
MULTI_VALUE: t.Dict[t.Tuple[str, ...], t.List[str]] = {
    ("dns-conf", "nameservers"): ["100.100.2.136", "100.100.2.138"],
    ("ntp-conf", "ntp-servers"): ["ntp1.aliyun.com", "ntp1.cloud.aliyuncs.com", "ntp10.cloud.aliyuncs.com"],
}
_LINUX = {"source-address": "http://mirrors.cloud.aliyuncs.com"}
_WINDOWS: t.Dict[str, t.Any] = {
    "kms-server": "kms.cloud.aliyuncs.com",
    "wsus-server": {
        "wu-server": "http://update.cloud.aliyuncs.com",
        "wu-status-server": "http://update.cloud.aliyuncs.com",
    },
}
_INTERFACE_TEXTS = [
    "network_interface_id",
    "primary_ip_address",
    "vpc_id",
    "vpc_cidr_block",
    "vswitch_id",
    "vswitch_cidr_block",
    "netmask",
    "gateway",
    "ipv6_gateway",
    "vswitch_ipv6_cidr_block",
]
#: Tag keys that the service can serve, as documented.
_TAG_KEY = re.compile(r"[A-Za-z0-9@:_.=,-]+")


def build(
    settings: t.Mapping[str, t.Any],
    switches: t.Mapping[str, t.Any],
    now: float,
    started: float,
    keys: t.Optional[RoleKeys] = None,
) -> t.Dict[str, t.Any]:
    """Return the tree below a version directory, without `dynamic/`.

    Directories are dicts, values are text or bytes. *now* and *started* are seconds since 1970.
    """
    meta = meta_data(settings, switches, now, started)
    if settings["role"]:
        role = settings["role"]["name"]
        document = keys.document(now) if keys else "{}"
        meta["ram"] = {"security-credentials": {role: document}}
    _apply_overrides(meta, paths_of(settings["metadata"]))
    tree: t.Dict[str, t.Any] = {
        "meta-data": meta,
        "global-config": dict(settings["global_config"]),
        "maintenance": _maintenance(settings, switches, now, started),
    }
    if settings["user_data_base64"] is not None:
        tree["user-data"] = base64.b64decode(settings["user_data_base64"])
    elif settings["user_data"] is not None:
        tree["user-data"] = settings["user_data"]
    if settings["vendor_data"] is not None:
        tree["vendor-data"] = settings["vendor_data"]
    return tree


def meta_data(
    settings: t.Mapping[str, t.Any], switches: t.Mapping[str, t.Any], now: float, started: float
) -> t.Dict[str, t.Any]:
    """Return the tree of `meta-data/`, without `ram/` and the overrides of the setting `metadata`."""
    interfaces = settings["network_interfaces"]
    first = interfaces[0]
    meta: t.Dict[str, t.Any] = {
        "hibernation": {"configured": "false"},
        "hostname": settings["hostname"],
        "image-id": settings["image_id"],
        "instance-id": settings["instance_id"],
        "instance": _instance(settings, now, started),
        "mac": first["mac"],
        "network-type": "vpc",
        "network": {"interfaces": {"macs": {nic["mac"]: _interface(nic, switches) for nic in interfaces}}},
        "owner-account-id": settings["owner_account_id"],
        "private-ipv4": first["primary_ip_address"],
        "region-id": settings["region_id"],
        "serial-number": settings["serial_number"],
        "sub-private-ipv4-list": ",".join(ip for ip in first["private_ipv4s"] if ip != first["primary_ip_address"]),
        "vpc-cidr-block": first["vpc_cidr_block"],
        "vpc-id": first["vpc_id"],
        "vswitch-cidr-block": first["vswitch_cidr_block"],
        "vswitch-id": first["vswitch_id"],
        "zone-id": settings["zone_id"],
    }
    separator = "\r\n" if switches["multi_value_separator"] == "crlf" else "\n"
    for (directory, leaf), values in MULTI_VALUE.items():
        meta[directory] = {leaf: separator.join(values)}
    if switches["launch_index"]:
        meta["launch-index"] = "0"
    meta.update(_WINDOWS if settings["os_type"] == "windows" else _LINUX)
    _add_optional(meta, settings)
    return meta


def _add_optional(meta: t.Dict[str, t.Any], settings: t.Mapping[str, t.Any]) -> None:
    for key in ("eipv4", "public_ipv4"):
        if settings[key]:
            meta[key.replace("_", "-")] = settings[key]
    if settings["disks"]:
        meta["disks"] = {disk["serial"]: {"id": disk["id"], "name": disk["name"]} for disk in settings["disks"]}
    if settings["public_keys"]:
        meta["public-keys"] = {name: {"openssh-key": key} for name, key in settings["public_keys"].items()}
    tags = {key: value for key, value in settings["tags"].items() if _servable(key)}
    if tags and settings["instance_metadata_tags"] == "enabled":
        meta["tags"] = {"instance": tags}


def _servable(key: str) -> bool:
    return _TAG_KEY.fullmatch(key) is not None and key not in (".", "..")


def _instance(settings: t.Mapping[str, t.Any], now: float, started: float) -> t.Dict[str, t.Any]:
    result: t.Dict[str, t.Any] = {
        "instance-name": settings["instance_name"],
        "instance-type": settings["instance_type"],
        "last-host-landing-time": "2024-11-17 10:02:41",
        "max-netbw-egress": "1228800",
        "max-netbw-ingress": "1228800",
        "virtualization-solution": "ECS Virt",
        "virtualization-solution-version": "2.0",
    }
    spot = settings["spot"]
    if spot and appeared(spot, now, started):
        result["spot"] = {"termination-time": iso(spot["termination_time"], started)}
    return result


def _interface(nic: t.Mapping[str, t.Any], switches: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    result: t.Dict[str, t.Any] = {"private-ipv4s": json.dumps(nic["private_ipv4s"], separators=(",", ":"))}
    for key in _INTERFACE_TEXTS:
        if nic.get(key):
            result[key.replace("_", "-")] = nic[key]
    for key in ("ipv6s", "vpc_ipv6_cidr_blocks"):
        if nic.get(key):
            json_form = json.dumps(nic[key], separators=(",", ":"))
            result[key.replace("_", "-")] = (
                json_form if switches["bracket_lists"] == "json" else "[%s]" % ",".join(nic[key])
            )
    for key in ("ipv4_prefixes", "ipv6_prefixes"):
        if nic.get(key):
            result[key.replace("_", "-")] = ",".join(nic[key])
    return result


def _maintenance(
    settings: t.Mapping[str, t.Any], switches: t.Mapping[str, t.Any], now: float, started: float
) -> t.Dict[str, t.Any]:
    events = [
        {key: value for key, value in event.items() if key != "appears_at"}
        for event in settings["system_events"]
        if appeared(event, now, started)
    ]
    if not events and switches["events_format"] == "json-or-404":
        return {}
    return {"active-system-events": json.dumps(events, separators=(",", ":"))}


def timed(settings: t.Mapping[str, t.Any]) -> t.List[t.Mapping[str, t.Any]]:
    """Return the settings that have a time at which they appear: system events and the spot reclamation."""
    items = list(settings.get("system_events", []))
    if settings.get("spot"):
        items.append(settings["spot"])
    return [item for item in items if item.get("appears_at") is not None]


def appeared(item: t.Mapping[str, t.Any], now: float, started: float) -> bool:
    """Return whether the time `appears_at` of a setting has passed."""
    when = item.get("appears_at")
    return when is None or moment(when, started) <= now


def iso(value: t.Union[str, int, float], started: float) -> str:
    """Return an ISO time. Text is returned unchanged, so that invalid times can be tested."""
    return value if isinstance(value, str) else to_iso(moment(value, started))


def _apply_overrides(meta: t.Dict[str, t.Any], overrides: t.Mapping[t.Tuple[str, ...], t.Optional[str]]) -> None:
    for path, value in overrides.items():
        if not path:
            continue
        parents: t.List[t.Dict[str, t.Any]] = [meta]
        for part in path[:-1]:
            below = parents[-1].get(part)
            if not isinstance(below, dict):
                if value is None:
                    break
                below = {}
                parents[-1][part] = below
            parents.append(below)
        if len(parents) < len(path):
            continue
        if value is not None:
            parents[-1][path[-1]] = value
            continue
        parents[-1].pop(path[-1], None)
        for depth in range(len(parents) - 1, 0, -1):  # empty directories are absent
            if not parents[depth]:
                del parents[depth - 1][path[depth - 1]]
