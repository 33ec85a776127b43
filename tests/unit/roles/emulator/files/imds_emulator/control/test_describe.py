# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters and fields of DescribeInstances."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest

from .caller import Caller

pytestmark = pytest.mark.slow

Make = Callable[..., Any]
EMPTY = {"HttpEndpoint": "", "HttpPutResponseHopLimit": 0, "HttpTokens": "", "InstanceMetadataTags": ""}


def options(caller: Caller, region: str, **parameters: Any) -> Any:
    return caller.describe(region, **parameters).instances()[0]["MetadataOptions"]


def test_fields(caller: Caller, region: str, new_instance: Make) -> None:
    made = new_instance(
        name="web-1",
        os_type="windows",
        status="Stopped",
        image_id="m-1",
        zone_id="z-1",
        tags={"b": "2", "a": ""},
        eipv4="47.1.2.3",
        network_interfaces=[{"vpc_id": "vpc-1", "vswitch_id": "vsw-1", "primary_ip_address": "10.0.0.9"}],
    )
    row = caller.describe(region).instances()[0]
    expected = {
        "InstanceId": made.id,
        "InstanceName": "web-1",
        "OSType": "windows",
        "Status": "Stopped",
        "ImageId": "m-1",
        "RegionId": region,
        "ZoneId": "z-1",
        "Tags": {"Tag": [{"TagKey": "b", "TagValue": "2"}, {"TagKey": "a", "TagValue": ""}]},
    }
    assert {key: row[key] for key in expected} == expected
    assert row["VpcAttributes"]["VpcId"] == "vpc-1" and row["EipAddress"]["IpAddress"] == "47.1.2.3"
    assert row["VpcAttributes"]["PrivateIpAddress"]["IpAddress"] == ["10.0.0.9"]


def test_what_the_guest_reads_is_the_same(caller: Caller, region: str, new_instance: Make) -> None:
    made = new_instance(listen="127.0.0.1:0")
    row = caller.describe(region).instances()[0]
    paths = {"InstanceId": "instance-id", "ZoneId": "zone-id", "SerialNumber": "serial-number", "HostName": "hostname"}
    for field, path in paths.items():
        assert row[field] == made.get("/latest/meta-data/" + path).text
    assert row["NetworkInterfaces"]["NetworkInterface"][0]["MacAddress"] == made.get("/latest/meta-data/mac").text


def test_options_only_when_asked_for(caller: Caller, region: str, new_instance: Make) -> None:
    new_instance(http_tokens="required", instance_metadata_tags="enabled")
    two = {"HttpEndpoint": "", "HttpTokens": ""}
    assert options(caller, region) == two
    assert options(caller, region, **{"AdditionalAttributes.1": "DDH_CLUSTER"}) == two
    asked = {"AdditionalAttributes.1": "DDH_CLUSTER", "AdditionalAttributes.2": "META_OPTIONS"}
    shown = options(caller, region, **asked)
    assert shown == {
        "HttpEndpoint": "enabled",
        "HttpPutResponseHopLimit": 0,
        "HttpTokens": "required",
        "InstanceMetadataTags": "enabled",
    }


def test_options_that_were_never_set(caller: Caller, region: str, new_instance: Make, control: Make) -> None:
    made = new_instance()
    asked = {"AdditionalAttributes.1": "META_OPTIONS"}
    assert options(caller, region, **asked) == EMPTY
    control(untouched_options="defaults")
    assert (options(caller, region, **asked)["HttpTokens"], options(caller, region)["HttpTokens"]) == ("optional", "")
    control(untouched_options="empty")
    assert caller.modify(region, made.id, HttpTokens="optional").code is None
    assert options(caller, region, **asked)["HttpTokens"] == "optional"


def test_instances_of_another_region_or_account(caller: Caller, region: str, new_instance: Make) -> None:
    new_instance(owner_account_id="1700000000000000")
    new_instance(region_id="cn-first")
    mine = new_instance()
    assert caller.describe(region).ids() == [mine.id]


def test_key_of_another_account(address: str, region: str, new_instance: Make, control: Make) -> None:
    new_instance()
    theirs = new_instance(owner_account_id="1700000000000000")
    control(access_keys={"LTAIother": {"secret": "s", "account": "1700000000000000"}})
    assert Caller(address, "LTAIother", "s").describe(region).ids() == [theirs.id]


def test_by_id(caller: Caller, region: str, new_instance: Make) -> None:
    one, two, _three = new_instance(), new_instance(), new_instance()
    assert caller.describe(region, InstanceIds=json.dumps([two.id, one.id, "i-unknown"])).ids() == [one.id, two.id]
    assert caller.describe(region, InstanceIds=json.dumps([one.id] * 2)).ids() == [one.id]


def test_no_ids_are_a_filter_that_nothing_passes(caller: Caller, region: str, new_instance: Make) -> None:
    new_instance()
    reply = caller.describe(region, InstanceIds="[]")
    assert (reply.ids(), reply.data["TotalCount"]) == ([], 0)
    assert caller.describe(region, InstanceIds="[]", MaxResults=50).ids() == []


@pytest.mark.parametrize("text", ["", "i-1", "{}", "[1]", '[""]', json.dumps(["i-%d" % n for n in range(101)])])
def test_malformed_ids(caller: Caller, text: str) -> None:
    reply = caller.describe("cn-first", InstanceIds=text)
    assert (reply.status, reply.code) == (400, "InvalidParameter")


@pytest.mark.parametrize(
    "tags, found",
    [
        ({"Tag.1.Key": "env", "Tag.1.Value": "prod"}, [0, 1]),
        ({"Tag.1.Key": "env"}, [0, 1, 2]),
        ({"Tag.1.Key": "env", "Tag.1.Value": ""}, [0, 1, 2]),
        ({"Tag.1.Key": "env", "Tag.1.Value": "prod", "Tag.2.Key": "team", "Tag.2.Value": "a"}, [0]),
        ({"Tag.3.key": "team", "Tag.3.value": "b"}, [1]),
        ({"Tag.1.Key": "env", "Tag.1.Value": "PROD"}, []),
        ({"Tag.1.Key": "none"}, []),
    ],
)
def test_by_tag(caller: Caller, region: str, new_instance: Make, tags: Any, found: Any) -> None:
    made = [
        new_instance(tags=one) for one in ({"env": "prod", "team": "a"}, {"env": "prod", "team": "b"}, {"env": "x"}, {})
    ]
    assert caller.describe(region, **tags).ids() == [made[number].id for number in found]


@pytest.mark.parametrize(
    "tags, code",
    [
        ({"Tag.1.Value": "x"}, "InvalidTag.Mismatch"),
        ({"Tag.21.Key": "x"}, "InvalidTagCount"),
        ({"Tag.0.Key": "x"}, "InvalidTagCount"),
        ({"Tag.x.Key": "x"}, "InvalidParameter"),
    ],
)
def test_malformed_tags(caller: Caller, tags: Any, code: str) -> None:
    assert caller.describe("cn-first", **tags).code == code


def test_by_tag_only_so_many_are_shown(caller: Caller, region: str, new_instance: Make, control: Make) -> None:
    made = [new_instance(tags={"env": "x"}).id for _n in range(13)]
    control(tag_limit=12)
    first = caller.describe(region, MaxResults=10, **{"Tag.1.Key": "env"})
    second = caller.describe(region, MaxResults=10, NextToken=first.data["NextToken"], **{"Tag.1.Key": "env"})
    assert first.ids() + second.ids() == made[:12] and second.data["NextToken"] == ""
    assert caller.describe(region, PageSize=100).data["TotalCount"] == 13
    assert caller.describe(region, PageSize=100, **{"Tag.1.Key": "env"}).data["TotalCount"] == 12


@pytest.mark.parametrize(
    "pattern, found", [("web-*", [0, 1]), ("*-1", [0, 2]), ("web-1", [0]), ("web", []), ("w?b-1", []), ("*", [0, 1, 2])]
)
def test_by_name(caller: Caller, region: str, new_instance: Make, pattern: str, found: Any) -> None:
    made = [new_instance(name=name) for name in ("web-1", "web-2", "db-1")]
    assert caller.describe(region, InstanceName=pattern).ids() == [made[number].id for number in found]


def test_by_options(caller: Caller, region: str, new_instance: Make) -> None:
    untouched, required = new_instance(), new_instance(http_tokens="required")
    off = new_instance(http_tokens="optional", http_endpoint="disabled")
    assert caller.describe(region, HttpTokens="required").ids() == [required.id]
    assert caller.describe(region, HttpTokens="optional").ids() == [untouched.id, off.id]
    assert caller.describe(region, HttpEndpoint="disabled").ids() == [off.id]
    assert caller.describe(region, HttpTokens="Required").code == "InvalidHttpTokens.NotSupported"
    assert caller.describe(region, HttpEndpoint="on").code == "InvalidHttpEndpoint.NotSupported"


def test_by_other_properties(caller: Caller, region: str, new_instance: Make) -> None:
    interface = {"vpc_id": "vpc-a", "vswitch_id": "vsw-a"}
    one = new_instance(network_interfaces=[interface], status="Stopped", zone_id="z-a", image_id="m-a")
    new_instance()
    for name, value in {
        "VpcId": "vpc-a",
        "VSwitchId": "vsw-a",
        "Status": "Stopped",
        "ZoneId": "z-a",
        "ImageId": "m-a",
    }.items():
        assert caller.describe(region, **{name: value}).ids() == [one.id], name
    assert caller.describe(region, Status="Sleeping").code == "InvalidStatus.NotFound"
    assert caller.describe(region, VpcId="vpc-a", Status="Running").ids() == []


@pytest.mark.parametrize("name", ["SecurityGroupId", "ResourceGroupId", "Filter.1.Key"])
def test_filters_that_are_not_emulated_are_refused(caller: Caller, name: str) -> None:
    assert caller.describe("cn-first", **{name: "x"}).code == "InvalidParameter"


def test_unknown_parameters_are_ignored(caller: Caller, region: str, new_instance: Make) -> None:
    made = new_instance()
    assert caller.describe(region, HttpToken="required").ids() == [made.id]


def test_members_of_published_rows(caller: Caller, region: str, new_instance: Make) -> None:
    new_instance()
    (row,) = caller.describe(region).instances()
    later = {"DedicatedHostAttribute", "DedicatedInstanceAttribute", "DeploymentSetId", "EcsCapacityReservationAttr"}
    later |= {"HibernationOptions", "ImageOptions", "PrivateDnsNameOptions"}
    assert later <= set(row) and row["InternetMaxBandwidthIn"] == -1


def test_filters_by_values_of_the_row(caller: Caller, region: str, new_instance: Make) -> None:
    nic = {"primary_ip_address": "10.0.0.7", "vpc_id": "vpc-x"}
    one = new_instance(network_interfaces=[nic], eipv4="47.96.0.1", public_keys={"pair": "ssh-ed25519 A"}).id
    two = new_instance(public_ipv4="47.96.0.2").id
    for name, value, found in (
        ("InstanceNetworkType", "vpc", [one, two]),
        ("InstanceNetworkType", "classic", []),
        ("InstanceChargeType", "PostPaid", [one, two]),
        ("InstanceChargeType", "PrePaid", []),
        ("InternetChargeType", "PayByTraffic", [one, two]),
        ("InternetChargeType", "PayByBandwidth", []),
        ("IoOptimized", "true", [one, two]),
        ("IoOptimized", "false", []),
        ("DeviceAvailable", "True", [one, two]),
        ("KeyPairName", "pair", [one]),
        ("PrivateIpAddresses", '["10.0.0.7", "10.0.0.8"]', [one]),
        ("EipAddresses", '["47.96.0.1"]', [one]),
        ("PublicIpAddresses", '["47.96.0.2"]', [two]),
        ("InnerIpAddresses", '["10.0.0.7"]', []),
    ):
        assert caller.describe(region, **{name: value}).ids() == found, (name, value)
    for wrong in ("10.0.0.7", "{}", "[1]", "[" * 2000):
        assert caller.describe(region, PrivateIpAddresses=wrong).code == "InvalidParameter"
    for name in ("SecurityGroupId", "ResourceGroupId", "LockReason", "Filter.1.Key"):
        assert caller.describe(region, **{name: "x"}).code == "InvalidParameter", name


def test_ack_nodes_have_its_tags(caller: Caller, region: str, new_instance: Make) -> None:
    made = new_instance(ack_cluster="c1234", tags={"own": "1"}, instance_metadata_tags="enabled", listen="127.0.0.1:0")
    new_instance()
    row = caller.describe(region, **{"Tag.1.Key": "ack.aliyun.com", "Tag.1.Value": "c1234"}).instances()[0]
    assert {tag["TagKey"] for tag in row["Tags"]["Tag"]} == {
        "ack.aliyun.com",
        "ack.alibabacloud.com/nodepool-id",
        "own",
    }
    assert made.get("/latest/meta-data/tags/instance/ack.aliyun.com").text == "c1234"


def test_instances_that_come_and_go(caller: Caller, emulator: Any, region: str, new_instance: Make) -> None:
    first = new_instance()
    assert caller.describe(region).ids() == [first.id]
    second = new_instance()
    assert caller.describe(region).ids() == [first.id, second.id]
    emulator.admin("DELETE", "/instances/" + first.id)
    assert caller.describe(region).ids() == [second.id]


def test_changes_of_the_admin_side_show(caller: Caller, region: str, new_instance: Make) -> None:
    made, other = new_instance(), new_instance()
    made.set(tags={"new": "1"}, status="Stopped")
    rows = caller.describe(region).instances()
    assert [row["InstanceId"] for row in rows] == [made.id, other.id] and rows[0]["Status"] == "Stopped"
    made.set(region_id="cn-first")
    assert caller.describe(region).ids() == [other.id]
