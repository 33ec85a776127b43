# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An instance as DescribeInstances returns it, reduced to what decisions are made of. No I/O; private to the collection."""

from __future__ import annotations

import typing as t

# The tag that Container Service for Kubernetes puts on its nodes; its value is the ID of the cluster.
ACK_TAG = "ack.aliyun.com"

Raw = t.Mapping[str, t.Any]


class Options(t.NamedTuple):
    """Metadata options, each as the API spells it; None where it is not known, or, in a wish, to be kept."""

    http_endpoint: t.Optional[str] = None
    http_tokens: t.Optional[str] = None
    instance_metadata_tags: t.Optional[str] = None

    def over(self, present: Options) -> Options:
        """*present*, with what is wished for here put over it."""
        return Options(*(mine if mine is not None else theirs for mine, theirs in zip(self, present)))

    def as_dict(self) -> t.Dict[str, t.Optional[str]]:
        return dict(self._asdict())


# what the service does for an instance whose options were never touched
DEFAULTS = Options("enabled", "optional", "disabled")


class Instance(t.NamedTuple):
    """``options`` is None where the API did not return them: such an instance is never judged and never changed."""

    instance_id: str
    region_id: str
    name: str
    os_type: str
    status: str
    image_id: str
    vpc_id: str
    tags: t.Dict[str, str]
    options: t.Optional[Options]

    @property
    def is_windows(self) -> bool:
        return self.os_type == "windows"

    @property
    def ack_cluster(self) -> t.Optional[str]:
        """The cluster that this instance is a node of, None if it is none."""
        return self.tags.get(ACK_TAG)


def parse(raw: Raw, region_id: str, empty_means_default: bool) -> Instance:
    """One item of DescribeInstances that was asked for with META_OPTIONS.

    The API may return the options empty. That is probably an instance whose options were never touched, but the
    documentation does not say so: only with *empty_means_default* are they taken for enabled and optional.
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
    )


def _options(raw: t.Optional[Raw], empty_means_default: bool) -> t.Optional[Options]:
    if not isinstance(raw, dict):
        return None
    names = ("HttpEndpoint", "HttpTokens", "InstanceMetadataTags")
    options = Options(*(str(raw[name]).lower() if raw.get(name) else None for name in names))
    if empty_means_default:
        return options.over(DEFAULTS)
    return options if options.http_endpoint and options.http_tokens else None
