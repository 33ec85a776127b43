# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""metadata_options and metadata_options_info with the real AnsibleModule, against the emulated API."""

from __future__ import annotations

import importlib
import json
import os

import pytest
from ansible.module_utils.testing import patch_module_args

from .conftest import KEY, SECRET


@pytest.fixture
def run(control, capsys):
    def run_module(name: str, /, **args) -> dict:
        module = importlib.import_module("ansible_collections.alicloud.imds.plugins.modules." + name)
        args = {
            "api_endpoint": control.endpoint,
            "access_key_id": KEY,
            "access_key_secret": SECRET,
            "regions": ["cn-hangzhou"],
            "api_deadline": 600,
            **args,
        }
        given = {key: value for key, value in args.items() if value is not None}
        with patch_module_args(given), pytest.raises(SystemExit):
            module.main()
        printed = capsys.readouterr()
        assert SECRET not in printed.out + printed.err
        return json.loads(printed.out)

    return run_module


def verdicts(result: dict) -> dict[str, str]:
    return {row["name"]: row["verdict"] for row in result["instances"]}


def test_info_judges_every_instance(run) -> None:
    result = run("metadata_options_info")
    assert verdicts(result) == {
        "web1": "optional",
        "web2": "compliant",
        "off": "endpoint_disabled",
        "win": "exempt",
        "ack": "exempt",
    }
    assert result["totals"] == {"compliant": 1, "optional": 1, "endpoint_disabled": 1, "exempt": 2, "unknown": 0}
    reasons = {row["name"]: row["reason"] for row in result["instances"] if row["reason"]}
    assert "Windows does not support" in reasons["win"] and "c123" in reasons["ack"]


def test_info_in_all_regions_and_by_filters(run) -> None:
    assert set(verdicts(run("metadata_options_info", regions=["all"]))) == {"web1", "web2", "off", "win", "ack", "far"}
    assert set(verdicts(run("metadata_options_info", tags={"app": "web"}))) == {"web1", "web2", "off"}
    assert set(verdicts(run("metadata_options_info", name="web*"))) == {"web1", "web2"}
    assert set(verdicts(run("metadata_options_info", instance_ids=["i-win"]))) == {"win"}
    both = run("metadata_options_info", regions=["cn-hangzhou", "eu-central-1"], instance_ids=["i-far", "i-web1"])
    assert [row["region_id"] for row in both["instances"]] == ["cn-hangzhou", "eu-central-1"]


def test_a_record_for_each_host_and_only_some_restored(run, control, tmp_path) -> None:
    record = str(tmp_path / "records")
    names = {"i-web1": "web-one", "i-off": "web-off"}
    args = {"instance_ids": ["i-web1", "i-off"], "http_tokens": "required", "record": record, "record_names": names}
    planned = run("metadata_options", **args, _ansible_check_mode=True)
    assert planned["changed"] is True and not os.path.exists(record)
    done = run("metadata_options", **args)
    assert {row["instance_id"]: row["record_name"] for row in done["instances"]} == names
    assert sorted(os.listdir(record)) == [".lock", "web-off.json", "web-one.json"]

    back = {"state": "restored", "record": record, "regions": None}
    some = run("metadata_options", **back, record_only=["web-one", "never-recorded"])
    assert [(row["record_name"], row["changed"]) for row in some["instances"]] == [("web-one", True)]
    assert control.options("web1")[1] == "optional" and control.options("off")[1] == "required"
    assert sorted(os.listdir(record)) == [".lock", "web-off.json"]
    assert run("metadata_options", **back, record_only=["web-one"])["instances"] == []
    assert run("metadata_options", **back)["totals"]["changed"] == 1
    assert run("metadata_options", **back, record_only=["../x"])["failed"] is True


def test_info_fail_on(run) -> None:
    failed = run("metadata_options_info", fail_on=["optional", "unknown"])
    assert failed["failed"] is True and "1 optional" in failed["msg"]
    assert len(failed["instances"]) == 5
    excused = run("metadata_options_info", fail_on=["optional"], exempt={"i-web1": "until March"})
    assert excused.get("failed") is not True and verdicts(excused)["web1"] == "exempt"


def test_info_image_support(run, control) -> None:
    control.admin("PATCH", "/instances/i-web1", {"image_imds_support": "v1", "image_id": "m-old"})
    rows = {row["name"]: row for row in run("metadata_options_info", image_support=True)["instances"]}
    assert rows["web1"]["image_imds_support"] == "v1"


def test_options_that_are_not_returned_are_not_judged(run, control) -> None:
    control.admin(
        "POST",
        "/instances",
        {"instance_id": "i-new", "region_id": "cn-hangzhou", "owner_account_id": "1600000000000000", "clients": []},
    )
    new = run("metadata_options_info", instance_ids=["i-new"])["instances"][0]
    assert (new["verdict"], new["options"]) == ("unknown", None)
    assumed = run("metadata_options_info", instance_ids=["i-new"], empty_options="default")["instances"][0]
    assert assumed["verdict"] == "optional"
    refused = run("metadata_options", instance_ids=["i-new"], http_tokens="required")
    assert refused["failed"] is True and "empty_options: default" in refused["msg"]
    assert control.calls("ModifyInstanceMetadataOptions") == []
    changed = run("metadata_options", instance_ids=["i-new"], http_tokens="required", empty_options="default")
    assert changed["changed"] is True
    assert control.options("new") == ("enabled", "required", "disabled")


def test_only_what_needs_it_is_changed(run, control, tmp_path) -> None:
    record = str(tmp_path / "record.json")
    args = {"tags": {"app": "web"}, "http_tokens": "required", "record": record}
    planned = run("metadata_options", **args, _ansible_check_mode=True, _ansible_diff=True)
    assert planned["changed"] is True and control.calls("ModifyInstanceMetadataOptions") == []
    assert not os.path.exists(record)
    result = run("metadata_options", **args)
    assert result["totals"] == {"changed": 2, "unchanged": 1, "refused": 0, "failed": 0}
    assert result["diff"] == planned["diff"]
    assert "i-web1 http_tokens: optional" in result["diff"]["before"]
    assert "i-web1 http_tokens: required" in result["diff"]["after"]
    sent = control.calls("ModifyInstanceMetadataOptions")
    assert sorted(call["instance"] for call in sent) == ["i-off", "i-web1"]
    # a disabled endpoint stays disabled
    assert control.options("off") == ("disabled", "required", "disabled")
    assert control.options("web1") == ("enabled", "required", "disabled")
    again = run("metadata_options", **args)
    assert again["changed"] is False and len(control.calls("ModifyInstanceMetadataOptions")) == 2

    back = {"state": "restored", "record": record, "regions": None}
    assert run("metadata_options", **back, _ansible_check_mode=True)["totals"]["changed"] == 2
    restored = run("metadata_options", **back)
    assert restored["totals"]["changed"] == 2
    assert control.options("off") == ("disabled", "optional", "disabled")
    assert control.options("web1") == ("enabled", "optional", "disabled")
    assert control.options("web2") == ("enabled", "required", "disabled")
    again = run("metadata_options", **back)
    assert again["changed"] is False and again["instances"] == []
    os.unlink(record)
    nothing = run("metadata_options", **back)
    assert nothing["failed"] is True and "no record" in nothing["msg"]


def test_options_left_out_keep_their_value(run, control) -> None:
    control.admin("PATCH", "/instances/i-web2", {"instance_metadata_tags": "enabled"})
    run("metadata_options", instance_ids=["i-web2"], http_tokens="optional")
    assert control.options("web2") == ("enabled", "optional", "enabled")
    run("metadata_options", instance_ids=["i-web2"], instance_metadata_tags="disabled")
    assert control.options("web2") == ("enabled", "optional", "disabled")


def test_windows_and_ack_nodes_are_refused_and_nothing_is_changed(run, control) -> None:
    refused = run("metadata_options", all_instances=True, http_tokens="required")
    assert refused["failed"] is True
    assert "allow_windows: true" in refused["msg"] and "allow_ack_nodes: true" in refused["msg"]
    assert "Nothing was changed" in refused["msg"] and refused["totals"]["changed"] == 0
    assert control.calls("ModifyInstanceMetadataOptions") == []
    others = run("metadata_options", all_instances=True, http_tokens="required", refused="report")
    assert others.get("failed") is not True
    assert others["totals"] == {"changed": 2, "unchanged": 1, "refused": 2, "failed": 0}
    run("metadata_options", instance_ids=["i-win"], http_tokens="required", allow_windows=True)
    assert control.options("win")[1] == "required"


def test_a_failure_of_one_does_not_stop_the_others(run, control) -> None:
    fault = {"kind": "error", "code": "InvalidInstanceId.NotFound", "status": 404, "instance": "i-web1"}
    control.admin("PATCH", "/control", {"faults": [{**fault, "action": "ModifyInstanceMetadataOptions"}]})
    result = run("metadata_options", tags={"app": "web"}, http_tokens="required")
    assert result["failed"] is True
    assert result["totals"] == {"changed": 1, "unchanged": 1, "refused": 0, "failed": 1}
    errors = {row["name"]: row["error"] for row in result["instances"] if row["error"]}
    assert list(errors) == ["web1"] and "InvalidInstanceId.NotFound" in errors["web1"]


def test_missing_permissions_are_told_from_missing_instances(run) -> None:
    nobody = {"access_key_id": "LTAI5tNobody00000001"}
    denied = run("metadata_options_info", **nobody)
    assert denied["failed"] is True and "ecs:DescribeInstances" in denied["msg"]
    empty = run("metadata_options_info", name="nonsense")
    assert empty["instances"] == [] and empty.get("failed") is not True
    reader = run("metadata_options", tags={"app": "web"}, http_tokens="required", access_key_id="LTAI5tReader00000001")
    assert reader["failed"] is True and "ecs:ModifyInstanceMetadataOptions" in reader["msg"]
    assert reader["totals"]["changed"] == 0


def test_it_waits_until_the_change_shows(run, control) -> None:
    control.admin("PATCH", "/control", {"describe_delay_seconds": 3600})
    late = run("metadata_options", instance_ids=["i-web1"], http_tokens="required", wait_timeout=1)
    assert late["failed"] is True and "did not show within 1 s" in late["msg"]
    control.admin("PATCH", "/control", {"describe_delay_seconds": 0})
    assert run("metadata_options", instance_ids=["i-web1"], http_tokens="optional")["changed"] in (True, False)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"instance_ids": ["web1"]}, "'web1' in 'instance_ids' is no instance ID"),
        ({"instance_ids": ["i-gone"]}, "1 instances are not in cn-hangzhou"),
        ({"instance_ids": ["i-far"]}, "are not in cn-hangzhou"),
        ({"regions": ["Hangzhou"], "tags": {"app": "web"}}, "'Hangzhou' in 'regions' is no region ID"),
        ({"regions": ["cn-nowhere"], "tags": {"app": "web"}}, "InvalidRegionId"),
        ({}, "Choose instances by"),
        ({"tags": {"app": "web"}, "access_key_secret": "wrong"}, "SignatureDoesNotMatch"),
        ({"tags": {"app": "web"}, "access_key_id": "LTAI5tUnknown"}, "InvalidAccessKeyId"),
        ({"tags": {"app": "web"}, "access_key_secret": None}, "access_key_secret"),
        ({"tags": {"app": "web"}, "max_concurrency": 0}, "max_concurrency must be 1 to 64"),
        ({"tags": {"app": "web"}, "api_endpoint": "http://192.0.2.1"}, "https://"),
        ({"tags": {"app": "web"}, "record": "/nonexistent/record.json"}, "/nonexistent/record.json"),
    ],
)
def test_bad_input_is_a_clear_error_and_changes_nothing(run, control, args, message) -> None:
    result = run("metadata_options", **{"http_tokens": "required", **args})
    assert result["failed"] is True and message in result["msg"]
    assert [call for call in control.calls("ModifyInstanceMetadataOptions") if call["status"] == 200] == []


@pytest.mark.parametrize("kind", ["html", "truncated", "repeat_token"])
def test_an_api_that_answers_nonsense_changes_nothing(run, control, kind) -> None:
    if kind == "repeat_token":
        for number in range(220):
            control.admin(
                "POST",
                "/instances",
                {
                    "instance_id": "i-many%d" % number,
                    "region_id": "cn-hangzhou",
                    "owner_account_id": "1600000000000000",
                    "clients": [],
                    "http_tokens": "optional",
                },
            )
    control.admin("PATCH", "/control", {"faults": [{"kind": kind, "action": "DescribeInstances"}]})
    result = run("metadata_options", all_instances=True, http_tokens="required", refused="report", api_retries=0)
    assert result["failed"] is True and "DescribeInstances in cn-hangzhou" in result["msg"]
    assert control.calls("ModifyInstanceMetadataOptions") == []
