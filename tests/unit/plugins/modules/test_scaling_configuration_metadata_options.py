# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""scaling_configuration_metadata_options, image_imds_support and provisioning_info with the emulated Auto Scaling.

Scaling groups and configurations are created with the vendor's generic client; the new instances are read from inside.
"""

from __future__ import annotations

import http.client
import json
import os

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._fleet import _select
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._scaling import DEFAULT_ENDPOINT, endpoint_of

from .conftest import ACCESS, KEY, SECRET

api = pytest.importorskip("alibabacloud_tea_openapi.client", reason="the vendor's SDK is not installed")
from alibabacloud_tea_openapi import utils_models  # noqa: E402
from alibabacloud_tea_openapi.models import Config  # noqa: E402
from darabonba.runtime import RuntimeOptions  # noqa: E402

pytestmark = pytest.mark.slow
MODULE, IMAGE, TEMPLATE, INFO = (
    "scaling_configuration_metadata_options",
    "image_imds_support",
    "launch_template_metadata_options",
    "provisioning_info",
)
REGION, READER = "cn-hangzhou", "LTAI5tReader00000001"
IMAGES = {
    "m-new": {"region_id": REGION, "imds_support": "v2"},
    "m-old": {"region_id": REGION, "imds_support": "v1"},
    "m-silent": {"region_id": REGION},
    "m-win": {"region_id": REGION, "imds_support": "v1", "os_type": "windows"},
    "m-shared": {"region_id": REGION, "imds_support": "v1", "owner": "others"},
}


class Account:
    """The account, as the vendor's client sees it."""

    def __init__(self, control) -> None:
        self.control = control
        address = control.endpoint.partition("://")[2]
        config = Config(access_key_id=KEY, access_key_secret=SECRET, endpoint=address, protocol="http")
        self.client = api.Client(config)

    def call(self, action: str, version: str = "2022-02-22", **parameters) -> dict:
        query = {name.replace("__", "."): str(value) for name, value in parameters.items()}
        kind = {"protocol": "HTTP", "pathname": "/", "method": "POST", "auth_type": "AK", "style": "RPC"}
        params = utils_models.Params(action=action, version=version, req_body_type="formData", body_type="json", **kind)
        request = utils_models.OpenApiRequest(query=query)
        return self.client.call_api(params, request, RuntimeOptions())["body"]

    def ecs(self, action: str, **parameters) -> dict:
        return self.call(action, "2014-05-26", RegionId=REGION, **parameters)

    def group(self, region: str = REGION, **source) -> str:
        made = self.call("CreateScalingGroup", RegionId=region, MinSize=0, MaxSize=50, **source)["ScalingGroupId"]
        if source:
            self.call("EnableScalingGroup", ScalingGroupId=made)
        return made

    def configuration(self, group: str, active: bool = False, **fields) -> str:
        given = {"ImageId": "m-new", **fields}
        made = self.call("CreateScalingConfiguration", ScalingGroupId=group, **given)["ScalingConfigurationId"]
        if active:
            self.call("EnableScalingGroup", ScalingGroupId=group, ActiveScalingConfigurationId=made)
        return made

    def template(self, **fields) -> str:
        return self.ecs("CreateLaunchTemplate", LaunchTemplateName="t", **fields)["LaunchTemplateId"]

    def rows(self, what: str, **parameters) -> list[dict]:
        return self.call("Describe" + what, RegionId=REGION, PageSize=50, **parameters)[what]

    def row(self, configuration: str) -> dict:
        (row,) = self.rows("ScalingConfigurations", ScalingConfigurationIds__1=configuration)
        return row

    def born(self, group: str) -> int:
        """Create an instance by a scale-out, and return the status of a normal-mode request from inside; 0 if it failed."""
        kind = {"AdjustmentType": "QuantityChangeInCapacity", "AdjustmentValue": 1}
        before = len(self.rows("ScalingInstances", ScalingGroupId=group))
        self.call("ScaleWithAdjustment", ScalingGroupId=group, **kind)
        rows = self.rows("ScalingInstances", ScalingGroupId=group)
        if len(rows) == before:
            return 0
        name = rows[-1]["InstanceId"]
        self.control.admin("PATCH", "/instances/" + name, {"listen": "127.0.0.1:0"})
        address = self.control.admin("GET", "/instances/" + name)["listening"]
        connection = http.client.HTTPConnection(address, timeout=60)
        connection.request("GET", "/latest/meta-data/instance-id")
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        assert answer.status != 200 or body == name.encode()
        return answer.status


@pytest.fixture
def account(control) -> Account:
    control.admin("PATCH", "/control", {"images": IMAGES})
    return Account(control)


def require(run, *ids: str, **more) -> dict:
    return run(MODULE, scaling_configuration_ids=list(ids), **{"http_tokens": "required", **more})


def restore(run, path, **more) -> dict:
    return run(MODULE, state="restored", regions=None, record=str(path), **more)


def changes(control) -> int:
    return len(control.calls("ModifyScalingConfiguration")) + len(control.calls("ModifyImageAttribute"))


def fail(control, action: str, **fault) -> None:
    control.admin("PATCH", "/control", {"faults": [{"kind": "error", "action": action, **fault}] if fault else []})


def test_instances_of_a_scale_out_have_the_options_until_they_are_restored(run, account, control, tmp_path) -> None:
    group = account.group()
    active = account.configuration(group, active=True, UserData="c2VjcmV0", Tags='{"app": "web"}')
    inactive = account.configuration(group, HttpTokens="optional", HttpEndpoint="disabled")
    before = [account.row(active), account.row(inactive)]
    assert account.born(group) == 200
    result = run(MODULE, all_scaling_configurations=True, http_tokens="required", record=str(tmp_path))
    assert result.get("failed") is not True and result["totals"]["changed"] == 2
    (first, second) = result["scaling_configurations"]
    assert (first["active"], second["active"], first["scaling_group_id"]) == (True, False, group)
    assert first["before"] == {"http_endpoint": "enabled", "http_tokens": "optional"}
    assert second["after"] == {"http_endpoint": "disabled", "http_tokens": "required"}
    assert "c2VjcmV0" not in json.dumps(result)
    assert account.row(active) == {**before[0], "HttpTokens": "required", "HttpEndpoint": "enabled"}
    assert account.row(inactive) == {**before[1], "HttpTokens": "required"}
    assert account.born(group) == 403
    file = tmp_path / "scaling_configurations" / (active + ".json")
    assert file.stat().st_mode & 0o777 == 0o600 and "c2VjcmV0" not in file.read_text()
    require(run, active, record=str(tmp_path), http_endpoint="disabled")
    assert json.loads(file.read_text())["http_endpoint"] == "enabled"  # the options before the first change
    shown = restore(run, tmp_path, _ansible_check_mode=True)
    assert shown["totals"]["changed"] == 2 and account.row(active)["HttpTokens"] == "required"
    assert restore(run, tmp_path)["totals"] == {"changed": 2, "unchanged": 0, "refused": 0, "failed": 0}
    assert account.born(group) == 200 and account.row(inactive) == before[1]
    assert os.listdir(tmp_path / "scaling_configurations") == []
    assert restore(run, tmp_path)["changed"] is False


def test_a_second_run_and_check_mode_send_nothing(run, account, control, tmp_path) -> None:
    name = account.configuration(account.group())
    shown = require(run, name, record=str(tmp_path), _ansible_check_mode=True, _ansible_diff=True)
    assert shown["changed"] is True and changes(control) == 0 and os.listdir(tmp_path) == []
    (diff,) = shown["diff"]
    assert (diff["before"]["http_tokens"], diff["after"]["http_tokens"]) == ("optional", "required")
    assert require(run, name)["changed"] is True and changes(control) == 1
    again = require(run, name)
    assert again["changed"] is False and again["totals"]["unchanged"] == 1 and changes(control) == 1


def test_a_configuration_that_fails_does_not_stop_the_others(run, account, control) -> None:
    group = account.group()
    names = {it: account.configuration(group, ImageId=it) for it in ("m-new", "m-old", "m-silent", "m-win", "m-gone")}
    family = account.configuration(group, ImageId="", ImageFamily="web")
    gone = account.configuration(group)
    result = require(run, *names.values(), family, gone)
    assert result["failed"] is True and "5 of 7 scaling configurations failed" in result["msg"]
    assert result["totals"] == {"changed": 2, "unchanged": 0, "refused": 5, "failed": 0}
    errors = {row["scaling_configuration_id"]: row["error"] for row in result["scaling_configurations"]}
    assert errors[names["m-new"]] is None
    assert "ImdsSupport v1" in errors[names["m-old"]] and "image_imds_support" in errors[names["m-old"]]
    assert "v1" in errors[names["m-win"]] and "not found" in errors[names["m-gone"]]
    assert "image name or family" in errors[family] and "allow_unknown_image" in errors[family]
    assert changes(control) == 2
    more = require(run, names["m-silent"], names["m-gone"], family, allow_unknown_image=True)
    assert more["totals"]["changed"] == 3
    assert require(run, names["m-old"], http_tokens=None, http_endpoint="disabled")["changed"] is True


def test_a_missing_permission_is_reported_once(run, account, control, tmp_path) -> None:
    names = [account.configuration(account.group()) for _number in range(3)]
    result = require(run, *names, access_key_id=READER, max_concurrency=1, record=str(tmp_path))
    lines = [json.loads(line) for line in (tmp_path / "changes.jsonl").read_text().splitlines()]
    assert [it["outcome"] for it in lines] == ["sending", "failed"]  # the others were not sent
    assert lines[1]["request_id"] and lines[1]["kind"] == "scaling_configuration" and SECRET not in str(lines)
    assert result["failed"] is True and "ess:ModifyScalingConfiguration" in result["msg"]
    assert result["totals"] == {"changed": 0, "unchanged": 0, "refused": 0, "failed": 3} and changes(control) == 1


@pytest.mark.parametrize("after, changed", [(True, True), (False, False)])
def test_a_failed_call_that_took_effect_is_a_change(run, account, control, after, changed) -> None:
    name = account.configuration(account.group())
    fail(control, "ModifyScalingConfiguration", code="InternalError", status=500, after=after)
    result = require(run, name, api_retries=0)
    assert result["changed"] is changed and (result.get("failed") is not True) is changed
    assert (account.row(name).get("HttpTokens") == "required") is changed


def test_many_configurations_are_throttled_read_in_pages_and_continued_after_an_abort(
    run, account, control, tmp_path
) -> None:
    group = account.group()
    names = [account.configuration(group, ScalingConfigurationName="c%d" % number) for number in range(60)]
    fail(control, "ModifyScalingConfiguration", code="InvalidParameter", status=400, skip=30)
    first = run(
        MODULE, all_scaling_configurations=True, http_tokens="required", record=str(tmp_path), max_concurrency=1
    )
    assert first["failed"] is True and first["totals"] == {"changed": 30, "unchanged": 0, "refused": 0, "failed": 30}
    fail(control, "")
    control.admin("PATCH", "/control", {"throttle": {"per_second": 20}})
    control.admin("DELETE", "/calls")
    second = run(MODULE, all_scaling_configurations=True, http_tokens="required", record=str(tmp_path))
    assert second["totals"] == {"changed": 30, "unchanged": 30, "refused": 0, "failed": 0}
    accepted = control.admin("GET", "/calls")["totals"]
    # 2 pages; 30 changes; the 30 changed ones are read back in 3 calls of 10 IDs
    assert accepted["ModifyScalingConfiguration"]["ok"] == 30
    assert accepted["DescribeScalingConfigurations"]["ok"] == 2 + 3
    assert {account.row(name)["HttpTokens"] for name in names[::7]} == {"required"}
    assert restore(run, tmp_path)["totals"]["changed"] == 60


def test_an_unusable_record_changes_nothing(run, account, control, tmp_path) -> None:
    name = account.configuration(account.group())
    require(run, name, record=str(tmp_path))
    file = tmp_path / "scaling_configurations" / (name + ".json")
    good = json.loads(file.read_text())
    for change in (
        {"http_tokens": "none"},
        {"http_tokens": ["required"]},
        {"region_id": "../x"},
        {"format": 2},
        {"api_endpoint": None},
    ):
        file.write_text(json.dumps({**good, **change}))
        result = restore(run, tmp_path)
        assert result["failed"] is True and str(file) in result["msg"] and changes(control) == 1
    file.write_text(json.dumps(good))
    (file.parent / "asc-gone.json").write_text(json.dumps({**good, "scaling_configuration_id": "asc-gone"}))
    result = restore(run, tmp_path)
    assert (
        result["totals"] == {"changed": 1, "unchanged": 0, "refused": 1, "failed": 0}
        and "does not exist" in result["msg"]
    )
    assert not file.exists() and (file.parent / "asc-gone.json").exists()


def test_a_selection_is_required_and_its_ids_must_exist(run, account, tmp_path) -> None:
    assert "all_scaling_configurations" in run(MODULE, http_tokens="required")["msg"]
    assert "Cannot find 1 scaling configurations" in require(run, "asc-unknown")["msg"]
    assert "not the ID" in require(run, "../asc")["msg"]
    assert "has no scaling configuration asc-1" in restore(run, tmp_path, scaling_configuration_ids=["asc-1"])["msg"]
    assert "No scaling configurations are selected" in run(
        MODULE, http_tokens="required", all_scaling_configurations=True
    )["displayed"].replace("\n", " ")


# image_imds_support


def support(control, name: str) -> str:
    return next(
        row["Features"]["ImdsSupport"]
        for row in Account(control).ecs("DescribeImages", ImageId=name)["Images"]["Image"]
    )


def test_an_old_image_blocks_a_template_until_it_is_changed(run, account, control, tmp_path) -> None:
    """The whole way: a scaling group that uses a launch template with an old image."""
    template = account.template(ImageId="m-old")
    group = account.group(LaunchTemplateId=template)
    assert account.born(group) == 200
    wanted = {"launch_template_ids": [template], "http_tokens": "required"}
    refused = run(TEMPLATE, **wanted)
    assert refused["failed"] is True and "image_imds_support" in refused["msg"]
    shown = run(IMAGE, image_ids=["m-old"], _ansible_check_mode=True, _ansible_diff=True)
    assert shown["changed"] is True and "confirm: true" in " ".join(shown["displayed"].split())
    assert shown["diff"][0]["after"] == {"imds_support": "v2"} and support(control, "m-old") == "v1"
    log = {"change_log": str(tmp_path)}
    unconfirmed = run(IMAGE, image_ids=["m-old"], **log)
    assert os.listdir(tmp_path) == []
    assert unconfirmed["failed"] is True and "confirm: true" in unconfirmed["msg"] and changes(control) == 0
    tmp_path.chmod(0o777)
    assert "can write it" in run(IMAGE, image_ids=["m-old"], confirm=True, **log)["msg"] and changes(control) == 0
    tmp_path.chmod(0o700)
    done = run(IMAGE, image_ids=["m-old"], confirm=True, **log)
    lines = [json.loads(line) for line in (tmp_path / "changes.jsonl").read_text().splitlines()]
    assert [(it["kind"], it["id"], it["outcome"]) for it in lines] == [
        ("image", "m-old", "sending"),
        ("image", "m-old", "accepted"),
    ]
    assert lines[1]["request_id"] and lines[1]["after"] == {"imds_support": "v2"}
    assert done["images"][0]["after"] == {"imds_support": "v2"} and done["totals"]["changed"] == 1
    assert run(IMAGE, image_ids=["m-old"])["changed"] is False and changes(control) == 1
    assert run(TEMPLATE, **wanted)["changed"] is True
    assert account.born(group) == 403


def test_only_own_images_with_known_support_are_changed(run, account, control) -> None:
    result = run(IMAGE, image_ids=["m-old", "m-shared", "m-silent", "m-win", "m-new"], confirm=True)
    assert result["failed"] is True and result["totals"] == {"changed": 1, "unchanged": 1, "refused": 3, "failed": 0}
    errors = {row["image_id"]: row["error"] for row in result["images"]}
    assert "others" in errors["m-shared"] and "did not return" in errors["m-silent"] and "Windows" in errors["m-win"]
    assert changes(control) == 1
    own = run(IMAGE, all_images=True, confirm=True, allow_windows=True)
    assert {row["image_id"]: row["changed"] for row in own["images"] if row["image_id"] in IMAGES} == {
        "m-new": False,
        "m-old": False,
        "m-silent": False,
        "m-win": True,
    }
    assert "Cannot find 1 images" in run(IMAGE, image_ids=["m-none"], confirm=True)["msg"]
    assert "not the ID" in run(IMAGE, image_ids=["m-1,m-2"], confirm=True)["msg"]
    assert "all_images" in run(IMAGE, confirm=True)["msg"]
    assert run(IMAGE, image_ids=["m-old"], access_key_id="LTAI5tNobody00000001")["failed"] is True


# provisioning_info


def test_configurations_and_groups_with_a_template_have_a_verdict(run, account, control) -> None:
    group = account.group()
    account.configuration(group, active=True, ScalingConfigurationName="good", HttpTokens="required")
    account.configuration(group, ScalingConfigurationName="open")
    account.configuration(group, ScalingConfigurationName="off", HttpEndpoint="disabled")
    account.configuration(group, ScalingConfigurationName="old", HttpTokens="required", ImageId="m-old")
    account.configuration(group, ScalingConfigurationName="family", HttpTokens="required", ImageId="", ImageFamily="x")
    template = account.template(ImageId="m-new")
    account.ecs("CreateLaunchTemplateVersion", LaunchTemplateId=template, ImageId="m-new", HttpTokens="required")
    for version in ("Default", "Latest", "1", "2"):
        account.group(LaunchTemplateId=template, LaunchTemplateVersion=version, ScalingGroupName="g" + version)
    result = run(INFO, kinds=["scaling_configuration", "scaling_group"])
    rows = {row["name"]: row for row in result["resources"]}
    assert {name: (row["kind"], row["verdict"], row["version"], row["active"]) for name, row in rows.items()} == {
        "good": ("scaling_configuration", "compliant", None, True),
        "open": ("scaling_configuration", "optional", None, False),
        "off": ("scaling_configuration", "endpoint_disabled", None, False),
        "old": ("scaling_configuration", "blocked_by_image", None, False),
        "family": ("scaling_configuration", "unknown", None, False),
        "gDefault": ("scaling_group", "optional", 1, True),
        "gLatest": ("scaling_group", "compliant", 2, True),
        "g1": ("scaling_group", "optional", 1, True),
        "g2": ("scaling_group", "compliant", 2, True),
    }
    assert rows["good"]["scaling_group_id"] == group and rows["g2"]["launch_template_id"] == template
    assert len({tuple(sorted(row)) for row in run(INFO)["resources"]}) == 1  # the same fields for each kind
    assert run(INFO, kinds=["scaling_group"], fail_on=["optional"])["failed"] is True


def test_a_region_whose_auto_scaling_hangs_still_has_its_templates(run, account, control, monkeypatch) -> None:
    account.configuration(account.group())
    template = account.template(ImageId="m-new")
    fail(control, "DescribeScalingConfigurations", region=REGION, kind="hang")
    monkeypatch.setattr(_select, "REGION_DEADLINE", 1.0)
    result = run(INFO, regions=["all"])
    assert result.get("failed") is not True and template in {row["id"] for row in result["resources"]}
    assert [it["region_id"] for it in result["failed_regions"]] == [REGION]
    assert run(INFO, regions=["all"], fail_on=["unknown"])["failed"] is True
    assert run(INFO, kinds=["launch_template"]).get("failed") is not True


def test_without_permission_for_auto_scaling_its_resources_are_unknown_and_the_others_are_read(
    run, account, control
) -> None:
    account.configuration(account.group())
    template = account.template(ImageId="m-new", HttpTokens="required")
    key = "LTAI5tEcsOnly00000001"
    keys = {"secret": SECRET, "account": "1600000000000000", "actions": ["ecs:Describe*"]}
    control.admin("PATCH", "/control", {"access_keys": {**ACCESS, key: keys}})
    own = {"access_key_id": key}
    result = run(INFO, **own, kinds=["launch_template", "scaling_configuration", "scaling_group"])
    assert result.get("failed") is not True and result["failed_regions"] == []
    unread = {row["kind"]: row for row in result["resources"] if row["id"] is None}
    assert set(unread) == {"scaling_configuration", "scaling_group"} and result["totals"]["unknown"] == 2
    assert {row["verdict"] for row in unread.values()} == {"unknown"}
    assert "ess:DescribeScalingConfigurations" in unread["scaling_configuration"]["reason"]
    assert "ess:DescribeScalingGroups" in unread["scaling_group"]["reason"]
    assert template in {row["id"] for row in result["resources"] if row["verdict"] == "compliant"}
    assert "ess:DescribeScalingGroups" in " ".join(result["displayed"].split())
    hidden = run(INFO, **own, verdicts=["optional"])
    assert hidden["resources"] == [] and "ess:DescribeScalingGroups" in hidden["errors"][0]
    for verdicts in (["optional", "blocked_by_image"], ["unknown"]):  # what could not be read passes no check
        checked = run(INFO, **own, kinds=["launch_template", "scaling_group"], fail_on=verdicts)
        assert checked["failed"] is True and "ess:DescribeScalingGroups" in checked["msg"]
    assert run(INFO, **own, kinds=["launch_template"], fail_on=["optional"]).get("failed") is not True
    nothing = run(INFO, **own, kinds=["scaling_group"])
    assert nothing["failed"] is True and "ess:DescribeScalingGroups" in nothing["msg"]


# the default of ess_endpoint


@pytest.mark.parametrize(
    "api_endpoint, ess_endpoint, expected",
    [
        ("https://ecs.{region}.aliyuncs.com", None, DEFAULT_ENDPOINT),
        ("https://ecs-vpc.{region}.aliyuncs.com", None, DEFAULT_ENDPOINT),
        ("http://127.0.0.1:8102", None, "http://127.0.0.1:8102"),
        ("https://ecs.aliyuncs.com.example", None, "https://ecs.aliyuncs.com.example"),
        ("http://127.0.0.1:8102", "https://ess.example", "https://ess.example"),
    ],
)
def test_keys_of_an_emulator_are_not_sent_to_the_vendor(api_endpoint, ess_endpoint, expected) -> None:
    assert endpoint_of({"api_endpoint": api_endpoint, "ess_endpoint": ess_endpoint}) == expected
