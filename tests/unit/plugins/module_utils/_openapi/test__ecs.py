# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API calls of each operation, and invalid responses."""

from __future__ import annotations

import json

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._openapi import _ecs
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError

from .scripted import Server, failure, reply

REGION = "cn-beijing"


@pytest.fixture
def api(make_transport):
    return lambda server: _ecs.Ecs(make_transport(), server.url)


def page(*ids: str, token: str | None = "", **fields):
    rows = [{"InstanceId": name, **fields} for name in ids]
    content = {"RequestId": "R", "Instances": {"Instance": rows}, "TotalCount": 0, "NextToken": token}
    return reply(content, action="DescribeInstances")


def ids(rows) -> list[str]:
    return [row["InstanceId"] for row in rows]


PARAMETERS = {"RegionId": REGION, "MaxResults": "100", "AdditionalAttributes.1": "META_OPTIONS"}


def test_each_page_is_read_once(api) -> None:
    with Server([page("i-1", "i-2", token="t1"), page(token="t2"), page("i-3", token=None)]) as server:
        assert ids(api(server).instances(REGION)) == ["i-1", "i-2", "i-3"]
    assert [seen.parameters for seen in server.requests] == [
        PARAMETERS, {**PARAMETERS, "NextToken": "t1"}, {**PARAMETERS, "NextToken": "t2"}
    ]  # fmt: skip


def test_a_page_is_read_only_when_it_is_needed(api) -> None:
    with Server([page("i-1", token="t1")]) as server:
        assert next(api(server).instances(REGION))["InstanceId"] == "i-1"


def test_every_filter_is_sent(api) -> None:
    with Server([page("i-1")]) as server:
        tags = {"env": "prod", "any": None}
        filters = {"name": "web-*", "vpc_id": "vpc-1", "http_tokens": "optional"}
        assert ids(api(server).instances(REGION, tags=tags, **filters)) == ["i-1"]
    assert server.requests[0].parameters == {
        **PARAMETERS, "InstanceName": "web-*", "VpcId": "vpc-1", "HttpTokens": "optional",
        "Tag.1.Key": "env", "Tag.1.Value": "prod", "Tag.2.Key": "any",
    }  # fmt: skip


def test_a_call_has_a_hundred_ids_at_most(api) -> None:
    wanted = ["i-%d" % n for n in range(250)]
    with Server([page(*wanted[:100]), page(*wanted[100:200]), page(*wanted[200:])]) as server:
        assert ids(api(server).instances(REGION, instance_ids=wanted + wanted[:3])) == wanted
    assert [len(json.loads(seen.parameters["InstanceIds"])) for seen in server.requests] == [100, 100, 50]


def test_an_empty_list_of_ids_needs_no_call(api) -> None:
    with Server([]) as server:
        assert list(api(server).instances(REGION, instance_ids=[])) == []


def test_instances_beyond_the_limit_of_tags_are_found(api, monkeypatch) -> None:
    monkeypatch.setattr(_ecs, "TAG_LIMIT", 2)
    prod = {"Tags": {"Tag": [{"TagKey": "env", "TagValue": "prod"}]}}
    rows = [{"InstanceId": "i-1", **prod}, {"InstanceId": "i-3", **prod}, {"InstanceId": "i-4"}]
    everything = reply({"Instances": {"Instance": rows}})
    with Server([page("i-1", "i-2", **prod), everything]) as server:
        assert ids(api(server).instances(REGION, tags={"env": "prod"}, vpc_id="v")) == ["i-1", "i-2", "i-3"]
    assert server.requests[1].parameters == {**PARAMETERS, "VpcId": "v"}


@pytest.mark.parametrize(
    "bad",
    [
        reply({"RequestId": "R"}),
        reply({"Instances": {}}),
        reply({"Instances": []}),
        reply({"Instances": {"Instance": None}}),
        reply({"Instances": {"Instance": {"InstanceId": "i-1"}}}),
        reply({"Instances": {"Instance": [{"InstanceId": "i-1"}, {}]}}),
        reply({"Instances": {"Instance": ["i-1"]}}),
        page("i-9", token=5),
        page("i-9", token="t1"),  # the token of this page
        reply(b'{"Instances": {"Instance": [{"InstanceId": "i-'),
        reply(b"<html>hello</html>"),
    ],
)
def test_an_invalid_page_is_an_error(api, bad) -> None:
    with Server([page("i-1", token="t1"), bad]) as server:
        got = []
        with pytest.raises(ApiError, match="DescribeInstances in cn-beijing") as caught:
            got.extend(api(server).instances(REGION))
    assert caught.value.kind == "unexpected"


def test_an_option_that_is_none_is_not_sent(api) -> None:
    with Server([reply({"RequestId": "R-1"}, action="ModifyInstanceMetadataOptions")] * 2) as server:
        ecs = api(server)
        assert ecs.modify_metadata_options(REGION, "i-1", "enabled", "required") == "R-1"
        ecs.modify_metadata_options(REGION, "i-1", "enabled", "required", "disabled")
    sent = {"RegionId": REGION, "InstanceId": "i-1", "HttpEndpoint": "enabled", "HttpTokens": "required"}
    assert [seen.parameters for seen in server.requests] == [sent, {**sent, "InstanceMetadataTags": "disabled"}]


def test_the_regions_are_read_with_one_call(api) -> None:
    with Server(
        [reply({"Regions": {"Region": [{"RegionId": "a"}, {"RegionId": "b"}]}}, action="DescribeRegions")]
    ) as server:
        assert api(server).describe_regions() == ["a", "b"]


@pytest.mark.parametrize("broken", [("cn-hangzhou",), ("cn-hangzhou", "cn-beijing")])
def test_the_regions_are_read_from_another_region_if_one_does_not_respond(make_transport, timer, broken) -> None:
    listed = reply({"Regions": {"Region": [{"RegionId": "a"}]}}, action="DescribeRegions")

    def answer(seen):
        return failure("ServiceUnavailable", 503) if seen.path.strip("/") in broken else listed

    with Server(answer) as server:
        found = _ecs.Ecs(make_transport(retries=100), server.url + "/{region}").describe_regions()
    assert found == ["a"] and timer.elapsed <= 20 * len(broken)


def test_a_missing_permission_for_regions_is_an_error_at_once(api) -> None:
    with Server([failure("Forbidden.RAM", 403)]) as server:
        with pytest.raises(ApiError, match="ecs:DescribeRegions"):
            api(server).describe_regions()


def test_a_call_has_a_hundred_images_at_most(api) -> None:
    wanted = ["m-%d" % n for n in range(101)]
    rows = [
        {"ImageId": "m-0", "Features": {"ImdsSupport": "v2"}},
        {"ImageId": "m-1", "Features": {}},
        {"ImageId": "m-2"},
    ]
    answers = [reply({"Images": {"Image": part}}, action="DescribeImages") for part in (rows, [])]
    with Server(answers) as server:
        assert api(server).images(REGION, wanted + ["m-0"]) == {
            "m-0": {"ImdsSupport": "v2"}, "m-1": {"ImdsSupport": None}, "m-2": {"ImdsSupport": None}
        }  # fmt: skip
    assert [seen.parameters["ImageId"].count(",") for seen in server.requests] == [99, 0]
    assert "Deprecated" in server.requests[0].parameters["Status"]


@pytest.mark.parametrize(
    ("answer", "allowed"),
    [(failure("DryRunOperation"), True), (failure("Forbidden.RAM", 403), False), (failure("NoPermission", 403), False)],
)
def test_a_dry_run_distinguishes_a_missing_permission_from_an_empty_list(api, answer, allowed) -> None:
    with Server([answer]) as server:
        assert api(server).is_permitted(REGION, "DescribeInstances") is allowed
    assert server.requests[0].parameters == {"RegionId": REGION, "DryRun": "True"}


@pytest.mark.parametrize("answer", [page("i-1"), failure("InvalidAccessKeyId.NotFound", 404)])
def test_an_unexpected_response_to_a_dry_run_is_an_error(api, answer) -> None:
    with Server([answer]) as server:
        with pytest.raises(ApiError):
            api(server).is_permitted(REGION, "DescribeInstances")


def test_an_operation_without_dry_run_is_not_sent(api) -> None:
    with Server([]) as server:
        with pytest.raises(ValueError, match="does not support a dry run"):
            api(server).is_permitted(REGION, "ModifyInstanceMetadataOptions")
