# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Select images and change their ImdsSupport to v2 through the API."""

import re
import typing as t

from ..._common._text import one_line
from ..._openapi._ecs import Ecs
from ..._openapi._templates import LaunchTemplates
from ._in_place import Change, Present
from ._operations import check_found, read_selected
from ._survey import Survey
from ._template import Raw
from ._verdict import NO_SUPPORT, WINDOWS, is_windows, support_of

_IMAGE_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}\Z")
CONFIRM = (
    "ImdsSupport v2 cannot be changed back to v1. If cloud-init of a Linux image is older than 23.2.2, instances that require tokens do not"
    " start properly. Check the image, then set 'confirm: true'"
)
_NOT_OWN = "ImageOwnerAlias of the image %s is %s. Only custom images of the account can be changed. Copy the image, and change the copy."


class Images:
    """Change and read images, see ``_in_place.Target``."""

    def __init__(self, api: LaunchTemplates) -> None:
        self._api = api

    def send(self, change: Change) -> str:
        """Send a change, and return the RequestId."""
        return self._api.support_tokens(change.region_id, change.item_id)

    def read(self, region: str, ids: t.Sequence[str]) -> t.Mapping[str, Present]:
        """Return the images by ID."""
        found = self._api.images(region, ids)
        return {name: Present({"imds_support": support_of(image)}) for name, image in found.items()}


def check_options(params: t.Mapping[str, t.Any]) -> None:
    """Raise ValueError for an invalid ID, or if nothing is selected."""
    for name in params["image_ids"] or ():
        if not _IMAGE_ID.match(name):
            raise ValueError("%r in 'image_ids' is not the ID of an image, such as m-bp1abc." % name)
    if not (params["all_images"] or params["image_ids"]):
        raise ValueError("No images are selected. Set 'image_ids', or 'all_images: true'.")


def plan_images(
    api: Ecs, regions: t.Sequence[str], ids: t.Optional[t.Sequence[str]], allow_windows: bool, workers: int
) -> t.List[Change]:
    """Return the changes of the images, sorted by region and ID.

    Raises:
        ValueError: A region cannot be read, or an ID does not exist.
        ApiError: The only region or the list of regions cannot be read.
    """
    survey = Survey(LaunchTemplates(api), api, workers)

    def read(region: str, limit: t.Optional[float]) -> t.List[Change]:
        found = survey.own_images(region, limit) if ids is None else survey.named_images(region, ids, limit)
        return [_plan(region, name, image, allow_windows) for name, image in sorted(found.items())]

    by_region = read_selected(api, regions, workers, read)
    changes = [it for _region, some in sorted(by_region.items()) for it in some]
    check_found(ids, [it.item_id for it in changes], by_region, "images", "image_ids")
    return changes


def unconfirmed(changes: t.Sequence[Change]) -> t.List[Change]:
    """Return the changes without ``confirm``: those that are needed are refused."""
    return [it._replace(refusal="Not changed. %s." % CONFIRM) if it.needed else it for it in changes]


def _plan(region: str, name: str, image: Raw, allow_windows: bool) -> Change:
    support, owner = support_of(image), str(image.get("ImageOwnerAlias") or "unknown")
    refusal = None
    if support == "v2":
        pass
    elif owner != "self":
        refusal = _NOT_OWN % (name, one_line(owner, 20))
    elif support is None:
        refusal = NO_SUPPORT % name
    elif is_windows(image) and not allow_windows:
        refusal = WINDOWS % name
    columns = {"name": str(image.get("ImageName") or ""), "os_type": str(image.get("OSType") or "") or None}
    return Change(name, region, {"imds_support": support}, {"imds_support": "v2"}, refusal, columns)
