# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operations, errors and response formats of the API."""

from __future__ import annotations

from typing import Any, Callable
from xml.etree import ElementTree

import pytest

from ..client import connect, exchange
from .caller import Caller, send

pytestmark = pytest.mark.slow


def test_unknown_action(caller: Caller) -> None:
    reply = caller.v3("DeleteEverything", {"RegionId": "cn-first"})
    assert (reply.status, reply.code) == (404, "InvalidAction.NotFound")
    assert caller.v1("describeinstances", {"RegionId": "cn-first"}).code == "InvalidAction.NotFound"
    assert caller.v3("DescribeInstances", {}, x_acs_version="2015-04-01").code == "InvalidAction.NotFound"


def test_unknown_version(caller: Caller) -> None:
    reply = caller.v3("DescribeRegions", {}, x_acs_version="2014-05-27")
    assert (reply.status, reply.code) == (400, "InvalidVersion")


def test_other_paths_and_methods(caller: Caller) -> None:
    assert (
        send(caller.address, "POST", "/v1", caller.v3_headers("DescribeRegions", {})).code == "InvalidAction.NotFound"
    )
    reply = caller.v3("DescribeRegions", {}, method="PUT")
    assert (reply.status, reply.code) == (405, "UnsupportedHTTPMethod")


def test_regions(caller: Caller, region: str, new_instance: Callable[..., Any]) -> None:
    def known() -> Any:
        return [entry["RegionId"] for entry in caller.v3("DescribeRegions").data["Regions"]["Region"]]

    assert "cn-empty" in known() and region not in known()
    new_instance()
    assert region in known()


def test_names_and_endpoints_of_regions(caller: Caller, control: Callable[..., Any]) -> None:
    control(regions=["cn-empty", "cn-hangzhou", "eu-central-1"])

    def rows(**parameters: str) -> Any:
        listed = caller.v3("DescribeRegions", parameters).data["Regions"]["Region"]
        return {row.pop("RegionId"): row for row in listed}

    hangzhou = {"RegionEndpoint": "ecs.aliyuncs.com", "LocalName": "华东1（杭州）"}
    assert rows()["cn-hangzhou"] == hangzhou == rows(AcceptLanguage="zh-CN")["cn-hangzhou"]
    english = rows(AcceptLanguage="en-US")
    assert english["cn-hangzhou"]["LocalName"] == "China (Hangzhou)"
    assert english["eu-central-1"]["RegionEndpoint"] == "ecs.eu-central-1.aliyuncs.com"
    assert english["cn-empty"]["LocalName"] == "cn-empty"
    assert caller.v3("DescribeRegions", {"AcceptLanguage": "ja"}).code == "InvalidParameter"


@pytest.mark.parametrize("action", ["DescribeInstances", "DescribeImages"])
def test_region_is_mandatory_and_must_exist(caller: Caller, action: str) -> None:
    missing = caller.v3(action)
    assert (missing.status, missing.code) == (400, "MissingParameter") and '"RegionId"' in missing.data["Message"]
    unknown = caller.v3(action, {"RegionId": "cn-atlantis"})
    assert (unknown.status, unknown.code) == (404, "InvalidRegionId.NotFound")
    assert caller.v3(action, {"RegionId": "cn-empty"}).code is None


def test_missing_parameter_may_be_named(caller: Caller, control: Callable[..., Any]) -> None:
    control(missing_parameter="named")
    assert caller.v3("DescribeInstances").code == "MissingRegionId"


def test_images(caller: Caller, region: str, new_instance: Callable[..., Any]) -> None:
    new_instance(image_id="m-one", image_imds_support="v1")
    new_instance(image_id="m-one", image_imds_support="v1")
    new_instance(image_id="m-two", image_imds_support="v2", os_type="windows")
    new_instance(image_id="m-none")

    def images(**parameters: Any) -> Any:
        return caller.v3("DescribeImages", {"RegionId": region, **parameters}).data

    listed = images()["Images"]["Image"]
    support = {image["ImageId"]: image["Features"].get("ImdsSupport", "absent") for image in listed}
    assert support == {"m-one": "v1", "m-two": "v2", "m-none": "absent"}
    named = images(ImageId="m-two,m-unknown,m-none")
    assert [image["ImageId"] for image in named["Images"]["Image"]] == ["m-two", "m-none"]
    assert named["Images"]["Image"][0]["OSType"] == "windows"
    second = images(PageSize=1, PageNumber=2)
    assert (second["TotalCount"], [image["ImageId"] for image in second["Images"]["Image"]]) == (3, ["m-two"])
    assert caller.v3("DescribeImages", {"RegionId": region, "PageSize": 101}).code == "InvalidParameter"
    assert caller.v3("DescribeImages", {"RegionId": region, "DryRun": "true"}).code == "DryRunOperation"


def test_filters_of_images(caller: Caller, region: str, new_instance: Callable[..., Any], control: Any) -> None:
    new_instance(image_id="aliyun_alibase_1.vhd", image_imds_support="v1")
    own = {"region_id": region, "name": "web golden 7", "family": "web", "tags": {"team": "a"}, "os_type": "windows"}
    control(account_id="1609000000000000", images={"m-web": own})
    every = ["aliyun_alibase_1.vhd", "m-web"]
    for name, value, found in (
        ("ImageName", "web golden 7", every[1:]),
        ("ImageName", "web*", every[1:]),
        ("ImageName", "golden", []),
        ("ImageFamily", "web", every[1:]),
        ("ImageFamily", "none", []),
        ("OSType", "linux", every[:1]),
        ("ImageOwnerAlias", "self", every[1:]),
        ("ImageOwnerAlias", "system", every[:1]),
        ("Architecture", "x86_64", every),
        ("Architecture", "arm64", []),
        ("Status", "Creating,Available", every),
        ("Status", "Deprecated", []),
        ("Usage", "instance", every[:1]),
        ("Tag.1.Key", "team", every[1:]),
        ("Tag.1.Key", "none", []),
        ("ShowExpired", "true", every),
        ("OwnerId", "1", every),
        ("SnapshotId", "", every),
    ):
        listed = caller.v3("DescribeImages", {"RegionId": region, name: value}).data["Images"]["Image"]
        assert [image["ImageId"] for image in listed] == found, (name, value)
    refused = [("SnapshotId", "s-1"), ("Filter.1.Key", "x"), ("ResourceGroupId", "rg"), ("NoSuchFilter", "x")]
    refused += [("OSType", "dos"), ("ImageOwnerAlias", "me"), ("Status", "Available,Lost")]
    for name, value in refused:
        assert caller.v3("DescribeImages", {"RegionId": region, name: value}).code == "InvalidParameter", name


def test_xml(caller: Caller, region: str, new_instance: Callable[..., Any]) -> None:
    made = [new_instance(tags={"a": "<&>", "b": "2"}), new_instance()]
    for reply in (
        caller.v1("DescribeInstances", {"RegionId": region}, Format="XML"),
        caller.v1("DescribeInstances", {"RegionId": region}, Format=None),
        caller.v3("DescribeInstances", {"RegionId": region}, accept="application/xml"),
    ):
        assert (reply.status, reply.content_type) == (200, "text/xml;charset=utf-8")
        root = ElementTree.fromstring(reply.text)
        assert root.tag == "DescribeInstancesResponse" and root.findtext("TotalCount") == "2"
        assert [row.findtext("InstanceId") for row in root.iterfind("Instances/Instance")] == [one.id for one in made]
        tags = root.findall("Instances/Instance[1]/Tags/Tag")
        assert [(tag.findtext("TagKey"), tag.findtext("TagValue")) for tag in tags] == [("a", "<&>"), ("b", "2")]
        assert root.findtext("Instances/Instance/IoOptimized") == "true"


def test_xml_of_an_error(caller: Caller) -> None:
    reply = caller.v1("DescribeInstances", {"RegionId": "cn-atlantis"}, Format="XML")
    root = ElementTree.fromstring(reply.text)
    assert (reply.status, root.tag) == (404, "Error")
    assert [child.tag for child in root] == ["RequestId", "HostId", "Code", "Message"]
    assert root.findtext("Code") == "InvalidRegionId.NotFound" and root.findtext("HostId") == caller.address


@pytest.mark.parametrize("accept", ["application/json", "*/*", None])
def test_json(caller: Caller, accept: Any) -> None:
    reply = caller.v3("DescribeRegions", {}, accept=accept)
    assert reply.content_type == "application/json;charset=utf-8" and reply.code is None


def test_request_ids_differ(caller: Caller) -> None:
    ids = {caller.v3("DescribeRegions").data["RequestId"] for _call in range(3)}
    assert len(ids) == 3 and all(len(one) == 36 and one == one.upper() for one in ids)


def test_bytes_that_are_no_request(address: str) -> None:
    assert exchange(address, b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_several_calls_on_one_connection(caller: Caller) -> None:
    with connect(caller.address) as sock:
        for _call in range(3):
            headers = {**caller.v3_headers("DescribeRegions", {}), "content-length": "0"}
            lines = "".join("%s: %s\r\n" % header for header in headers.items())
            sock.sendall(("POST / HTTP/1.1\r\n%s\r\n" % lines).encode())
            answer = sock.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 ") and b"Connection: keep-alive" in answer
