# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Select instances by ID, tag, name or VPC in some or all regions."""

import concurrent.futures
import re
import typing as t

from .._common._protocol import Protocol
from .._openapi._errors import ApiError
from ._causes import grouped
from ._instance import Instance, Raw, parse

_INSTANCE_ID = re.compile(r"i-[0-9A-Za-z]+\Z")
_REGION_ID = re.compile(r"[a-z]+(-[a-z0-9]+)+\Z")
ALL_REGIONS = "all"
# With all regions, one that does not respond for so many seconds is given up, so that it does not use up the deadline of the task.
REGION_DEADLINE = 30.0


def is_instance_id(text: t.Any) -> bool:
    """Return whether *text* has the form of an instance ID."""
    return isinstance(text, str) and bool(_INSTANCE_ID.match(text))


def is_region_id(text: t.Any) -> bool:
    """Return whether *text* has the form of a region ID."""
    return isinstance(text, str) and bool(_REGION_ID.match(text))


class PermissionReader(Protocol):
    """The part of the API that reads permissions."""

    def is_permitted(self, region: str, action: str, limit: t.Optional[float] = None) -> bool:
        """Return whether the RAM policies permit the operation."""


class Reader(Protocol):
    """The part of the API that reads instances."""

    def describe_regions(self) -> t.List[str]:
        """Return the IDs of all regions."""

    def instances(
        self,
        region: str,
        *,
        instance_ids: t.Optional[t.Sequence[str]] = None,
        tags: t.Optional[t.Mapping[str, str]] = None,
        name: t.Optional[str] = None,
        vpc_id: t.Optional[str] = None,
        limit: t.Optional[float] = None,
    ) -> t.Iterator[Raw]:
        """Return the instances of a region that match all filters."""

    def is_permitted(self, region: str, action: str, limit: t.Optional[float] = None) -> bool:
        """Return whether the RAM policies permit the operation."""

    def images(self, region: str, image_ids: t.Sequence[str]) -> t.Mapping[str, t.Mapping[str, t.Optional[str]]]:
        """Return ImdsSupport by image ID."""


class Selection(t.NamedTuple):
    """The instances in *regions* (region IDs, or "all") that match all given filters."""

    regions: t.Sequence[str]
    instance_ids: t.Optional[t.Sequence[str]] = None
    tags: t.Optional[t.Mapping[str, str]] = None
    name: t.Optional[str] = None
    vpc_id: t.Optional[str] = None
    empty_means_default: bool = False

    def validate(self) -> "Selection":
        """Return self; raise ValueError for an invalid ID."""
        if not self.regions:
            raise ValueError("Set 'regions' to at least one region ID, or to 'all'.")
        for region in self.regions:
            if region != ALL_REGIONS and not _REGION_ID.match(region):
                raise ValueError("%r in 'regions' is not a region ID, such as cn-hangzhou." % region)
        for instance_id in self.instance_ids or ():
            if not _INSTANCE_ID.match(instance_id):
                raise ValueError(
                    "%r in 'instance_ids' is not an instance ID, such as i-bp1d6tsvznfghy7y0000." % instance_id
                )
        return self


class Found(t.NamedTuple):
    """The selected instances, sorted by region and ID; the number of regions; and the error of each region that could not be listed."""

    instances: t.List[Instance]
    regions: int
    failures: t.Dict[str, ApiError]

    @property
    def problem(self) -> t.Optional[str]:
        """A message about the regions that could not be listed, or None."""
        if not self.failures:
            return None
        causes = grouped(((region, str(exc)) for region, exc in self.failures.items()), "regions")
        return "Cannot list the instances of %d of %d regions. %s" % (len(self.failures), self.regions, causes)


def find(api: Reader, selection: Selection, workers: int) -> t.List[Instance]:
    """Return the selected instances, sorted by region and ID. One API call for each page of 100 instances.

    With all regions, one more call lists them. A region without instances needs one more call, to check the permission.

    Raises:
        ValueError: An instance ID is in none of the regions, or one of several regions cannot be listed.
        ApiError: A call failed or is not permitted.
    """
    found = survey(api, selection, workers)
    if found.problem is not None:
        raise ValueError(found.problem + " To work without these regions, name the others in 'regions'.")
    return found.instances


def survey(api: Reader, selection: Selection, workers: int) -> Found:
    """Return the selected instances of all regions that can be listed, and the errors of the others; see ``find``.

    Raises:
        ValueError: An instance ID is in none of the regions, all of which could be listed.
        ApiError: The only region, or the list of all regions, cannot be read.
    """
    selection.validate()
    regions = list(dict.fromkeys(selection.regions))
    limit: t.Optional[float] = None
    if ALL_REGIONS in regions:
        regions, limit = api.describe_regions(), REGION_DEADLINE
    failures: t.Dict[str, ApiError] = {}

    def read(region: str) -> t.List[Instance]:
        try:
            return in_region(api, selection, region, limit)
        except ApiError as exc:
            failures[region] = exc
            return []

    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, min(workers, len(regions)))) as pool:
        found = [it for some in pool.map(read, regions) for it in some]
    if failures and len(regions) == 1:
        raise failures[regions[0]]
    missing = sorted(set(selection.instance_ids or ()) - {it.instance_id for it in found})
    if missing and not failures:
        raise ValueError(
            "Cannot find %d of the instances in %s with these filters: %s. Check 'instance_ids' and 'regions'."
            % (len(missing), ", ".join(regions), ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else ""))
        )
    ordered = {region: failures[region] for region in regions if region in failures}
    return Found(sorted(found, key=lambda it: (it.region_id, it.instance_id)), len(regions), ordered)


def find_each(api: Reader, selection: Selection, workers: int) -> t.Tuple[t.List[Instance], t.Dict[str, str]]:
    """Return the instances with the IDs of *selection* that were found, and why the others were not, by ID.

    An ID that is unknown or a region that fails does not affect the other instances. Only for a selection by IDs in named regions.
    """
    selection.validate()
    regions = list(dict.fromkeys(selection.regions))
    problems: t.Dict[str, str] = {}

    def read(region: str) -> t.List[Instance]:
        try:
            return in_region(api, selection, region)
        except ApiError as exc:
            problems[region] = str(exc)
            return []

    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, min(workers, len(regions)))) as pool:
        found = [it for some in pool.map(read, regions) for it in some]
    reasons = [
        "The API returned no instance with this ID in %s." % ", ".join(it for it in regions if it not in problems)
    ]
    reasons = (reasons if len(problems) < len(regions) else []) + [problems[it] for it in regions if it in problems]
    known = {it.instance_id for it in found}
    missing = {it: " ".join(reasons) for it in selection.instance_ids or () if it not in known}
    return sorted(found, key=lambda it: (it.region_id, it.instance_id)), missing


def in_region(api: Reader, selection: Selection, region: str, limit: t.Optional[float] = None) -> t.List[Instance]:
    """Return the selected instances of one region; *limit* as in ``Transport.call``. Raise ApiError if they cannot be listed."""
    pages = api.instances(
        region,
        instance_ids=selection.instance_ids,
        tags=selection.tags,
        name=selection.name,
        vpc_id=selection.vpc_id,
        limit=limit,
    )
    found = [parse(raw, region, selection.empty_means_default) for raw in pages]
    check_permission(api, region, len(found), limit)
    return found


def check_permission(api: PermissionReader, region: str, found: int, limit: t.Optional[float] = None) -> None:
    """Raise ApiError if no instances were found because the call is not permitted: then the API returns an empty list, not an error."""
    if not found and not api.is_permitted(region, "DescribeInstances", limit):
        raise ApiError(
            "forbidden",
            "DescribeInstances in %s returned no instances, because it is not permitted" % region,
            hint="Grant the RAM action ecs:DescribeInstances to the access key's identity",
        )


def image_support(api: Reader, instances: t.Iterable[Instance]) -> t.Dict[str, t.Optional[str]]:
    """Return "v1", "v2" or None (no information, or the image was deleted) by image ID. One API call for 100 images of a region."""
    by_region: t.Dict[str, t.Set[str]] = {}
    for instance in instances:
        by_region.setdefault(instance.region_id, set()).add(instance.image_id)
    support: t.Dict[str, t.Optional[str]] = {}
    for region, image_ids in by_region.items():
        found = api.images(region, sorted(image_ids))
        if not found and not api.is_permitted(region, "DescribeImages"):
            raise ApiError(
                "forbidden",
                "DescribeImages in %s returned no images, because it is not permitted" % region,
                hint="Grant the RAM action ecs:DescribeImages to the access key's identity",
            )
        for image_id, image in found.items():
            support[image_id] = image.get("ImdsSupport")
    return support
