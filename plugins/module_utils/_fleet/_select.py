# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which instances are meant: by ID, tag, name or VPC, in one region, some, or all. Private to the collection."""

from __future__ import annotations

import concurrent.futures
import re
import typing as t

from .._openapi._errors import ApiError
from ._instance import Instance, Raw, parse

_INSTANCE_ID = re.compile(r"i-[0-9A-Za-z]+\Z")
_REGION_ID = re.compile(r"[a-z]+(-[a-z0-9]+)+\Z")
ALL_REGIONS = "all"


class Reader(t.Protocol):
    """What is needed of the API to find instances."""

    def describe_regions(self) -> t.List[str]: ...

    def instances(
        self,
        region: str,
        *,
        instance_ids: t.Optional[t.Sequence[str]] = None,
        tags: t.Optional[t.Mapping[str, str]] = None,
        name: t.Optional[str] = None,
        vpc_id: t.Optional[str] = None,
    ) -> t.Iterator[Raw]: ...

    def may(self, region: str, action: str) -> bool: ...

    def images(self, region: str, image_ids: t.Sequence[str]) -> t.Mapping[str, t.Mapping[str, t.Optional[str]]]: ...


class Selection(t.NamedTuple):
    """Instances in *regions* (region IDs, or "all") that meet every filter given."""

    regions: t.Sequence[str]
    instance_ids: t.Optional[t.Sequence[str]] = None
    tags: t.Optional[t.Mapping[str, str]] = None
    name: t.Optional[str] = None
    vpc_id: t.Optional[str] = None
    empty_means_default: bool = False

    def validate(self) -> Selection:
        """Return self; raise ValueError naming what cannot be an ID."""
        if not self.regions:
            raise ValueError("Give at least one region ID in 'regions', or 'all'.")
        for region in self.regions:
            if region != ALL_REGIONS and not _REGION_ID.match(region):
                raise ValueError("%r in 'regions' is no region ID, such as cn-hangzhou." % region)
        for instance_id in self.instance_ids or ():
            if not _INSTANCE_ID.match(instance_id):
                raise ValueError(
                    "%r in 'instance_ids' is no instance ID, such as i-bp1d6tsvznfghy7y0000." % instance_id
                )
        return self


def find(api: Reader, selection: Selection, workers: int) -> t.List[Instance]:
    """The instances of *selection*, by region and ID; each page of the API is read once.

    Raise ValueError for an ID that is in none of the regions, ApiError where reading fails, or where an empty answer
    only means that reading is not permitted.
    """
    selection.validate()
    regions = list(dict.fromkeys(selection.regions))
    if ALL_REGIONS in regions:
        regions = api.describe_regions()
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, min(workers, len(regions)))) as pool:
        found = [it for some in pool.map(lambda region: _in_region(api, selection, region), regions) for it in some]
    missing = sorted(set(selection.instance_ids or ()) - {it.instance_id for it in found})
    if missing:
        raise ValueError(
            "%d instances are not in %s, or do not meet the other filters: %s. Check 'instance_ids' and 'regions'."
            % (len(missing), ", ".join(regions), ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else ""))
        )
    return sorted(found, key=lambda it: (it.region_id, it.instance_id))


def _in_region(api: Reader, selection: Selection, region: str) -> t.List[Instance]:
    pages = api.instances(
        region,
        instance_ids=selection.instance_ids,
        tags=selection.tags,
        name=selection.name,
        vpc_id=selection.vpc_id,
    )
    found = [parse(raw, region, selection.empty_means_default) for raw in pages]
    # without permission the API answers with an empty list: ask whether that is what happened
    if not found and not api.may(region, "DescribeInstances"):
        raise ApiError(
            "forbidden",
            "DescribeInstances in %s returned no instance because it is not permitted" % region,
            hint="Grant the RAM action ecs:DescribeInstances to the identity behind the access key",
        )
    return found


def image_support(api: Reader, instances: t.Iterable[Instance]) -> t.Dict[str, t.Optional[str]]:
    """Image ID -> "v1", "v2", or None where the image does not say, or is gone."""
    by_region: t.Dict[str, t.Set[str]] = {}
    for instance in instances:
        by_region.setdefault(instance.region_id, set()).add(instance.image_id)
    support: t.Dict[str, t.Optional[str]] = {}
    for region, image_ids in by_region.items():
        for image_id, image in api.images(region, sorted(image_ids)).items():
            support[image_id] = image.get("ImdsSupport")
    return support
