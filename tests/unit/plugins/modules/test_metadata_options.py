# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""metadata_options with the real AnsibleModule and the emulated API."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.slow


def test_a_directory_of_records_is_restored_in_parts(run, control, tmp_path) -> None:
    record = str(tmp_path / "records")
    names = {"i-web1": "web-one", "i-off": "web-off"}
    args = {"instance_ids": ["i-web1", "i-off"], "http_tokens": "required", "record": record, "record_names": names}
    planned = run("metadata_options", **args, _ansible_check_mode=True)
    assert planned["changed"] is True and not os.path.exists(record)
    done = run("metadata_options", **args)
    assert {row["instance_id"]: row["record_name"] for row in done["instances"]} == names
    assert sorted(os.listdir(record)) == [".lock", "changes.jsonl", "web-off.json", "web-one.json"]

    back = {"state": "restored", "record": record, "regions": None}
    some = run("metadata_options", **back, record_only=["web-one", "never-recorded"])
    assert [(row["record_name"], row["changed"]) for row in some["instances"]] == [("web-one", True)]
    assert control.options("web1")[1] == "optional" and control.options("off")[1] == "required"
    assert sorted(os.listdir(record)) == [".lock", "changes.jsonl", "web-off.json"]
    assert run("metadata_options", **back, record_only=["web-one"])["instances"] == []
    assert run("metadata_options", **back)["totals"]["changed"] == 1
    assert run("metadata_options", **back, record_only=["../x"])["failed"] is True


def test_with_refused_report_an_unknown_instance_or_region_does_not_affect_the_others(run, control) -> None:
    asked = {"instance_ids": ["i-web1", "i-gone"], "http_tokens": "required", "refused": "report"}
    done = run("metadata_options", **asked, regions=["cn-hangzhou", "cn-nowhere"])
    assert done.get("failed") is not True and done["totals"] == {
        "changed": 1,
        "unchanged": 0,
        "refused": 1,
        "failed": 0,
    }
    errors = {row["instance_id"]: row["error"] for row in done["instances"]}
    assert errors["i-web1"] is None
    assert errors["i-gone"].startswith("The API returned no instance with this ID in cn-hangzhou. ")
    assert "InvalidRegionId" in errors["i-gone"]
    assert control.options("web1")[1] == "required"
    read = run("metadata_options_info", instance_ids=["i-web1", "i-gone"], missing="report")
    assert [row["instance_id"] for row in read["instances"]] == ["i-web1"] and list(read["missing"]) == ["i-gone"]


def test_an_instance_with_other_private_addresses_is_refused(run, control) -> None:
    own = control.admin("GET", "/instances/i-web1")["network_interfaces"][0]["primary_ip_address"]
    asked = {"instance_ids": ["i-web1", "i-off"], "http_tokens": "required"}
    addresses = {"i-web1": [own, "fd00::1"], "i-off": "192.0.2.1"}
    refused = run("metadata_options", **asked, private_addresses=addresses)
    assert refused["failed"] is True and "Nothing was changed." in refused["msg"]
    assert control.calls("ModifyInstanceMetadataOptions") == []
    done = run("metadata_options", **asked, private_addresses=addresses, refused="report")
    errors = {row["instance_id"]: row["error"] for row in done["instances"]}
    assert errors["i-web1"] is None and "expected: 192.0.2.1. The host may have claimed" in errors["i-off"]
    assert control.options("web1")[1] == "required" and control.options("off")[1] == "optional"


def test_a_restore_to_the_options_before_one_task_keeps_the_older_record(run, control, tmp_path) -> None:
    """A rollback of the second task must not undo the first one."""
    record = {"record": str(tmp_path / "records"), "record_names": {"i-web1": "web1"}}
    run("metadata_options", instance_ids=["i-web1"], http_tokens="required", **record)
    second = run("metadata_options", instance_ids=["i-web1"], http_endpoint="disabled", **record)
    before = {row["instance_id"]: row["before"] for row in second["instances"]}
    back = {"state": "restored", "record": record["record"], "record_only": ["web1"], "regions": None}
    assert run("metadata_options", **back, before=before)["changed"] is True
    assert control.options("web1") == ("enabled", "required", "disabled")
    assert run("metadata_options", **back)["changed"] is True
    assert control.options("web1") == ("enabled", "optional", "disabled")
    gone = run("metadata_options", **back, before=before)
    assert gone["failed"] is True and "has no entry for i-web1" in gone["msg"]


def test_an_instance_in_the_record_of_another_host_is_refused_before_a_change(run, control, tmp_path) -> None:
    record = str(tmp_path / "records")
    run(
        "metadata_options", instance_ids=["i-web1"], http_tokens="required", record=record, record_names={"i-web1": "a"}
    )
    control.admin("PATCH", "/instances/i-web1", {"http_tokens": "optional"})
    names = {"i-web1": "evil", "i-off": "off"}
    asked = {"instance_ids": ["i-web1", "i-off"], "http_tokens": "required", "record": record, "record_names": names}
    done = run("metadata_options", **asked, refused="report")
    errors = {row["instance_id"]: row["error"] for row in done["instances"]}
    assert "for another host" in errors["i-web1"] and errors["i-off"] is None
    assert control.options("web1")[1] == "optional" and control.options("off")[1] == "required"


def test_a_hostile_record_is_refused_before_any_call(run, control, tmp_path) -> None:
    record = tmp_path / "record.json"
    os.mkfifo(str(record))
    for asked in ({"state": "restored"}, {"instance_ids": ["i-web1"], "http_tokens": "required"}):
        refused = run("metadata_options", record=str(record), **asked)
        assert refused["failed"] is True and "it is not a regular file" in refused["msg"]
    assert control.calls() == []
    folder = tmp_path / "records"
    folder.mkdir()
    (folder / "web1.json").symlink_to("/etc/passwd")
    only = {"state": "restored", "record": str(folder), "record_only": ["web1", "web2"]}
    assert "it is a link" in run("metadata_options", **only)["msg"]
    reported = run("metadata_options", **only, refused="report")
    assert reported.get("failed") is not True and "it is a link" in reported["record_errors"]["web1"]
    assert control.calls() == []


def test_unknown_options_are_changed_only_with_empty_options_default(run, control) -> None:
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


def test_only_instances_that_differ_are_changed_and_restored(run, control, tmp_path) -> None:
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
    # A disabled endpoint stays disabled.
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
    missing = run("metadata_options", **back)
    assert missing["failed"] is True and "does not exist" in missing["msg"]


def test_an_option_that_is_not_set_keeps_its_value(run, control) -> None:
    control.admin("PATCH", "/instances/i-web2", {"instance_metadata_tags": "enabled"})
    run("metadata_options", instance_ids=["i-web2"], http_tokens="optional")
    assert control.options("web2") == ("enabled", "optional", "enabled")
    run("metadata_options", instance_ids=["i-web2"], instance_metadata_tags="disabled")
    assert control.options("web2") == ("enabled", "optional", "disabled")


def test_a_refused_windows_or_ack_node_stops_all_changes(run, control) -> None:
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


def test_a_failed_change_does_not_stop_the_others(run, control) -> None:
    fault = {"kind": "error", "code": "InvalidInstanceId.NotFound", "status": 404, "instance": "i-web1"}
    control.admin("PATCH", "/control", {"faults": [{**fault, "action": "ModifyInstanceMetadataOptions"}]})
    result = run("metadata_options", tags={"app": "web"}, http_tokens="required")
    assert result["failed"] is True
    assert result["totals"] == {"changed": 1, "unchanged": 1, "refused": 0, "failed": 1}
    errors = {row["name"]: row["error"] for row in result["instances"] if row["error"]}
    assert list(errors) == ["web1"] and "InvalidInstanceId.NotFound" in errors["web1"]


def test_a_missing_permission_differs_from_an_empty_selection(run) -> None:
    nobody = {"access_key_id": "LTAI5tNobody00000001"}
    denied = run("metadata_options_info", **nobody)
    assert denied["failed"] is True and "ecs:DescribeInstances" in denied["msg"]
    empty = run("metadata_options_info", name="nonsense")
    assert empty["instances"] == [] and empty.get("failed") is not True
    reader = run("metadata_options", tags={"app": "web"}, http_tokens="required", access_key_id="LTAI5tReader00000001")
    assert reader["failed"] is True and "ecs:ModifyInstanceMetadataOptions" in reader["msg"]
    assert reader["totals"]["changed"] == 0


def test_a_change_that_is_not_visible_in_time_is_a_failure(run, control) -> None:
    control.admin("PATCH", "/control", {"describe_delay_seconds": 3600})
    late = run("metadata_options", instance_ids=["i-web1"], http_tokens="required", wait_timeout=1)
    assert late["failed"] is True and "does not show it after 1 s" in late["msg"]
    control.admin("PATCH", "/control", {"describe_delay_seconds": 0})
    assert run("metadata_options", instance_ids=["i-web1"], http_tokens="optional")["changed"] in (True, False)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"instance_ids": ["web1"]}, "'web1' in 'instance_ids' is not an instance ID"),
        ({"instance_ids": ["i-gone"]}, "Cannot find 1 of the instances in cn-hangzhou"),
        ({"instance_ids": ["i-far"]}, "instances in cn-hangzhou"),
        ({"regions": ["Hangzhou"], "tags": {"app": "web"}}, "'Hangzhou' in 'regions' is not a region ID"),
        ({"regions": ["cn-nowhere"], "tags": {"app": "web"}}, "InvalidRegionId"),
        ({}, "No instances are selected"),
        ({"tags": {"app": "web"}, "access_key_secret": "wrong"}, "SignatureDoesNotMatch"),
        ({"tags": {"app": "web"}, "access_key_id": "LTAI5tUnknown"}, "InvalidAccessKeyId"),
        ({"tags": {"app": "web"}, "access_key_secret": None}, "access_key_secret"),
        ({"tags": {"app": "web"}, "max_concurrency": 0}, "max_concurrency must be 1 to 64"),
        ({"tags": {"app": "web"}, "api_endpoint": "http://192.0.2.1"}, "https://"),
        ({"tags": {"app": "web"}, "record": "/nonexistent/record.json"}, "/nonexistent/record.json"),
    ],
)
def test_invalid_input_is_an_error_and_changes_nothing(run, control, args, message) -> None:
    result = run("metadata_options", **{"http_tokens": "required", **args})
    assert result["failed"] is True and message in result["msg"]
    assert [call for call in control.calls("ModifyInstanceMetadataOptions") if call["status"] == 200] == []


@pytest.mark.parametrize("kind", ["html", "truncated", "repeat_token"])
def test_an_invalid_response_changes_nothing(run, control, kind) -> None:
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


def test_a_failed_task_returns_the_failed_instances_only(run, control) -> None:
    fault = {"kind": "error", "code": "IncorrectInstanceStatus", "status": 403, "instance": "i-web1", "times": None}
    control.admin("PATCH", "/control", {"faults": [{**fault, "action": "ModifyInstanceMetadataOptions"}]})
    args = {"tags": {"app": "web"}, "http_tokens": "required"}
    failed = run("metadata_options", **args)
    assert [row["name"] for row in failed["instances"]] == ["web1"] and failed["omitted"] == 2
    assert failed["totals"] == {"changed": 1, "unchanged": 1, "refused": 0, "failed": 1}
    everything = run("metadata_options", **args, result_on_failure="all")
    assert [row["name"] for row in everything["instances"]] == ["web1", "off", "web2"], "failed ones first"
    assert "omitted" not in everything


def test_only_what_was_sent_is_called_sent(run, control) -> None:
    def rows(result: dict) -> dict[str, tuple[bool, bool]]:
        return {row["name"]: (row["planned"], row["sent"]) for row in result["instances"]}

    args = {"tags": {"app": "web"}, "http_tokens": "required", "result_on_failure": "all"}
    planned = run("metadata_options", **args, _ansible_check_mode=True)
    assert rows(planned) == {"web1": (True, False), "web2": (False, False), "off": (True, False)}
    refused = run("metadata_options", all_instances=True, http_tokens="required", result_on_failure="all")
    assert refused["failed"] is True and not any(sent for _planned, sent in rows(refused).values())
    assert rows(run("metadata_options", **args)) == {"web1": (True, True), "web2": (False, False), "off": (True, True)}
    fault = {"kind": "error", "code": "InternalError", "status": 500, "instance": "i-web1", "times": None}
    control.admin("PATCH", "/control", {"faults": [{**fault, "action": "ModifyInstanceMetadataOptions"}]})
    lost = run("metadata_options", **{**args, "http_tokens": "optional"}, api_retries=0)
    assert rows(lost)["web1"] == (True, True), "the API may have accepted it"


def test_a_change_that_cannot_be_read_back_is_not_called_invisible(run, control) -> None:
    fault = {
        "kind": "error",
        "code": "Forbidden.RAM",
        "status": 403,
        "action": "DescribeInstances",
        "skip": 1,
        "times": None,
    }
    control.admin("PATCH", "/control", {"faults": [fault]})
    result = run("metadata_options", instance_ids=["i-web1"], http_tokens="required", wait_timeout=1)
    assert (
        result["failed"] is True
        and "accepted the change, but it could not be verified: DescribeInstances" in result["msg"]
    )
    assert control.options("web1")[1] == "required"


def test_a_dry_run_finds_all_problems_at_once_and_changes_nothing(run, control, tmp_path) -> None:
    """A record that cannot be written, an unknown instance and a profile that does not exist."""
    (tmp_path / "file").touch()
    asked = {"instance_ids": ["i-web1", "i-gone"], "http_tokens": "required", "dry_run": True, "refused": "report"}
    good = run("metadata_options", **asked, record=str(tmp_path / "new"), record_names={"i-web1": "web1"})
    assert good.get("failed") is not True and good["changed"] is False, good
    rows = {row["instance_id"]: row for row in good["instances"]}
    assert (
        rows["i-web1"]["planned"] is True
        and rows["i-web1"]["sent"] is False
        and "no instance" in rows["i-gone"]["error"]
    )
    assert control.options("web1") == ("enabled", "optional", "disabled") and not (tmp_path / "new").exists()
    names = {"record": str(tmp_path / "file" / "deep"), "record_names": {"i-web1": "web1"}}
    bad = run("metadata_options", **{**asked, "refused": "fail"}, **names)
    assert bad["failed"] is True and "a directory" in bad["msg"] and "i-gone" in bad["msg"], bad
    nothing = run(
        "metadata_options",
        **{**asked, "instance_ids": []},
        **names,
        profile="none",
        access_key_id=None,
        access_key_secret=None,
    )
    assert "a directory" in nothing["msg"] and "profile" in nothing["msg"], nothing
    calls = control.calls("ModifyInstanceMetadataOptions")
    assert [call["code"] for call in calls] == ["InvalidHttpEndpoint.NotSupported"], "refused, so they change nothing"
    run("metadata_options", **asked, _ansible_check_mode=True)
    assert control.calls("ModifyInstanceMetadataOptions") == calls


@pytest.mark.parametrize("kept", ["i-web1", "i-off"])
def test_a_dry_run_finds_a_missing_permission_to_change(run, control, tmp_path, kept) -> None:
    """A policy permits changes of no instance or, here by faults, of some instances only."""
    other = {"i-web1": "i-off", "i-off": "i-web1"}[kept]
    refused = {"kind": "error", "action": "Modify*", "code": "Forbidden.RAM", "status": 403, "instance": other}
    control.admin("PATCH", "/control", {"faults": [refused]})
    asked = {"instance_ids": ["i-off", "i-web1"], "http_tokens": "required", "dry_run": True, "refused": "report"}
    rows = {row["instance_id"]: row for row in run("metadata_options", **asked)["instances"]}
    tested_first = min(rows)
    assert rows[kept]["error"] is None and rows[kept]["planned"] is True
    if other == tested_first:
        assert "ecs:ModifyInstanceMetadataOptions" in rows[other]["error"] and rows[other]["planned"] is False
    else:
        assert rows[other]["error"] is None, "unknown: one call for each region, if that is not refused"
    control.admin("PATCH", "/control", {"faults": [{**refused, "instance": "*"}]})
    rows = {row["instance_id"]: row for row in run("metadata_options", **asked)["instances"]}
    assert all("ecs:ModifyInstanceMetadataOptions" in row["error"] for row in rows.values())
    failed = run("metadata_options", **{**asked, "refused": "fail"})
    assert failed["failed"] is True and "Forbidden.RAM" in failed["msg"] and "2 of 2 instances" in failed["msg"]
    assert control.options("web1")[1] == "optional"


def test_a_dry_run_without_requests_still_checks_the_record(run, control, tmp_path, monkeypatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(
        "ansible_collections.alicloud.imds.plugins.modules.metadata_options.IMPORT_ERROR", "No module named requests"
    )
    names = {"record": str(tmp_path / "file" / "deep"), "record_names": {"i-web1": "web1"}}
    bad = run("metadata_options", instance_ids=["i-web1"], http_tokens="required", dry_run=True, **names)
    assert bad["failed"] is True and "requests" in bad["msg"] and "a directory" in bad["msg"], bad


def test_a_change_of_an_interrupted_run_stays_unverified_until_it_is_confirmed(run, control, tmp_path) -> None:
    record = {"record": str(tmp_path / "records"), "record_names": {"i-web1": "web1", "i-off": "off"}}
    asked = {"http_tokens": "required", "record_unverified": True, **record}
    first = run("metadata_options", instance_ids=["i-web1", "i-off"], **asked)
    assert [row["unverified"] for row in first["instances"]] == [False, False], "before the task"
    again = run("metadata_options", instance_ids=["i-web1"], **asked, dry_run=True)
    assert again["instances"][0]["unverified"] is True and again["changed"] is False
    assert "were not verified: off. Another run" in again["displayed"]
    confirm = {"state": "verified", "regions": None, "record": record["record"]}
    assert run("metadata_options", **confirm, record_only=["web1"], _ansible_check_mode=True)["changed"] is True
    assert run("metadata_options", **confirm, record_only=["web1"])["changed"] is True
    assert run("metadata_options", **confirm, record_only=["web1"])["changed"] is False
    rows = run("metadata_options", instance_ids=["i-web1", "i-off"], **asked)["instances"]
    assert {row["instance_id"]: row["unverified"] for row in rows} == {"i-web1": False, "i-off": True}
    run("metadata_options", state="restored", regions=None, record=record["record"])
    assert control.options("web1")[1] == control.options("off")[1] == "optional"


def test_a_restoration_with_refused_report_names_an_instance_that_does_not_exist_and_restores_the_others(
    run, control, tmp_path
) -> None:
    record = {"record": str(tmp_path / "records"), "record_names": {"i-web1": "web1", "i-off": "off"}}
    run("metadata_options", instance_ids=["i-web1", "i-off"], http_tokens="required", **record)
    control.admin("DELETE", "/instances/i-off")
    restored = {"state": "restored", "regions": None, "refused": "report", "record": record["record"]}
    rows = {row["instance_id"]: row for row in run("metadata_options", **restored)["instances"]}
    assert rows["i-web1"]["error"] is None and control.options("web1")[1] == "optional"
    assert "no instance" in rows["i-off"]["error"]
