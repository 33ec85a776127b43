# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Select instances by ID, tag, name or VPC in some or all regions."""

import concurrent.futures
import re
import typing as t

from .._common._protocol import Protocol
from .._openapi._errors import ApiError
from ._accounts import Place
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


#: The APIs by account, see ``_accounts``.
Apis = t.Mapping[t.Optional[str], Reader]


class Found(t.NamedTuple):
    """The selected instances, sorted by region and ID, and the error of each place that could not be listed.

    ``places`` is the number of the regions of all accounts.
    """

    instances: t.List[Instance]
    places: int
    failures: t.Dict[Place, ApiError]

    @property
    def problem(self) -> t.Optional[str]:
        """A message about the places that could not be listed, or None."""
        if not self.failures:
            return None
        what = "regions" if all(it.role_arn is None and it.region_id for it in self.failures) else "accounts or regions"
        causes = grouped(((str(place), str(exc)) for place, exc in self.failures.items()), what)
        return "Cannot list the instances of %d of %d %s. %s" % (len(self.failures), self.places, what, causes)


def find(apis: Apis, selection: Selection, workers: int) -> t.List[Instance]:
    """Return the selected instances, sorted by region and ID. One API call for each page of 100 instances.

    With all regions, one more call lists them. A region without instances needs one more call, to check the permission.

    Raises:
        ValueError: An instance ID is in none of the regions, or one of several regions cannot be listed.
        ApiError: A call failed or is not permitted.
    """
    found = survey(apis, selection, workers)
    if found.problem is not None:
        raise ValueError(found.problem + " To work without these regions, name the others in 'regions'.")
    return found.instances


def survey(
    apis: Apis, selection: Selection, workers: int, failures: t.Optional[t.Mapping[Place, ApiError]] = None
) -> Found:
    """Return the selected instances of all places that can be listed, and the errors of the others; see ``find``.

    *failures* has the errors of accounts that are not in *apis*.

    Raises:
        ValueError: An instance ID is in none of the regions, all of which could be listed.
        ApiError: The only region, or the list of all regions of the only account, cannot be read.
    """
    selection.validate()
    failed: t.Dict[Place, ApiError] = dict(failures or {})
    places, limit = _places(apis, selection, failed)
    listed, errors = _read_each(apis, selection, places, workers, limit)
    number = len(places) + len(failed)
    failed.update(errors)
    if failed and number == 1:
        raise next(iter(failed.values()))
    unique = {it.instance_id: it for it in reversed(listed)}  # of an account with two roles, each instance once
    missing = sorted(set(selection.instance_ids or ()) - set(unique))
    if missing and not failed:
        raise ValueError(
            "Cannot find %d of the instances in %s with these filters: %s. Check 'instance_ids' and 'regions'."
            % (
                len(missing),
                ", ".join(map(str, places)),
                ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else ""),
            )
        )
    return Found(_ordered(unique.values()), number, failed)


def _ordered(instances: t.Iterable[Instance]) -> t.List[Instance]:
    return sorted(instances, key=lambda it: (it.region_id, it.instance_id))


def _places(
    apis: Apis, selection: Selection, failures: t.Dict[Place, ApiError]
) -> t.Tuple[t.List[Place], t.Optional[float]]:
    """Return the places to read, and with all regions the deadline of each in seconds. Add accounts that fail to *failures*."""
    regions = list(dict.fromkeys(selection.regions))
    if ALL_REGIONS not in regions:
        return [Place(role, region) for role in apis for region in regions], None
    places: t.List[Place] = []
    for role, api in apis.items():
        try:
            places += [Place(role, region) for region in api.describe_regions()]
        except ApiError as exc:
            failures[Place(role, None)] = exc
    return places, REGION_DEADLINE


def _read_each(
    apis: Apis, selection: Selection, places: t.Sequence[Place], workers: int, limit: t.Optional[float] = None
) -> t.Tuple[t.List[Instance], t.Dict[Place, ApiError]]:
    """Return the instances of all places that can be listed, and the errors of the others."""
    failures: t.Dict[Place, ApiError] = {}

    def read(place: Place) -> t.List[Instance]:
        try:
            found = in_region(apis[place.role_arn], selection, str(place.region_id), limit)
            return found if place.role_arn is None else [it._replace(role_arn=place.role_arn) for it in found]
        except ApiError as exc:
            failures[place] = exc
            return []

    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, min(workers, len(places)))) as pool:
        found = [it for some in pool.map(read, places) for it in some]
    return found, {place: failures[place] for place in places if place in failures}


def find_each(apis: Apis, selection: Selection, workers: int) -> t.Tuple[t.List[Instance], t.Dict[str, str]]:
    """Return the instances with the IDs of *selection* that were found, and why the others were not, by ID.

    An ID that is unknown or a region that fails does not affect the other instances. Only for a selection by IDs in named regions.
    """
    selection.validate()
    places, limit = _places(apis, selection, {})
    listed, failures = _read_each(apis, selection, places, workers, limit)
    unique = {it.instance_id: it for it in reversed(listed)}
    read = ", ".join(str(it) for it in places if it not in failures)
    reasons = ["The API returned no instance with this ID in %s." % read] if read else []
    reasons += [str(failures[it]) for it in places if it in failures]
    missing = {it: " ".join(reasons) for it in selection.instance_ids or () if it not in unique}
    return _ordered(unique.values()), missing


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
