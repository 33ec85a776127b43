# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operations of the ECS API for launch templates and images.

They return the fields of the API unchanged. All raise ApiError.
"""

import typing as t

from . import _errors
from ._ecs import PAGE, Ecs
from ._paging import numbered_pages, requested

Fields = t.Dict[str, t.Any]
#: Rows in a page of launch templates or versions, the documented maximum of the older API reference.
TEMPLATE_PAGE = 50
_ALL_STATES = "Creating,Waiting,Available,UnAvailable,CreateFailed,Deprecated"


class LaunchTemplates:
    """Call operations for launch templates and images in any region. Thread-safe."""

    def __init__(self, api: Ecs) -> None:
        self._api = api

    def templates(
        self, region: str, ids: t.Optional[t.Sequence[str]] = None, limit: t.Optional[float] = None
    ) -> t.List[Fields]:
        """Return the launch templates of a region, or those with these IDs. One API call for each page of 50 templates."""
        if ids is None:
            return list(self._pages("DescribeLaunchTemplates", region, {}, "LaunchTemplateSets", limit))
        unique = list(dict.fromkeys(ids))
        found: t.List[Fields] = []
        for start in range(0, len(unique), TEMPLATE_PAGE):
            ids = unique[start : start + TEMPLATE_PAGE]
            chosen = {"LaunchTemplateId": ids}
            found += self._requested("DescribeLaunchTemplates", region, chosen, "LaunchTemplateSets", limit, ids)
        return found

    def versions(
        self, region: str, template_id: str, number: t.Optional[int] = None, limit: t.Optional[float] = None
    ) -> t.List[Fields]:
        """Return all versions of a launch template, or the one with *number*, with their LaunchTemplateData."""
        filters: Fields = {"LaunchTemplateId": template_id, "DetailFlag": True}
        if number is not None:
            filters["LaunchTemplateVersion"] = [number]
        action, plural = "DescribeLaunchTemplateVersions", "LaunchTemplateVersionSets"
        return self._requested(action, region, filters, plural, limit, [template_id])

    def create_version(self, region: str, template_id: str, parameters: t.Mapping[str, t.Any]) -> int:
        """Create a version of a launch template and return its number. One API call, which is not repeated after a failure."""
        action = "CreateLaunchTemplateVersion"
        given = {**parameters, "RegionId": region, "LaunchTemplateId": template_id}
        number = self._api.call(action, region, given, repeatable=False).get("LaunchTemplateVersionNumber")
        if isinstance(number, int) and number > 0:
            return number
        raise _errors.unexpected(self._api.where(action, region), "a response without the number of the version")

    def set_default_version(self, region: str, template_id: str, number: int) -> str:
        """Make a version the default of its launch template, and return the RequestId. One API call."""
        parameters = {"RegionId": region, "LaunchTemplateId": template_id, "DefaultVersionNumber": number}
        return str(self._api.call("ModifyLaunchTemplateDefaultVersion", region, parameters).get("RequestId", ""))

    def own_images(self, region: str, limit: t.Optional[float] = None) -> t.List[Fields]:
        """Return the custom images of the account in a region. One API call for each page of 100 images."""
        filters = {"ImageOwnerAlias": "self", "Status": _ALL_STATES}
        return list(self._pages("DescribeImages", region, filters, "Images", limit, "ImageId", PAGE))

    def images(self, region: str, ids: t.Sequence[str], limit: t.Optional[float] = None) -> t.Dict[str, Fields]:
        """Return the images that exist by ID. One API call for each 100 images."""
        unique = list(dict.fromkeys(ids))
        found: t.Dict[str, Fields] = {}
        for start in range(0, len(unique), PAGE):
            chosen = unique[start : start + PAGE]
            filters = {"ImageId": ",".join(chosen), "Status": _ALL_STATES}
            for row in self._requested("DescribeImages", region, filters, "Images", limit, chosen, "ImageId", PAGE):
                found[row["ImageId"]] = row
        return found

    def support_tokens(self, region: str, image_id: str) -> str:
        """Set ImdsSupport of an image to v2, which cannot be undone, and return the RequestId. One API call."""
        parameters = {"RegionId": region, "ImageId": image_id, "Features": {"ImdsSupport": "v2"}}
        return str(self._api.call("ModifyImageAttribute", region, parameters).get("RequestId", ""))

    def _requested(
        self,
        action: str,
        region: str,
        filters: t.Mapping[str, t.Any],
        plural: str,
        limit: t.Optional[float],
        ids: t.Collection[str],
        key: str = "LaunchTemplateId",
        size: int = TEMPLATE_PAGE,
    ) -> t.List[Fields]:
        rows = list(self._pages(action, region, filters, plural, limit, key, size))
        return requested(rows, key, ids, self._api.where(action, region))

    def _pages(
        self,
        action: str,
        region: str,
        filters: t.Mapping[str, t.Any],
        plural: str,
        limit: t.Optional[float],
        key: str = "LaunchTemplateId",
        size: int = TEMPLATE_PAGE,
    ) -> t.Iterator[Fields]:
        return numbered_pages(
            lambda paging: self._api.call(action, region, {**filters, "RegionId": region, **paging}, limit),
            lambda page: self._api.rows(page, action, region, plural, key),
            lambda row: (row[key], row.get("VersionNumber")),
            self._api.where(action, region),
            size,
        )
