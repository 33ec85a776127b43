# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API calls of Auto Scaling and for launch templates, and invalid responses."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._openapi import _ecs
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._scaling import DEFAULT_ENDPOINT, AutoScaling
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._templates import LaunchTemplates

from .scripted import Server, reply

REGION = "eu-central-1"


@pytest.fixture
def api(make_transport):
    return lambda server: AutoScaling(_ecs.Ecs(make_transport(), server.url), server.url)


def page(*ids: Any, total: Any, **fields: Any):
    rows = [{"ScalingConfigurationId": name} if isinstance(name, str) else name for name in ids]
    content = {"RequestId": "R", "ScalingConfigurations": rows, "TotalCount": total, **fields}
    return reply(content, action="DescribeScalingConfigurations")


def names(rows) -> list[str]:
    return [row["ScalingConfigurationId"] for row in rows]


def test_all_pages_are_read(api) -> None:
    first = ["asc-%d" % number for number in range(50)]
    with Server([page(*first, total=52), page("asc-49", "asc-50", "asc-51", total=53)]) as server:
        assert names(api(server).configurations(REGION)) == [*first, "asc-50", "asc-51"]
    assert [seen.parameters for seen in server.requests] == [
        {"RegionId": REGION, "PageNumber": number, "PageSize": "50"} for number in ("1", "2")
    ]


def test_ids_are_sent_in_groups_of_ten(api) -> None:
    ids = ["asc-%d" % number for number in range(12)]
    with Server([page(*ids[:10], total=10), page(*ids[10:], total=2)]) as server:
        assert names(api(server).configurations(REGION, [*ids, ids[0]])) == ids
    assert server.requests[1].parameters["ScalingConfigurationIds.2"] == "asc-11"
    assert "ScalingConfigurationIds.3" not in server.requests[1].parameters


def test_a_change_has_only_the_options(api) -> None:
    with Server([reply({"RequestId": "R"}, action="ModifyScalingConfiguration")]) as server:
        assert api(server).modify_configuration(REGION, "asc-1", "enabled", "required") == "R"
    assert server.requests[0].parameters == {
        "ScalingConfigurationId": "asc-1", "HttpEndpoint": "enabled", "HttpTokens": "required"
    }  # fmt: skip
    assert server.requests[0].headers["x-acs-version"] == "2022-02-22"


@pytest.mark.parametrize(
    "response",
    [
        page(total=1),
        page("asc-1", total="1"),
        page({"ScalingConfigurationId": 1}, total=1),
        page(None, total=1),
        page("asc-1", total=1, ScalingConfigurations={"ScalingConfiguration": []}),
        page("asc-2", total=1),
    ],
)
def test_an_invalid_page_or_one_with_other_items_is_an_error(api, response) -> None:
    with Server([response]) as server, pytest.raises(ApiError) as caught:
        api(server).configurations(REGION, ["asc-1"])
    assert caught.value.kind == "unexpected"


@pytest.mark.parametrize(
    ("plural", "row", "read"),
    [
        ("LaunchTemplateSets", {"LaunchTemplateId": "lt-2"}, lambda it: it.templates(REGION, ["lt-1"])),
        ("LaunchTemplateVersionSets", {"LaunchTemplateId": "lt-2"}, lambda it: it.versions(REGION, "lt-1")),
        ("Images", {"ImageId": "m-2"}, lambda it: it.images(REGION, ["m-1"])),
    ],
)
def test_templates_and_images_that_were_not_requested_are_an_error(make_transport, plural, row, read) -> None:
    """A task for one launch template must not change another one."""
    content = {"RequestId": "R", "TotalCount": 1, plural: {plural[:-1]: [row]}}
    with Server([reply(content)]) as server, pytest.raises(ApiError, match="not requested"):
        read(LaunchTemplates(_ecs.Ecs(make_transport(), server.url)))


@pytest.mark.parametrize(
    ("region", "host"),
    [("cn-hangzhou", "ess.aliyuncs.com"), ("eu-central-1", "ess.eu-central-1.aliyuncs.com")],
)
def test_some_regions_share_an_endpoint(make_transport, region: str, host: str) -> None:
    transport, urls = make_transport(), []
    transport.call = lambda service, action, region, *_rest: urls.append(service.url(region)) or {"RequestId": "R"}
    scaling = AutoScaling(_ecs.Ecs(transport), DEFAULT_ENDPOINT)
    scaling.modify_configuration(region, "asc-1", "enabled", "required")
    assert urls == ["https://" + host]
