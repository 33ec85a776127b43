# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read whether the images of instances support tokens."""

import typing as t

from .._openapi._errors import ApiError
from ._instance import Instance
from ._select import Apis


def image_support(apis: Apis, instances: t.Iterable[Instance]) -> t.Dict[str, t.Optional[str]]:
    """Return "v1", "v2" or None (no information, or the image was deleted) by image ID. One API call for 100 images of a region."""
    by_place: t.Dict[t.Tuple[t.Optional[str], str], t.Set[str]] = {}
    for instance in instances:
        by_place.setdefault((instance.role_arn, instance.region_id), set()).add(instance.image_id)
    support: t.Dict[str, t.Optional[str]] = {}
    for (role_arn, region), image_ids in by_place.items():
        api = apis[role_arn]
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
