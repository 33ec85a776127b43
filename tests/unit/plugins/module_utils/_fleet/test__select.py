# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Instances of several regions, some of which cannot be listed."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._fleet import _select
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._select import Selection, find, survey
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._transport import Settings

from .instances import raw

FORBIDDEN, HANGING = ApiError("forbidden", "Forbidden.RAM"), ApiError("transient", "no response in time")


class Api:
    """Regions with their instances or the error of their calls."""

    def __init__(self, **regions: Any) -> None:
        self.regions = {name.replace("_", "-"): content for name, content in regions.items()}
        self.limits: list[float | None] = []
        self._lock = threading.Lock()

    def describe_regions(self) -> list[str]:
        return list(self.regions)

    def instances(self, region: str, *, instance_ids=None, limit=None, **_filters) -> Any:
        with self._lock:
            self.limits.append(limit)
        if isinstance(self.regions[region], Exception):
            raise self.regions[region]
        names = [name for name in self.regions[region] if instance_ids is None or name in instance_ids]
        return iter([raw(InstanceId=name, RegionId=region) for name in names])

    def is_permitted(self, region: str, _action: str, limit=None) -> bool:
        return not isinstance(self.regions[region], Exception)


ALL = Selection(["all"])


def names(instances: Any) -> list[str]:
    return [it.instance_id for it in instances]


def test_a_region_that_cannot_be_listed_is_named_and_the_others_are_returned() -> None:
    api = Api(cn_a=["i-1"], cn_b=FORBIDDEN, cn_c=HANGING, cn_d=["i-2"])
    found = survey({None: api}, ALL, 4)
    assert names(found.instances) == ["i-1", "i-2"] and list(map(str, found.failures)) == ["cn-b", "cn-c"]
    assert found.problem is not None
    assert found.problem.startswith(
        "Cannot list the instances of 2 of 4 regions. cn-b: Forbidden.RAM. cn-c: no response"
    )


def test_only_with_all_regions_each_has_a_deadline_of_its_own() -> None:
    api = Api(cn_a=["i-1"], cn_b=["i-2"])
    survey({None: api}, ALL, 2)
    assert api.limits == [_select.REGION_DEADLINE] * 2
    assert _select.REGION_DEADLINE <= Settings().deadline / 8, "one that hangs leaves time for the others"
    survey({None: api}, Selection(["cn-a", "cn-b"]), 2)
    assert api.limits[2:] == [None, None]


def test_find_fails_if_one_of_several_regions_cannot_be_listed() -> None:
    """A change of a part would look complete."""
    api = Api(cn_a=["i-1"], cn_b=FORBIDDEN)
    for regions in (["all"], ["cn-a", "cn-b"]):
        with pytest.raises(ValueError, match="1 of 2 regions. cn-b: Forbidden.RAM.*name the others in 'regions'"):
            find({None: api}, Selection(regions), 2)


def test_the_error_of_a_single_region_is_unchanged() -> None:
    with pytest.raises(ApiError) as caught:
        find({None: Api(cn_a=FORBIDDEN)}, Selection(["cn-a"]), 2)
    assert caught.value is FORBIDDEN


def test_an_id_that_may_be_in_a_failed_region_is_not_called_missing() -> None:
    api = Api(cn_a=["i-1"], cn_b=HANGING)
    wanted = Selection(["all"], instance_ids=["i-1", "i-2"])
    assert names(survey({None: api}, wanted, 2).instances) == ["i-1"]
    with pytest.raises(ValueError, match="Cannot find 1 of the instances in cn-a.*i-2"):
        survey({None: Api(cn_a=["i-1"])}, wanted, 2)
