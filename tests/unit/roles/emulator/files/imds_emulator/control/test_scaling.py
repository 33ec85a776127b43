# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operations of Auto Scaling, and ModifyImageAttribute."""

from __future__ import annotations

import http.client
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest

from ..client import Emulator
from .caller import KEY, Caller, Reply

pytestmark = pytest.mark.slow
REGION = "cn-empty"
IMAGES = {
    "m-new": {"region_id": REGION, "imds_support": "v2"},
    "m-old": {"region_id": REGION, "imds_support": "v1"},
    "m-shared": {"region_id": REGION, "imds_support": "v1", "owner": "others"},
}


class Ess:
    """Calls of Auto Scaling, and the identifiers that they return."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    def call(self, action: str, **parameters: Any) -> Reply:
        given = {name.replace("__", "."): value for name, value in parameters.items()}
        return self.caller.v3(action, given, x_acs_version="2022-02-22")

    def answer(self, action: str, **parameters: Any) -> Any:
        reply = self.call(action, **parameters)
        assert reply.status == 200, reply.text
        return reply.data

    def group(self, **parameters: Any) -> str:
        given = {"RegionId": REGION, "MinSize": 0, "MaxSize": 3, **parameters}
        return str(self.answer("CreateScalingGroup", **given)["ScalingGroupId"])

    def configuration(self, group: str, **parameters: Any) -> str:
        given = {"ScalingGroupId": group, "ImageId": "m-new", **parameters}
        return str(self.answer("CreateScalingConfiguration", **given)["ScalingConfigurationId"])

    def active(self, **parameters: Any) -> Tuple[str, str]:
        """Return a group and its active configuration."""
        group = self.group()
        configuration = self.configuration(group, **parameters)
        self.answer("EnableScalingGroup", ScalingGroupId=group, ActiveScalingConfigurationId=configuration)
        return group, configuration

    def scale(self, group: str, amount: int = 1) -> Reply:
        kind = "QuantityChangeInCapacity"
        return self.call("ScaleWithAdjustment", ScalingGroupId=group, AdjustmentType=kind, AdjustmentValue=amount)

    def listed(self, what: str, **parameters: Any) -> List[Dict[str, Any]]:
        rows: List[Dict[str, Any]] = self.answer("Describe" + what, RegionId=REGION, **parameters)[what]
        return rows


@pytest.fixture
def ess(control: Callable[..., Any], caller: Caller) -> Iterator[Ess]:
    control(images=IMAGES)
    yield Ess(caller)
    control(images={})


def metadata(emulator: Emulator, instance: str) -> int:
    """Return the status of a normal-mode request on the new instance."""
    emulator.admin("PATCH", "/instances/" + instance, {"clients": ["127.0.0.9"]})
    (host,) = emulator.listen
    connection = http.client.HTTPConnection(host, timeout=60, source_address=("127.0.0.9", 0))
    connection.request("GET", "/latest/meta-data/instance-id")
    answer = connection.getresponse()
    assert answer.status != 200 or answer.read() == instance.encode()
    connection.close()
    emulator.admin("PATCH", "/instances/" + instance, {"clients": []})
    return answer.status


def test_a_scale_out_uses_the_options_of_the_active_configuration(ess: Ess, emulator: Emulator) -> None:
    """The options are seen from inside of the new instances."""
    group, configuration = ess.active(InstanceName="web")
    for tokens, status in (("required", 403), ("optional", 200)):
        ess.answer("ModifyScalingConfiguration", ScalingConfigurationId=configuration, HttpTokens=tokens)
        ess.scale(group)
        newest = ess.listed("ScalingInstances", ScalingGroupId=group)[-1]
        assert newest["ScalingConfigurationId"] == configuration
        assert metadata(emulator, newest["InstanceId"]) == status
    assert ess.scale(group, 5).status == 200
    assert len(ess.listed("ScalingInstances", ScalingGroupId=group)) == 3  # MaxSize


def test_a_configuration_keeps_the_fields_that_a_call_does_not_have(ess: Ess) -> None:
    group = ess.group()
    name = ess.configuration(
        group,
        Tags='{"app": "web"}',
        InstanceTypes__1="ecs.g7.large",
        SystemDisk__DiskName="root",
        DataDisks__1__Size=40,
        Password="Pass-word1",
    )
    (before,) = ess.listed("ScalingConfigurations", ScalingGroupId=group)
    assert before["Tags"] == [{"Key": "app", "Value": "web"}] and before["SystemDiskName"] == "root"
    assert (before["InstanceTypes"], before["DataDisks"]) == (["ecs.g7.large"], [{"Size": 40}])
    assert before["LifecycleState"] == "Inactive" and "HttpTokens" not in before
    assert before["PasswordSetted"] is True and "Pass-word1" not in str(before)
    ess.answer("ModifyScalingConfiguration", ScalingConfigurationId=name, HttpTokens="required", HttpEndpoint="enabled")
    (after,) = ess.listed("ScalingConfigurations", ScalingConfigurationIds__1=name)
    assert after == {**before, "HttpTokens": "required", "HttpEndpoint": "enabled"}


def test_a_group_may_use_a_version_of_a_template(ess: Ess, emulator: Emulator) -> None:
    def template(action: str, **parameters: Any) -> Any:
        return ess.caller.v3(action, {"RegionId": REGION, **parameters}).data

    made = template("CreateLaunchTemplate", LaunchTemplateName="t", ImageId="m-new")["LaunchTemplateId"]
    template("CreateLaunchTemplateVersion", LaunchTemplateId=made, ImageId="m-new", HttpTokens="required")
    group = ess.group(LaunchTemplateId=made)
    assert ess.scale(group).code == "IncorrectScalingGroupStatus"
    ess.answer("EnableScalingGroup", ScalingGroupId=group, RegionId=REGION)
    for version, status in (("Default", 200), ("Latest", 403), ("2", 403)):
        ess.answer("ModifyScalingGroup", ScalingGroupId=group, LaunchTemplateId=made, LaunchTemplateVersion=version)
        (row,) = ess.listed("ScalingGroups", ScalingGroupIds__1=group)
        assert (row["LaunchTemplateId"], row["LaunchTemplateVersion"]) == (made, version)
        ess.scale(group)
        assert metadata(emulator, ess.listed("ScalingInstances", ScalingGroupId=group)[-1]["InstanceId"]) == status


def test_an_image_without_support_fails_the_activity_until_it_is_changed(ess: Ess, emulator: Emulator) -> None:
    group, _configuration = ess.active(ImageId="m-old", HttpTokens="required")
    assert ess.scale(group).status == 200
    (activity,) = ess.listed("ScalingActivities", ScalingGroupId=group)
    assert (activity["StatusCode"], activity["ErrorCode"]) == ("Failed", "InvalidHttpTokens.NotSupported")
    assert ess.listed("ScalingInstances", ScalingGroupId=group) == []

    def image(support: str, name: str = "m-old", **parameters: Any) -> Reply:
        given = {"RegionId": REGION, "ImageId": name, "Features.ImdsSupport": support, **parameters}
        return ess.caller.v3("ModifyImageAttribute", given)

    assert image("v2", DryRun="true").code == "DryRunOperation"
    assert image("v1").code is None and image("v3").code == "InvalidParameter"
    assert image("v2", "m-shared").code == "InvalidImageId.NotFound"
    assert image("v2", Description="x").code == "InvalidParameter"
    assert image("v2").code is None and image("v1").code == "InvalidParameter"
    ess.scale(group)
    assert metadata(emulator, ess.listed("ScalingInstances", ScalingGroupId=group)[-1]["InstanceId"]) == 403


@pytest.mark.parametrize(
    "action, parameters, code",
    [
        ("DescribeScalingConfigurations", {}, "MissingParameter"),
        ("DescribeScalingConfigurations", {"RegionId": "cn-atlantis"}, "InvalidRegionId.NotFound"),
        ("DescribeScalingConfigurations", {"RegionId": REGION, "PageSize": 51}, "InvalidParameter"),
        ("DescribeScalingConfigurations", {"RegionId": REGION, "LifecycleState": "Active"}, "InvalidParameter"),
        (
            "DescribeScalingConfigurations",
            {"RegionId": REGION, **{"ScalingConfigurationIds__%d" % number: "asc-1" for number in range(1, 12)}},
            "InvalidParameter",
        ),
        ("DescribeScalingGroups", {"RegionId": REGION, "ScalingGroupName": "x"}, "InvalidParameter"),
        ("ModifyScalingConfiguration", {"ScalingConfigurationId": "asc-1"}, "InvalidScalingConfigurationId.NotFound"),
        ("ModifyScalingConfiguration", {"ScalingConfigurationId": "asc-1", "HttpTokens": "on"}, "InvalidHttpTokens.NotSupported"),
        ("ModifyScalingConfiguration", {"ScalingConfigurationId": "asc-1", "Override": "true"}, "InvalidParameter"),
        ("ModifyScalingConfiguration", {"ScalingConfigurationId": "asc-1", "InstanceType": "x"}, "InvalidParameter"),
        ("ModifyScalingConfiguration", {"ScalingConfigurationId": "asc-1", "Metadata": "x"}, "InvalidParameter"),
        ("CreateScalingConfiguration", {"ScalingGroupId": "asg-1", "ImageId": "m-new"}, "InvalidScalingGroupId.NotFound"),
        ("CreateScalingGroup", {"RegionId": REGION, "MinSize": 2, "MaxSize": 1}, "InvalidParameter"),
        (
            "CreateScalingGroup",
            {"RegionId": REGION, "MinSize": 1, "MaxSize": 1, "LaunchTemplateId": "lt-1"},
            "InvalidLaunchTemplate.NotFound",
        ),
    ],
)  # fmt: skip
def test_errors(ess: Ess, action: str, parameters: Dict[str, Any], code: str) -> None:
    assert ess.call(action, **parameters).code == code


def test_pages(ess: Ess) -> None:
    group = ess.group()
    made = [ess.configuration(group) for _number in range(12)]
    pages = [ess.listed("ScalingConfigurations", ScalingGroupId=group, PageNumber=number) for number in (1, 2, 3)]
    assert [[row["ScalingConfigurationId"] for row in page] for page in pages] == [made[:10], made[10:], []]


def test_permissions_throttling_and_other_accounts(ess: Ess, control: Callable[..., Any], address: str) -> None:
    _group, configuration = ess.active()
    control(access_keys={KEY: {"actions": ["ess:Describe*"]}})
    assert ess.listed("ScalingConfigurations")
    refused = ess.call("ModifyScalingConfiguration", ScalingConfigurationId=configuration, HttpTokens="required")
    assert (refused.status, refused.code) == (403, "Forbidden.Unauthorized")
    control(access_keys={"LTAIother": {"secret": "x", "account": "1700000000000000"}})
    other = Ess(Caller(address, "LTAIother", "x"))
    assert other.listed("ScalingConfigurations") == []
    answer = other.call("ModifyScalingConfiguration", ScalingConfigurationId=configuration, HttpTokens="required")
    assert answer.code == "InvalidScalingConfigurationId.NotFound"
    control(throttle={"per_second": 1, "actions": {"DescribeScalingGroups": 1}})
    codes = {ess.call("DescribeScalingGroups", RegionId=REGION).code for _number in range(9)}
    assert codes == {None, "Throttling.User"}
