# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Complete the configuration of an instance with plausible values, which are the same at every start."""

from __future__ import annotations

import hashlib
import ipaddress
import typing as t

DEFAULTS: t.Dict[str, t.Any] = {
    "clients": [],
    "listen": None,
    "default": False,
    "http_tokens": "optional",
    "http_endpoint": "enabled",
    "instance_metadata_tags": "disabled",
    "region_id": "cn-hangzhou",
    "image_id": "aliyun_3_x64_20G_alibase_20210425.vhd",
    "instance_type": "ecs.g6e.large",
    "owner_account_id": "1609000000000000",
    "tags": {},
    "public_keys": {},
    "role": None,
    "user_data": None,
    "user_data_base64": None,
    "vendor_data": None,
    "eipv4": None,
    "public_ipv4": None,
    "spot": None,
    "system_events": [],
    "global_config": {},
    "metadata": {},
    "metadata_all": {},
    "faults": [],
    "os_type": "linux",
    "status": "Running",
    "image_imds_support": None,
    "ack_cluster": None,
}


def complete(raw: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
    """Return a validated configuration with a value for every key."""
    settings = dict(DEFAULTS)
    settings.update(raw)
    digest = hashlib.sha256(settings["instance_id"].encode("utf-8")).hexdigest()
    region = settings["region_id"]
    settings.setdefault("zone_id", region + "-i")
    settings.setdefault("hostname", "iz%sz" % digest[:20])
    if settings.get("name"):
        settings["instance_name"] = settings["name"]
    if settings["ack_cluster"]:
        settings["tags"] = {**_ack_tags(settings["ack_cluster"]), **settings["tags"]}
    settings.setdefault("instance_name", "emulated-%s" % digest[:6])
    settings.setdefault(
        "serial_number",
        "-".join((digest[0:8], digest[8:12], "4" + digest[13:16], "8" + digest[17:20], digest[20:32])),
    )
    settings.setdefault("disks", [{"serial": "bp1" + digest[32:49]}])
    settings["disks"] = [_disk(entry) for entry in settings["disks"]]
    interfaces = settings.get("network_interfaces") or [{}]
    settings["network_interfaces"] = [
        _interface(entry, index, digest, settings["clients"]) for index, entry in enumerate(interfaces)
    ]
    return settings


def _ack_tags(cluster: str) -> t.Dict[str, str]:
    """Return the tags that ACK sets on its nodes."""
    return {"ack.aliyun.com": cluster, "ack.alibabacloud.com/nodepool-id": "np" + cluster[-30:]}


def _without_comments(entry: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
    return {key: value for key, value in entry.items() if not key.startswith("#")}


def _disk(entry: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
    disk = {"id": "d-" + entry["serial"], "name": ""}
    disk.update(_without_comments(entry))
    return disk


def _interface(entry: t.Dict[str, t.Any], index: int, digest: str, clients: t.List[str]) -> t.Dict[str, t.Any]:
    pairs = digest[2 * index :] + digest[: 2 * index]
    address = _own_address(index, digest, clients)
    result: t.Dict[str, t.Any] = {
        "mac": "00:16:3e:%s:%s:%s" % (pairs[0:2], pairs[2:4], pairs[4:6]),
        "network_interface_id": "eni-bp1%s" % pairs[6:23],
        "primary_ip_address": address,
        "vpc_id": "vpc-bp1%s" % digest[40:58],
        "vswitch_id": "vsw-bp1%s" % digest[44:62],
    }
    result.update(_without_comments(entry))
    address = result["primary_ip_address"]
    subnet = result.setdefault("vswitch_cidr_block", _network(address, 24))
    result.setdefault("vpc_cidr_block", _network(address, 16))
    result.setdefault("private_ipv4s", [address])
    result.setdefault("netmask", _netmask(subnet))
    result.setdefault("gateway", _gateway(subnet))
    return result


def _own_address(index: int, digest: str, clients: t.List[str]) -> str:
    """Return the client address with this index, as in a VPC, or else an address derived from the instance ID."""
    ipv4 = [client for client in clients if ":" not in client]
    if index < len(ipv4):
        return ipv4[index]
    return "192.168.%d.%d" % (index, 1 + int(digest[:4], 16) % 250)


def _network(address: str, prefix: int) -> str:
    try:
        return str(ipaddress.ip_network("%s/%d" % (address, prefix), strict=False))
    except ValueError:
        return ""


def _netmask(block: str) -> str:
    try:
        return str(ipaddress.ip_network(block, strict=False).netmask)
    except ValueError:
        return ""


def _gateway(block: str) -> str:
    """Return the third-last address, which Alibaba Cloud uses as the gateway (.253 of a /24)."""
    try:
        return str(ipaddress.ip_network(block, strict=False)[-3])
    except (ValueError, IndexError):
        return ""
