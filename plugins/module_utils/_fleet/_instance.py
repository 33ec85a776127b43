# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An instance as DescribeInstances returns it, reduced to the fields that are used here. No I/O."""

import typing as t

# The tag that Container Service for Kubernetes puts on its nodes; its value is the ID of the cluster.
ACK_TAG = "ack.aliyun.com"

Raw = t.Mapping[str, t.Any]


class Options(t.NamedTuple):
    """Metadata options as the API spells them; None means unknown or, in desired options, unchanged."""

    http_endpoint: t.Optional[str] = None
    http_tokens: t.Optional[str] = None
    instance_metadata_tags: t.Optional[str] = None

    def merged_into(self, present: "Options") -> "Options":
        """Return *present*, with the options that are set here replaced."""
        return Options(*(new if new is not None else old for new, old in zip(self, present)))

    def as_dict(self) -> t.Dict[str, t.Optional[str]]:
        """Return the options by name."""
        return dict(self._asdict())


# The options of an instance for which nobody ever set any.
DEFAULTS = Options("enabled", "optional", "disabled")


class Instance(t.NamedTuple):
    """An instance. ``options`` is None if the API did not return them: its verdict is unknown, and it is not changed."""

    instance_id: str
    region_id: str
    name: str
    os_type: str
    status: str
    image_id: str
    vpc_id: str
    tags: t.Dict[str, str]
    options: t.Optional[Options]
    addresses: t.FrozenSet[str] = frozenset()  # private IPv4 and IPv6 addresses
    role_arn: t.Optional[str] = (
        None  # the role that was assumed for its account, None for the account of the credentials
    )

    @property
    def is_windows(self) -> bool:
        """Whether the operating system is Windows."""
        return self.os_type == "windows"

    @property
    def ack_cluster(self) -> t.Optional[str]:
        """The ID of the ACK cluster that the instance is a node of, or None."""
        return self.tags.get(ACK_TAG)


def parse(raw: Raw, region_id: str, empty_means_default: bool) -> Instance:
    """Parse an item of DescribeInstances, which was called with META_OPTIONS.

    The API may return empty options, probably for an instance for which nobody ever set any. The vendor does not document this, so
    they count as the defaults (endpoint enabled, tokens optional) only with *empty_means_default*.
    """
    tags = raw.get("Tags") or {}
    return Instance(
        instance_id=str(raw["InstanceId"]),
        region_id=str(raw.get("RegionId") or region_id),
        name=str(raw.get("InstanceName") or ""),
        os_type=str(raw.get("OSType") or "").lower(),
        status=str(raw.get("Status") or ""),
        image_id=str(raw.get("ImageId") or ""),
        vpc_id=str((raw.get("VpcAttributes") or {}).get("VpcId") or ""),
        tags={str(tag["TagKey"]): str(tag.get("TagValue") or "") for tag in tags.get("Tag") or []},
        options=_options(raw.get("MetadataOptions"), empty_means_default),
        addresses=frozenset(_addresses(raw)),
    )


def missing(instance_id: str) -> Instance:
    """Return an instance that the API did not return."""
    return Instance(instance_id, "", "", "", "", "", "", {}, None)


def _addresses(raw: Raw) -> t.Iterator[str]:
    """Yield the private addresses of all network interfaces."""
    for holder in (raw.get("InnerIpAddress"), (raw.get("VpcAttributes") or {}).get("PrivateIpAddress")):
        yield from map(str, (holder or {}).get("IpAddress") or ())
    for interface in (raw.get("NetworkInterfaces") or {}).get("NetworkInterface") or ():
        if interface.get("PrimaryIpAddress"):
            yield str(interface["PrimaryIpAddress"])
        for item in (interface.get("PrivateIpSets") or {}).get("PrivateIpSet") or ():
            yield str(item.get("PrivateIpAddress"))
        for item in (interface.get("Ipv6Sets") or {}).get("Ipv6Set") or ():
            yield str(item.get("Ipv6Address"))


def _options(raw: t.Optional[Raw], empty_means_default: bool) -> t.Optional[Options]:
    if not isinstance(raw, dict):
        return None
    names = ("HttpEndpoint", "HttpTokens", "InstanceMetadataTags")
    options = Options(*(str(raw[name]).lower() if raw.get(name) else None for name in names))
    if empty_means_default:
        return options.merged_into(DEFAULTS)
    return options if options.http_endpoint and options.http_tokens else None
