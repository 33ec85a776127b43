# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Define the compared trees: an ECS instance and an EC2 instance with the same numbers of directories and leaves.

Both have 65 leaves in 27 directories, 59 of the leaves below ``meta-data/``, and the same depth. `survey.py`
counts them again in the answers of the services.
"""

from __future__ import annotations

import json
from typing import Any

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExample example"
USER_DATA = "#!/bin/sh\necho benchmark\n"


def ecs_instance(more: dict[str, str] | None = None) -> dict[str, Any]:
    """Return an instance of the emulator's configuration; *more* are further leaves below ``meta-data/``."""
    leaves: dict[str, str | None] = {
        "image/market-place/product-code": "cmjj0123456",
        "image/market-place/charge-type": "PrePaid",
        "launch-index": "0",
    }
    leaves.update(more or {})
    return {
        "instance_id": "i-bp1benchmark00000001",
        "http_tokens": "required",
        "eipv4": "47.96.0.10",
        "instance_metadata_tags": "enabled",
        "tags": {"stage": "production"},
        "public_keys": {"skp-bp1one": KEY, "skp-bp1two": KEY},
        "role": {"name": "BenchmarkRole"},
        "user_data": USER_DATA,
        "global_config": {"benchmark": "true"},
        "vendor_data": "#cloud-config\n{}\n",
        "spot": {"termination_time": "2026-04-07T17:03:00Z"},
        "network_interfaces": [_ecs_interface(1), _ecs_interface(2)],
        "disks": [{"serial": f"bp1disk{n}", "id": f"d-bp1disk{n}", "name": f"data{n}"} for n in range(3)],
        "metadata": leaves,
    }


def _ecs_interface(number: int) -> dict[str, Any]:
    address = f"192.168.0.{number}"
    return {
        "mac": f"00:16:3e:00:00:0{number}",
        "network_interface_id": f"eni-bp1{number}",
        "primary_ip_address": address,
        "private_ipv4s": [address],
        "vpc_id": "vpc-bp1",
        "vpc_cidr_block": "192.168.0.0/16",
        "vswitch_id": "vsw-bp1",
        "vswitch_cidr_block": "192.168.0.0/24",
        "netmask": "255.255.255.0",
        "gateway": "192.168.0.253",
    }


def many_leaves(directories: int = 100, leaves_each: int = 50) -> dict[str, str]:
    """Return the leaves of a very large tree, with 40 bytes each, below ``meta-data/bulk/``."""
    return {
        f"bulk/directory-{number:03}/leaf-{leaf:02}": f"value {number:03} {leaf:02} ".ljust(40, ".")
        for number in range(directories)
        for leaf in range(leaves_each)
    }


def ec2_leaves() -> dict[str, str]:
    """Return each leaf of the EC2-like service by its path below ``/latest/``."""
    leaves = {f"meta-data/{path}": value for path, value in _EC2_META_DATA.items()}
    for number, names in ((1, _EC2_INTERFACE), (2, _EC2_INTERFACE[:10])):
        mac = f"0a:00:00:00:00:0{number}"
        leaves.update({f"meta-data/network/interfaces/macs/{mac}/{name}": f"{name}-{number}" for name in names})
    leaves["user-data"] = USER_DATA
    identity = json.dumps({"region": "eu-central-1", "instanceId": "i-0example", "accountId": "123456789012"})
    leaves["dynamic/instance-identity/document"] = identity
    leaves.update({f"dynamic/instance-identity/{name}": "MIIC" * 100 for name in ("pkcs7", "rsa2048", "signature")})
    leaves["dynamic/fws/instance-monitoring"] = "disabled"
    return leaves


_ROLE_KEYS = json.dumps(
    {"Code": "Success", "AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "x" * 40, "Token": "x" * 400}
)
_EC2_INTERFACE = (
    "device-number interface-id local-hostname local-ipv4s mac owner-id security-group-ids security-groups subnet-id"
    " vpc-id ipv4-associations/203.0.113.7"
).split()
_EC2_META_DATA = {
    **{name: f"{name} value" for name in (
        "ami-id ami-launch-index ami-manifest-path hostname instance-action instance-id instance-life-cycle"
        " instance-type local-hostname local-ipv4 mac profile public-hostname public-ipv4 reservation-id"
        " security-groups system"
    ).split()},
    "block-device-mapping/ami": "xvda",
    "block-device-mapping/root": "/dev/xvda",
    "events/maintenance/history": "[]",
    "events/maintenance/scheduled": "[]",
    "events/recommendations/rebalance": json.dumps({"noticeTime": "2026-04-07T17:03:00Z"}),
    "iam/info": json.dumps({"Code": "Success", "InstanceProfileId": "AIPAEXAMPLE"}),
    "iam/security-credentials/BenchmarkRole": _ROLE_KEYS,
    "identity-credentials/ec2/info": json.dumps({"Code": "Success", "AccountId": "123456789012"}),
    "identity-credentials/ec2/security-credentials/ec2-instance": _ROLE_KEYS,
    "metrics/vhostmd": '<?xml version="1.0" encoding="UTF-8"?>',
    "placement/availability-zone": "eu-central-1a",
    "placement/availability-zone-id": "euc1-az2",
    "placement/region": "eu-central-1",
    "public-keys/0/openssh-key": KEY,
    "services/domain": "amazonaws.com",
    "services/partition": "aws",
    "spot/instance-action": json.dumps({"action": "terminate"}),
    "spot/termination-time": "2026-04-07T17:03:00Z",
    "tags/instance/Name": "benchmark",
    "tags/instance/owner": "team",
    "tags/instance/stage": "production",
}  # fmt: skip
