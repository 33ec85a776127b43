# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read launch templates and images of some or all regions. A region that cannot be read does not affect the others."""

import concurrent.futures
import typing as t

from ..._common._protocol import Protocol
from ..._openapi._errors import ApiError
from .. import _select
from ._template import Raw, Template, Version, parse_template, parse_version

T = t.TypeVar("T")
Read = t.Callable[[str, t.Optional[float]], T]


class Regions(Protocol):
    """The part of the API that lists regions and checks permissions."""

    def describe_regions(self) -> t.List[str]:
        """Return the IDs of all regions."""

    def is_permitted(self, region: str, action: str, limit: t.Optional[float] = None) -> bool:
        """Return whether the RAM policies permit the operation."""


class Reader(Protocol):
    """The part of the API that reads launch templates and images."""

    def templates(
        self, region: str, ids: t.Optional[t.Sequence[str]] = None, limit: t.Optional[float] = None
    ) -> t.Sequence[Raw]:
        """Return the launch templates of a region, or those with these IDs."""

    def versions(
        self, region: str, template_id: str, number: t.Optional[int] = None, limit: t.Optional[float] = None
    ) -> t.Sequence[Raw]:
        """Return the versions of a launch template."""

    def own_images(self, region: str, limit: t.Optional[float] = None) -> t.Sequence[Raw]:
        """Return the custom images of a region."""

    def images(self, region: str, ids: t.Sequence[str], limit: t.Optional[float] = None) -> t.Mapping[str, Raw]:
        """Return images by ID."""


class Found(t.NamedTuple):
    """A launch template, all its versions by number, and the images that they use (None if these could not be read)."""

    template: Template
    versions: t.Dict[int, Version]
    images: t.Optional[t.Mapping[str, Raw]]


def regions_of(api: Regions, chosen: t.Sequence[str]) -> t.Tuple[t.List[str], t.Optional[float]]:
    """Return the IDs of the chosen regions, and with all regions the deadline of a region in seconds, else None.

    Raises:
        ValueError: A region ID is invalid.
        ApiError: The list of all regions cannot be read.
    """
    _select.Selection(chosen).validate()
    if _select.ALL_REGIONS in chosen:
        return api.describe_regions(), _select.REGION_DEADLINE
    return list(dict.fromkeys(chosen)), None


def read_each(
    regions: t.Sequence[str], limit: t.Optional[float], workers: int, read: Read[T]
) -> t.Tuple[t.Dict[str, T], t.Dict[str, ApiError]]:
    """Call *read* with each region and *limit* concurrently, and return the results and the errors by region."""
    results: t.Dict[str, T] = {}
    failures: t.Dict[str, ApiError] = {}

    def one(region: str) -> None:
        try:
            results[region] = read(region, limit)
        except ApiError as exc:
            failures[region] = exc

    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, min(workers, len(regions)))) as pool:
        for _result in pool.map(one, regions):
            pass
    return results, {it: failures[it] for it in regions if it in failures}


class Survey:
    """Read launch templates, and on request custom images, with at most *workers* concurrent calls in a region."""

    def __init__(self, api: Reader, regions: Regions, workers: int) -> None:
        self._api = api
        self._regions = regions
        self._workers = workers

    def templates(
        self, region: str, ids: t.Optional[t.Sequence[str]], limit: t.Optional[float]
    ) -> t.Tuple[t.List[Found], t.List[str]]:
        """Return the launch templates of a region with their versions and images, and the errors of those that could not be read.

        Raises:
            ApiError: The launch templates cannot be listed.
        """
        listed = [parse_template(row, region) for row in self._api.templates(region, ids, limit)]
        errors: t.List[str] = []

        def versions(template: Template) -> t.Dict[int, Version]:
            try:
                rows = self._api.versions(region, template.template_id, None, limit)
            except ApiError as exc:
                errors.append("%s: %s" % (template.template_id, exc))
                return {}
            return {it.number: it for it in map(parse_version, rows)}

        with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, min(self._workers, len(listed)))) as pool:
            by_template = list(pool.map(versions, listed))
        wanted = {it.image_id for known in by_template for it in known.values() if it.image_id is not None}
        images = self.images(region, wanted, limit, errors)
        return [Found(template, known, images) for template, known in zip(listed, by_template)], errors

    def own_images(self, region: str, limit: t.Optional[float]) -> t.Dict[str, Raw]:
        """Return the custom images of a region by ID.

        Raises:
            ApiError: They cannot be listed, or this is not permitted.
        """
        found = {str(row["ImageId"]): row for row in self._api.own_images(region, limit)}
        self._check_permission(region, found, limit)
        return found

    def named_images(self, region: str, ids: t.Sequence[str], limit: t.Optional[float]) -> t.Mapping[str, Raw]:
        """Return images of a region by ID.

        Raises:
            ApiError: They cannot be read, or this is not permitted.
        """
        found = self._api.images(region, ids, limit)
        self._check_permission(region, found, limit)
        return found

    def images(
        self, region: str, wanted: t.Collection[str], limit: t.Optional[float], errors: t.List[str]
    ) -> t.Optional[t.Mapping[str, Raw]]:
        """Return images of a region by ID; None if they cannot be read, which is added to *errors*."""
        if not wanted:
            return {}
        try:
            return self.named_images(region, sorted(wanted), limit)
        except ApiError as exc:
            errors.append("Cannot read the images that are used in %s. %s" % (region, exc))
            return None

    def _check_permission(self, region: str, found: t.Collection[str], limit: t.Optional[float]) -> None:
        # Without permission the API returns an empty list, not an error.
        if not found and not self._regions.is_permitted(region, "DescribeImages", limit):
            raise ApiError(
                "forbidden",
                "DescribeImages in %s returned no images, because it is not permitted" % region,
                hint="Grant the RAM action ecs:DescribeImages to the access key's identity",
            )
