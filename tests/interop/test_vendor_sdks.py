# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run Alibaba Cloud's unmodified SDKs for ECS, Auto Scaling and STS against the emulator's control plane.

V3 signatures: PyPI alibabacloud_ecs20140526 7.11.8, alibabacloud_ess20220222 1.13.3, alibabacloud_sts20150401 1.2.0
with alibabacloud_tea_openapi 0.4.6.
V1 signatures (HMAC-SHA1): PyPI aliyun-python-sdk-ecs 4.24.83 with aliyun-python-sdk-core 2.16.1.
"""

from __future__ import annotations

import http.client
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lab
import pytest
from conftest import HERE

KEY, SECRET = "LTAI5tInteropInterop", "InteropSecret"
REGION = "cn-interop"
MODIFY = "ModifyInstanceMetadataOptions"
ASKED = {"AdditionalAttributes": ["META_OPTIONS"]}


class Sdk:
    """Calls through one of the SDKs, which run in a separate process."""

    def __init__(self, process: subprocess.Popen[str], version: str, emulator: lab.Emulator) -> None:
        self.process, self.version, self.emulator = process, version, emulator
        self.credential: dict[str, Any] = {"key": KEY, "secret": SECRET, "token": None}

    def call(self, action: str, **parameters: Any) -> Any:
        """Return {"answer": ...} or {"error": code, "status": n}."""
        assert self.process.stdin and self.process.stdout
        order = {"sdk": self.version, **self.credential, "action": action, "parameters": parameters}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the SDK's process has ended"
        last = self.emulator.admin("GET", "/calls")["entries"][-1]
        assert (last["action"], last["version"]) == (action, self.version)
        return json.loads(line)

    def answer(self, action: str, **parameters: Any) -> Any:
        result = self.call(action, **parameters)
        assert "answer" in result, result
        return result["answer"]

    def instances(self, **parameters: Any) -> Any:
        return self.answer("DescribeInstances", RegionId=REGION, **parameters)["Instances"]["Instance"]


@pytest.fixture(scope="module")
def running() -> Iterator[lab.Emulator]:
    instances: list[dict[str, Any]] = [
        {
            "instance_id": f"i-{number:03}",
            "region_id": REGION,
            "http_tokens": "optional",
            "instance_name": f"web-{number}",
        }
        for number in range(25)
    ]
    instances[0].update(listen="127.0.0.1:0", tags={"名": "é +&/~"}, role={"name": "R", "actions": ["ecs:*"]})
    instances[1].update(http_tokens="required", image_id="m-1", image_imds_support="v2")
    images = {"m-old": {"region_id": REGION, "imds_support": "v1"}}
    control = {
        "images": images,
        "access_keys": {KEY: {"secret": SECRET, "user": "ann"}},
        "roles": {"Auditor": {"actions": ["ecs:Describe*"]}},
    }
    with lab.emulators() as start:
        yield start({"instances": instances, "control": control}, "127.0.0.1:0", control=True)


@pytest.fixture(scope="module")
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Yield a list of at most one process, because importing the SDKs takes seconds."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for client in processes:
        client.communicate()


@pytest.fixture(params=["v3", "v1"])
def sdk(
    request: pytest.FixtureRequest,
    started: list[subprocess.Popen[str]],
    fetched: Callable[[str], Path],
    running: lab.Emulator,
) -> Iterator[Sdk]:
    assert running.control_endpoint
    if not started:
        command = [fetched("sdk") / "bin/python", HERE / "clients/vendor_sdk.py", running.control_endpoint[7:]]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    process = started[0]
    yield Sdk(process, request.param, running)
    running.admin("PATCH", "/control", {"throttle": None, "faults": [], "clock_skew": 0})
    running.admin("PATCH", "/instances/i-000", {"http_tokens": "optional", "http_endpoint": "enabled"})


def guest(running: lab.Emulator, path: str) -> tuple[int, str]:
    """Return the answer to a normal-mode request of the instance i-000."""
    connection = http.client.HTTPConnection(running.endpoint("i-000")[7:], timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def test_pages(sdk: Sdk) -> None:
    found, token = [], None
    while token != "":
        more = {"NextToken": token} if token else {}
        page = sdk.answer("DescribeInstances", RegionId=REGION, MaxResults=10, **more)
        found.append([row["InstanceId"] for row in page["Instances"]["Instance"]])
        token = page["NextToken"]
    assert [len(ids) for ids in found] == [10, 10, 5]
    assert sum(found, []) == [f"i-{number:03}" for number in range(25)]


def test_options_are_shown_when_asked_for(sdk: Sdk) -> None:
    ids = json.dumps(["i-001"])
    (plain,), (asked,) = sdk.instances(InstanceIds=ids), sdk.instances(InstanceIds=ids, **ASKED)
    assert (plain["MetadataOptions"]["HttpTokens"], asked["MetadataOptions"]["HttpTokens"]) == ("", "required")


@pytest.mark.parametrize(
    "parameters, found",
    [
        ({"InstanceIds": "[]"}, []),
        ({"HttpTokens": "required"}, ["i-001"]),
        ({"InstanceName": "*-3"}, ["i-003"]),
        ({"Tag": [{"Key": "名", "Value": "é +&/~"}]}, ["i-000"]),
    ],
)
def test_filters(sdk: Sdk, parameters: dict[str, Any], found: list[str]) -> None:
    assert [row["InstanceId"] for row in sdk.instances(**parameters)] == found


def test_change_is_seen_in_the_guest(sdk: Sdk, running: lab.Emulator) -> None:
    path = "/latest/meta-data/instance-id"
    assert guest(running, path) == (200, "i-000")
    changed = sdk.answer(MODIFY, RegionId=REGION, InstanceId="i-000", HttpEndpoint="enabled", HttpTokens="required")
    assert set(changed) == {"RequestId"}
    assert guest(running, path)[0] == 403
    (row,) = sdk.instances(InstanceIds='["i-000"]', **ASKED)
    assert row["MetadataOptions"]["HttpTokens"] == "required"


@pytest.mark.parametrize(
    "parameters, expected",
    [
        ({"InstanceId": "i-none", "HttpEndpoint": "enabled"}, ("InvalidInstanceId.NotFound", 404)),
        ({"InstanceId": "i-000"}, ("MissingParameter", 400)),
        ({"InstanceId": "i-000", "HttpEndpoint": "on"}, ("InvalidHttpEndpoint.NotSupported", 400)),
        ({"InstanceId": "i-000", "HttpEndpoint": "enabled", "RegionId": "cn-none"}, ("InvalidRegionId.NotFound", 404)),
    ],
)
def test_errors(sdk: Sdk, parameters: dict[str, Any], expected: tuple[str, int]) -> None:
    result = sdk.call(MODIFY, **{"RegionId": REGION, **parameters})
    assert (result["error"], result["status"]) == expected


def test_dry_run(sdk: Sdk) -> None:
    assert sdk.call("DescribeInstances", RegionId=REGION, DryRun=True)["error"] == "DryRunOperation"


def test_regions_and_images(sdk: Sdk) -> None:
    assert REGION in [entry["RegionId"] for entry in sdk.answer("DescribeRegions")["Regions"]["Region"]]
    (image,) = sdk.answer("DescribeImages", RegionId=REGION, ImageId="m-1")["Images"]["Image"]
    assert image["Features"]["ImdsSupport"] == "v2"


@pytest.mark.parametrize(
    "credential, expected",
    [
        ({"key": "LTAI5tNobody"}, ("InvalidAccessKeyId.NotFound", 404)),
        ({"secret": "wrong"}, ("SignatureDoesNotMatch", 400)),
        ({"token": "CAISnone"}, ("InvalidSecurityToken.MismatchWithAccessKey", 400)),
    ],
)
def test_wrong_credential(sdk: Sdk, credential: dict[str, str], expected: tuple[str, int]) -> None:
    sdk.credential.update(credential)
    result = sdk.call("DescribeRegions")
    if "secret" in credential and sdk.version == "v1":
        # The SDK reports this if the string that the emulator signed is identical to its own.
        expected = ("InvalidAccessKeySecret", 400)
    assert (result["error"], result["status"]) == expected


def test_wrong_clock(sdk: Sdk, running: lab.Emulator) -> None:
    running.admin("PATCH", "/control", {"clock_skew": 901})
    assert sdk.call("DescribeRegions")["error"] == "InvalidTimeStamp.Expired"


def test_throttled(sdk: Sdk, running: lab.Emulator) -> None:
    running.admin("PATCH", "/control", {"faults": [{"kind": "error", "code": "Throttling.User", "times": 1}]})
    result = sdk.call("DescribeRegions")
    assert (result["error"], result["status"]) == ("Throttling.User", 400)
    assert "answer" in sdk.call("DescribeRegions")


def test_keys_of_the_instances_role(sdk: Sdk, running: lab.Emulator) -> None:
    keys = json.loads(guest(running, "/latest/meta-data/ram/security-credentials/R")[1])
    sdk.credential = {"key": keys["AccessKeyId"], "secret": keys["AccessKeySecret"], "token": keys["SecurityToken"]}
    assert len(sdk.instances(InstanceIds='["i-000"]')) == 1
    identity = sdk.answer("GetCallerIdentity")
    assert identity["Arn"].endswith(":assumed-role/r/i-000")


def test_assumed_role(sdk: Sdk) -> None:
    arn = "acs:ram::1609000000000000:role/Auditor"
    keys = sdk.answer("AssumeRole", RoleArn=arn, RoleSessionName="interop")["Credentials"]
    sdk.credential = {"key": keys["AccessKeyId"], "secret": keys["AccessKeySecret"], "token": keys["SecurityToken"]}
    assert len(sdk.instances()) == 10
    refused = sdk.call(MODIFY, RegionId=REGION, InstanceId="i-000", HttpEndpoint="enabled")
    assert (refused["error"], refused["status"]) == ("Forbidden.RAM", 403)


def scaled_out(sdk: Sdk, running: lab.Emulator, group: str) -> int:
    """Create an instance by a scale-out, and return the status of a normal-mode request from inside."""
    sdk.answer(
        "ScaleWithAdjustment", ScalingGroupId=group, AdjustmentType="QuantityChangeInCapacity", AdjustmentValue=1
    )
    rows = sdk.answer("DescribeScalingInstances", RegionId=REGION, ScalingGroupId=group)["ScalingInstances"]
    name = rows[-1]["InstanceId"]
    running.admin("PATCH", f"/instances/{name}", {"listen": "127.0.0.1:0"})
    connection = http.client.HTTPConnection(running.admin("GET", f"/instances/{name}")["listening"], timeout=60)
    connection.request("GET", "/latest/meta-data/instance-id")
    status = connection.getresponse().status
    connection.close()
    running.admin("DELETE", f"/instances/{name}")
    return status


def test_scaling_configuration_is_seen_in_new_instances(sdk: Sdk, running: lab.Emulator) -> None:
    group = sdk.answer("CreateScalingGroup", RegionId=REGION, MinSize=0, MaxSize=5)["ScalingGroupId"]
    fields = {"ImageId": "m-1", "InstanceTypes": ["ecs.g7.large", "ecs.g8i.large"], "Tags": '{"k": "\u00e9 +&/~"}'}
    made = sdk.answer("CreateScalingConfiguration", ScalingGroupId=group, **fields)["ScalingConfigurationId"]
    sdk.answer("EnableScalingGroup", ScalingGroupId=group, ActiveScalingConfigurationId=made)
    assert scaled_out(sdk, running, group) == 200
    sdk.answer("ModifyScalingConfiguration", ScalingConfigurationId=made, HttpTokens="required", HttpEndpoint="enabled")
    page = sdk.answer("DescribeScalingConfigurations", RegionId=REGION, ScalingConfigurationIds=[made])
    (row,) = page["ScalingConfigurations"]
    assert (row["HttpTokens"], row["HttpEndpoint"], row["LifecycleState"]) == ("required", "enabled", "Active")
    assert row["InstanceTypes"] == fields["InstanceTypes"] and page["TotalCount"] == 1
    assert [(tag["Key"], tag["Value"]) for tag in row["Tags"]] == [("k", "\u00e9 +&/~")]
    groups = sdk.answer("DescribeScalingGroups", RegionId=REGION, ScalingGroupIds=[group])["ScalingGroups"]
    assert [it["ActiveScalingConfigurationId"] for it in groups] == [made]
    assert scaled_out(sdk, running, group) == 403
    unknown = sdk.call("ModifyScalingConfiguration", ScalingConfigurationId="asc-none", HttpTokens="required")
    assert (unknown["error"], unknown["status"]) == ("InvalidScalingConfigurationId.NotFound", 404)


def test_image_support_cannot_be_undone(sdk: Sdk) -> None:
    for support, error in (("v2", None), ("v1", "InvalidParameter")):
        result = sdk.call("ModifyImageAttribute", RegionId=REGION, ImageId="m-old", Features={"ImdsSupport": support})
        assert result.get("error") == error
    (image,) = sdk.answer("DescribeImages", RegionId=REGION, ImageId="m-old")["Images"]["Image"]
    assert image["Features"]["ImdsSupport"] == "v2"
