# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create instances with the fields of a launch template, a scaling configuration or a call."""

from __future__ import annotations

import itertools
import typing as t

from ..state import State
from .errors import ApiError
from .images import Images

Fields = t.Dict[str, t.Any]
MOST_INSTANCES = 100


class Launcher:
    """Create instances. Each instance has the metadata options and the image of the fields."""

    def __init__(self, state: State, images: Images) -> None:
        self._state = state
        self._images = images
        self._numbers = itertools.count(1)

    def launch(self, account: str, region: str, data: t.Mapping[str, t.Any], amount: int) -> t.List[str]:
        """Create instances and return their IDs.

        Raises: ApiError.
        """
        image = self._images.known(account, region).get(data.get("ImageId", ""))
        if image is None:
            raise ApiError("InvalidImageId.NotFound")
        if not 1 <= amount <= MOST_INSTANCES:
            raise ApiError("InvalidParameter", name="Amount")
        if data.get("HttpTokens") == "required" and image["image_imds_support"] != "v2":
            raise ApiError("InvalidHttpTokens.NotSupported")
        settings = {
            "region_id": region,
            "zone_id": region + "-a",
            "owner_account_id": account,
            "image_id": image["image_id"],
            "image_imds_support": image["image_imds_support"],
            "os_type": image["os_type"],
            "instance_name": data.get("InstanceName", ""),
            "http_endpoint": data.get("HttpEndpoint", "enabled"),
            "http_tokens": data.get("HttpTokens", "optional"),
            "clients": [],
        }
        return [
            self._state.create({**settings, "instance_id": "i-launched%08d" % next(self._numbers)})
            for _number in range(amount)
        ]
