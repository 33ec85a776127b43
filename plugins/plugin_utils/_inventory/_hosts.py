# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables, names and addresses of hosts. No I/O.

Names, tags and other values of instances come from anyone with permission to set them. Values stay data; names must be safe as host names.
"""

from __future__ import annotations

import collections
import ipaddress
import re
import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._fleet._instance import Instance, Options, Raw
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._verdict import (
    COMPLIANT,
    ENDPOINT_DISABLED,
    EXEMPT,
    OPTIONAL,
    UNKNOWN,
    judge,
)

from ._options import Naming

Row = t.Dict[str, t.Dict[str, t.Any]]
#: The group of each verdict. A host is in exactly one of them.
GROUPS = {
    OPTIONAL: "imds_optional",
    COMPLIANT: "imds_required",
    ENDPOINT_DISABLED: "imds_disabled",
    EXEMPT: "imds_exempt",
    UNKNOWN: "imds_unknown",
}
# Not at the start: "-", which programs take for an option. Not anywhere: what has a meaning in host patterns, templates or shells.
_NAME = re.compile(r"\w[\w.-]{0,254}\Z")
# Plays for the controller are for "localhost"; the others are groups.
_RESERVED = {"all", "localhost", "localhost.localdomain", "ungrouped", *GROUPS.values()}


def host_row(raw: Raw, instance: Instance, role_arn: str | None, exempt: t.Mapping[str, str]) -> Row:
    """Return the variables of a host (JSON types): ``ecs`` describes the instance, and ``imds`` its metadata options."""
    verdict = judge(instance, exempt)
    options = instance.options or Options()
    network = raw.get("VpcAttributes") or {}
    eip = (raw.get("EipAddress") or {}).get("IpAddress")
    ecs = {
        "instance_id": instance.instance_id,
        "region_id": instance.region_id,
        "zone_id": str(raw.get("ZoneId") or ""),
        "name": instance.name,
        "hostname": str(raw.get("HostName") or ""),
        "status": instance.status,
        "os_type": instance.os_type,
        "instance_type": str(raw.get("InstanceType") or ""),
        "image_id": instance.image_id,
        "vpc_id": instance.vpc_id,
        "vswitch_id": str(network.get("VSwitchId") or ""),
        "security_group_ids": _texts(raw.get("SecurityGroupIds"), "SecurityGroupId"),
        "resource_group_id": str(raw.get("ResourceGroupId") or ""),
        "tags": instance.tags,
        "private_ips": _texts(network.get("PrivateIpAddress"), "IpAddress")
        or _texts(raw.get("InnerIpAddress"), "IpAddress"),
        "public_ips": _texts(raw.get("PublicIpAddress"), "IpAddress") + ([str(eip)] if eip else []),
        "ipv6s": list(_ipv6s(raw)),
        "role_arn": role_arn,
    }
    return {
        "ecs": ecs,
        "imds": {
            **options.as_dict(),
            "verdict": verdict.verdict,
            "reason": verdict.reason,
            "ack_cluster": instance.ack_cluster,
            "is_ack_node": instance.ack_cluster is not None,
            "is_windows": instance.is_windows,
        },
    }


def host_names(rows: t.Sequence[Row], naming: Naming) -> list[str]:
    """Return the name of each host: its first value that is a safe host name and that no other instance has, else its ID.

    A name that two instances have is used for neither, so nobody can replace a host with an instance of the same name.
    """
    choices = [list(dict.fromkeys(_choices(row["ecs"], naming.hostnames))) for row in rows]
    claims = collections.Counter(name for names in choices for name in names)
    ids = {row["ecs"]["instance_id"] for row in rows}
    result = []
    for row, names in zip(rows, choices):
        own = row["ecs"]["instance_id"]
        free = (name for name in names if name == own or (claims[name] == 1 and name not in ids))
        result.append(next(free, own))
    return result


def address(row: Row, naming: Naming) -> str | None:
    """Return the address to connect to, or None."""
    return next((value for source in naming.addresses for value in _addresses(row["ecs"], source)), None)


def _choices(ecs: t.Mapping[str, t.Any], sources: t.Iterable[str]) -> t.Iterator[str]:
    for source in sources:
        if source in ("name", "instance_id"):
            texts = [ecs[source]]
        elif source.startswith("tag:"):
            texts = [ecs["tags"].get(source[len("tag:") :], "")]
        else:
            yield from _addresses(ecs, source)
            continue
        yield from (text for text in texts if is_host_name(text))


def is_host_name(text: str) -> bool:
    """Return whether *text* is safe as a host name: it is no address, and no name with a meaning of its own in Ansible."""
    return bool(_NAME.match(text)) and text.lower() not in _RESERVED and _ip(text) is None and not _is_number(text)


def _is_number(text: str) -> bool:
    """Return whether *text* is an IPv4 address in another notation, such as 127.1."""
    return all(re.match(r"(0x[0-9a-f]*|[0-9]+)\Z", part, re.I) for part in text.split("."))


def _addresses(ecs: t.Mapping[str, t.Any], source: str) -> t.Iterator[str]:
    """Yield the addresses from *source* to which connections are possible."""
    for text in ecs[source + "s"]:
        ip = None if "%" in text else _ip(text)  # no zone: Python accepts any characters in it
        ip = getattr(ip, "ipv4_mapped", None) or ip
        if ip is not None and not (ip.is_loopback or ip.is_unspecified or ip.is_multicast or ip.is_link_local):
            yield str(ip)


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _texts(holder: t.Any, key: str) -> list[str]:
    values = holder.get(key) if isinstance(holder, dict) else None
    return [str(value) for value in values] if isinstance(values, list) else []


def _ipv6s(raw: Raw) -> t.Iterator[str]:
    for interface in (raw.get("NetworkInterfaces") or {}).get("NetworkInterface") or ():
        for item in (interface.get("Ipv6Sets") or {}).get("Ipv6Set") or ():
            if item.get("Ipv6Address"):
                yield str(item["Ipv6Address"])
