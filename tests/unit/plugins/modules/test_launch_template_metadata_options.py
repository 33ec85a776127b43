# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""provisioning_info and launch_template_metadata_options with the emulated API; templates are created with the vendor's SDK."""

from __future__ import annotations

import inspect
import json
import os

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._fleet import _select

from .conftest import KEY, SECRET

ecs = pytest.importorskip("alibabacloud_ecs20140526.client", reason="the vendor's SDK is not installed")
from alibabacloud_ecs20140526 import models  # noqa: E402
from alibabacloud_tea_openapi.models import Config  # noqa: E402

pytestmark = pytest.mark.slow
MODULE, INFO = "launch_template_metadata_options", "provisioning_info"
REGION = "cn-hangzhou"
IMAGES = {
    "m-new": {"region_id": REGION, "imds_support": "v2"},
    "m-old": {"region_id": REGION, "imds_support": "v1"},
    "m-silent": {"region_id": REGION},
    "m-win": {"region_id": REGION, "imds_support": "v2", "os_type": "windows"},
}
# Every field of a version that the SDK can set, except the options that tests vary.
PREFIX = "CreateLaunchTemplateVersionRequest"


def every_field() -> dict:
    """Return parameters with all fields of the SDK's request, nested ones too."""
    skipped = {"http_endpoint", "http_tokens", "launch_template_id", "launch_template_name", "region_id", "image_id"}
    skipped |= {"owner_account", "owner_id", "resource_owner_account", "resource_owner_id", "version_description"}
    return {name: it for name, it in filled(models.CreateLaunchTemplateVersionRequest).items() if name not in skipped}


def filled(model) -> dict:
    result = {}
    for name, parameter in inspect.signature(model.__init__).parameters.items():
        if name == "self":
            continue
        kind = str(parameter.annotation)
        if PREFIX in kind:
            inner = getattr(models, kind.rpartition("[")[2].rstrip("]'>").rpartition(".")[2])
            value = inner(**filled(inner))
            result[name] = [value, value] if "List" in kind else value
        elif "List" in kind:
            result[name] = [name + "-1", name + "-2"]
        else:
            result[name] = {"bool": True, "int": 7, "float": 1.5}.get(
                kind.replace("<class '", "").rstrip("'>"), "value of " + name
            )
    return result


class Account:
    """The account, as the vendor's SDK sees it."""

    def __init__(self, control) -> None:
        self.control = control
        address = control.endpoint.partition("://")[2]
        config = Config(access_key_id=KEY, access_key_secret=SECRET, endpoint=address, protocol="http")
        self.client = ecs.Client(config)

    def create(self, name: str, region: str = REGION, **fields) -> str:
        request = models.CreateLaunchTemplateRequest(region_id=region, launch_template_name=name)
        fields = {"image_id": "m-new", **fields}
        created = self.client.create_launch_template(request).body.launch_template_id
        self.version(created, region, **fields)
        self.set_default(created, 2, region)
        return created

    def version(self, template: str, region: str = REGION, **fields) -> int:
        request = models.CreateLaunchTemplateVersionRequest(region_id=region, launch_template_id=template, **fields)
        return self.client.create_launch_template_version(request).body.launch_template_version_number

    def set_default(self, template: str, number: int, region: str = REGION) -> None:
        request = models.ModifyLaunchTemplateDefaultVersionRequest(
            region_id=region, launch_template_id=template, default_version_number=number
        )
        self.client.modify_launch_template_default_version(request)

    def versions(self, template: str) -> dict[int, dict]:
        """Return LaunchTemplateData by number, as the SDK parses it."""
        request = models.DescribeLaunchTemplateVersionsRequest(
            region_id=REGION, launch_template_id=template, page_size=50
        )
        rows = self.client.describe_launch_template_versions(request).body.to_map()
        return {
            row["VersionNumber"]: row["LaunchTemplateData"]
            for row in rows["LaunchTemplateVersionSets"]["LaunchTemplateVersionSet"]
        }

    def default(self, template: str) -> int:
        request = models.DescribeLaunchTemplatesRequest(region_id=REGION, launch_template_id=[template])
        (row,) = self.client.describe_launch_templates(request).body.launch_template_sets.launch_template_set
        return row.default_version_number

    def launch(self, template: str) -> dict:
        """Create an instance from the default version, and return its settings on the metadata service."""
        request = models.RunInstancesRequest(region_id=REGION, launch_template_id=template)
        (made,) = self.client.run_instances(request).body.instance_id_sets.instance_id_set
        return self.control.admin("GET", "/instances/" + made)


@pytest.fixture
def account(control) -> Account:
    control.admin("PATCH", "/control", {"images": IMAGES})
    return Account(control)


def require(run, *ids: str, **more) -> dict:
    return run(MODULE, launch_template_ids=list(ids), **{"http_tokens": "required", **more})


def changes(control) -> int:
    return len(control.calls("CreateLaunchTemplateVersion")) + len(control.calls("ModifyLaunchTemplateDefaultVersion"))


def test_a_new_version_has_every_other_field_and_is_the_default(run, account, control) -> None:
    """The SDK sets every field that it knows, and reads both versions."""
    template = account.create("web", image_id="m-new", version_description="for web servers", **every_field())
    result = require(run, template)
    assert result.get("failed") is not True and result["changed"] is True
    (row,) = result["launch_templates"]
    assert (row["base_version"], row["version"], row["creates_version"]) == (2, 3, True)
    assert row["before"] == {"default_version": 2, "http_endpoint": "enabled", "http_tokens": "optional"}
    assert row["after"] == {"default_version": 3, "http_endpoint": "enabled", "http_tokens": "required"}
    known = account.versions(template)
    assert len(known[2]) > 40
    assert known[3] == {**known[2], "HttpTokens": "required", "HttpEndpoint": "enabled"}
    assert account.default(template) == 3
    request = models.DescribeLaunchTemplateVersionsRequest(
        region_id=REGION, launch_template_id=template, default_version=True
    )
    (newest,) = account.client.describe_launch_template_versions(
        request
    ).body.launch_template_version_sets.launch_template_version_set
    assert newest.version_description == "for web servers"


def test_instances_are_created_with_the_options_of_the_version(run, account, tmp_path) -> None:
    template = account.create("web")
    assert account.launch(template)["http_tokens"] == "optional"
    require(run, template, record=str(tmp_path))
    assert account.launch(template)["http_tokens"] == "required"
    assert run(MODULE, state="restored", regions=None, record=str(tmp_path))["changed"] is True
    assert account.launch(template)["http_tokens"] == "optional"
    lines = [json.loads(line) for line in (tmp_path / "changes.jsonl").read_text().splitlines()]
    assert [(it["state"], it["outcome"]) for it in lines] == [
        ("present", "sending"),
        ("present", "accepted"),
        ("restored", "sending"),
        ("restored", "accepted"),
    ]
    assert lines[0]["after"]["version"] is None and lines[1]["after"] == {
        "default_version": 3,
        "version": 3,
        "http_endpoint": "enabled",
        "http_tokens": "required",
    }
    assert lines[1]["request_id"] and lines[3]["after"]["default_version"] == 2 and lines[1]["id"] == template


def test_a_second_run_changes_nothing(run, account, control) -> None:
    ids = [account.create("web%d" % number) for number in range(3)]
    before = changes(control)
    assert require(run, *ids)["totals"] == {"changed": 3, "unchanged": 0, "refused": 0, "failed": 0}
    assert changes(control) == before + 6
    again = require(run, *ids)
    assert again["changed"] is False and again["totals"]["unchanged"] == 3
    assert changes(control) == before + 6


def test_an_existing_version_is_used_again(run, account, control) -> None:
    """A run that was ended after it created the version leaves no second one behind."""
    template = account.create("web")
    assert require(run, template, make_default=False)["launch_templates"][0]["version"] == 3
    assert account.default(template) == 2
    assert require(run, template, make_default=False)["changed"] is False
    result = require(run, template)
    assert result["launch_templates"][0]["creates_version"] is False
    assert account.default(template) == 3 and len(account.versions(template)) == 3


def test_check_mode_and_diff_show_the_change_and_send_nothing(run, account, control, tmp_path) -> None:
    template = account.create("web", user_data="c2VjcmV0LXVzZXItZGF0YQ==")
    before = changes(control)
    result = require(run, template, record=str(tmp_path), _ansible_check_mode=True, _ansible_diff=True)
    assert result["changed"] is True and changes(control) == before and os.listdir(tmp_path) == []
    (row,) = result["launch_templates"]
    assert row["version"] is None and row["after"]["http_tokens"] == "required"
    (diff,) = result["diff"]
    assert (diff["before"]["http_tokens"], diff["after"]["http_tokens"]) == ("optional", "required")
    assert "c2VjcmV0" not in json.dumps(result)


@pytest.mark.parametrize("code", ["ServiceUnavailable", "InternalError"])
def test_a_failed_call_that_took_effect_is_not_repeated(run, account, control, code) -> None:
    template = account.create("web")
    fault = {
        "kind": "error",
        "code": code,
        "status": 503,
        "action": "CreateLaunchTemplateVersion",
        "after": True,
        "times": 1,
    }
    control.admin("PATCH", "/control", {"faults": [fault]})
    assert require(run, template).get("failed") is not True
    assert sorted(account.versions(template)) == [1, 2, 3] and account.default(template) == 3


def test_a_template_that_fails_does_not_stop_the_others(run, account, control) -> None:
    old, new = account.create("old", image_id="m-old"), account.create("new")
    windows, silent = account.create("win", image_id="m-win"), account.create("silent", image_id="m-silent")
    gone = account.create("gone", image_id="m-gone")
    result = require(run, old, new, windows, silent, gone)
    assert result["failed"] is True and "4 of 5 launch templates failed" in result["msg"]
    assert result["totals"] == {"changed": 1, "unchanged": 0, "refused": 4, "failed": 0}
    errors = {row["launch_template_id"]: row["error"] for row in result["launch_templates"]}
    assert errors[new] is None and account.default(new) == 3
    assert "ImdsSupport v1" in errors[old] and "Windows" in errors[windows] and "not found" in errors[gone]
    assert "allow_unknown_image" in errors[silent]
    assert all(account.default(name) == 2 and len(account.versions(name)) == 2 for name in (old, windows, silent, gone))
    assert require(run, windows, silent, gone, allow_windows=True, allow_unknown_image=True)["totals"]["changed"] == 3
    control.admin("PATCH", "/control", {"images": {**IMAGES, "m-old": IMAGES["m-new"]}})
    assert require(run, old)["changed"] is True


def test_a_missing_permission_is_reported_and_leaves_the_default(run, account, control) -> None:
    ids = [account.create("web%d" % number) for number in range(3)]
    result = require(run, *ids, access_key_id="LTAI5tReader00000001", max_concurrency=1)
    assert result["failed"] is True and "ecs:CreateLaunchTemplateVersion" in result["msg"]
    assert result["totals"] == {"changed": 0, "unchanged": 0, "refused": 0, "failed": 3}
    assert [account.default(name) for name in ids] == [2, 2, 2]
    allowed = ["ecs:Describe*", "ecs:CreateLaunchTemplateVersion"]
    control.admin("PATCH", "/control", {"access_keys": {"LTAI5tReader00000001": {"actions": allowed}}})
    result = require(run, ids[0], access_key_id="LTAI5tReader00000001")
    assert result["failed"] is True and result["changed"] is True
    assert result["launch_templates"][0]["after"]["default_version"] == 2


def test_the_former_default_is_recorded_until_it_is_restored(run, account, tmp_path) -> None:
    template = account.create("web")
    (tmp_path / "i-web1.json").write_text("{}")  # a file of metadata_options
    require(run, template, record=str(tmp_path))
    file = tmp_path / "launch_templates" / (template + ".json")
    assert json.loads(file.read_text())["default_version"] == 2 and file.stat().st_mode & 0o777 == 0o600
    require(run, template, record=str(tmp_path), http_endpoint="disabled")
    assert json.loads(file.read_text())["default_version"] == 2
    shown = run(MODULE, state="restored", regions=None, record=str(tmp_path), _ansible_check_mode=True)
    assert shown["changed"] is True and account.default(template) == 4 and file.exists()
    result = run(MODULE, state="restored", regions=None, record=str(tmp_path))
    assert result["launch_templates"][0]["after"]["default_version"] == 2
    assert account.default(template) == 2 and not file.exists()
    assert run(MODULE, state="restored", regions=None, record=str(tmp_path))["changed"] is False


@pytest.mark.parametrize(
    "change",
    [
        {"default_version": "2"},
        {"default_version": 0},
        {"default_version": True},
        {"region_id": "../x"},
        {"format": 2},
        {"launch_template_id": "lt-other"},
        {"api_endpoint": None},
    ],
)
def test_an_invalid_record_is_refused(run, account, control, tmp_path, change) -> None:
    template = account.create("web")
    require(run, template, record=str(tmp_path))
    file = tmp_path / "launch_templates" / (template + ".json")
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    before = changes(control)
    result = run(MODULE, state="restored", regions=None, record=str(tmp_path))
    assert result["failed"] is True and str(file) in result["msg"] and changes(control) == before


def test_a_link_is_no_record(run, account, tmp_path) -> None:
    template = account.create("web")
    (tmp_path / "real").mkdir()
    (tmp_path / "launch_templates").symlink_to(tmp_path / "real")
    assert "not a directory" in require(run, template, record=str(tmp_path))["msg"]
    (tmp_path / "file").write_text("x")
    assert "not a directory" in require(run, template, record=str(tmp_path / "file"))["msg"]


def test_a_selection_is_required_and_its_ids_must_exist(run, account) -> None:
    account.create("web")
    assert "all_launch_templates" in run(MODULE, http_tokens="required")["msg"]
    assert "Cannot find 1 launch templates" in require(run, "lt-unknown")["msg"]
    assert "not the ID" in require(run, "../lt")["msg"]
    assert run(MODULE, http_tokens="required", all_launch_templates=True)["totals"]["changed"] == 1
    assert (
        "version 9 does not exist"
        in run(MODULE, http_tokens="required", all_launch_templates=True, base_version=9)["msg"]
    )


def test_more_templates_and_versions_than_fit_into_a_page(run, account, control) -> None:
    ids = [account.create("web%d" % number) for number in range(52)]
    for number in range(52):
        account.version(ids[0], description="version %d" % number)
    account.set_default(ids[0], 53)
    result = run(MODULE, http_tokens="required", all_launch_templates=True)
    assert result["totals"] == {"changed": 52, "unchanged": 0, "refused": 0, "failed": 0}
    assert len(control.calls("DescribeLaunchTemplates")) == 2
    assert account.default(ids[0]) == 55


# provisioning_info


def verdicts(result: dict) -> dict:
    return {(row["name"], row["version"]): row["verdict"] for row in result["resources"]}


def test_each_version_and_image_has_a_verdict(run, account) -> None:
    account.create("good", http_tokens="required")
    account.version(account.create("mixed", http_tokens="required"), image_id="m-new")
    account.create("off", http_endpoint="disabled")
    account.create("old", image_id="m-old", http_tokens="required")
    account.create("silent", image_id="m-silent", http_tokens="required")
    account.create("gone", image_id="m-gone", http_tokens="required")
    account.create("none", image_id=None, http_tokens="required")
    result = run(INFO)
    assert verdicts(result) == {
        ("good", 2): "compliant",
        ("mixed", 2): "compliant",
        ("mixed", 3): "optional",
        ("off", 2): "endpoint_disabled",
        ("old", 2): "blocked_by_image",
        ("silent", 2): "unknown",
        ("gone", 2): "unknown",
        ("none", 2): "compliant",
        ("m-new", None): "compliant",
        ("m-old", None): "blocked_by_image",
        ("m-silent", None): "unknown",
        ("m-win", None): "blocked_by_image",
    }
    reasons = {row["name"]: row["reason"] for row in result["resources"]}
    assert "v1" in reasons["old"] and "Windows" in reasons["m-win"] and "not found" in reasons["gone"]
    assert {(row["default"], row["latest"]) for row in result["resources"] if row["name"] == "mixed"} == {
        (True, False),
        (False, True),
    }
    assert result["totals"] == {
        "compliant": 4,
        "optional": 1,
        "endpoint_disabled": 1,
        "blocked_by_image": 3,
        "unknown": 3,
    }
    shown = run(INFO, verdicts=["optional"], kinds=["launch_template"])
    assert set(verdicts(shown)) == {("mixed", 3)} and shown["totals"]["compliant"] == 3


def test_a_verdict_in_fail_on_fails_the_task_with_its_result(run, account) -> None:
    account.create("web")
    failed = run(INFO, fail_on=["optional"], verdicts=["optional"])
    assert failed["failed"] is True and "1 optional" in failed["msg"] and len(failed["resources"]) == 1
    assert run(INFO, fail_on=["optional"], kinds=["image"]).get("failed") is not True


FAULTS = {
    "forbidden": {"kind": "error", "code": "Forbidden.RAM", "status": 403},
    "unavailable": {"kind": "error", "code": "ServiceUnavailable", "status": 503},
    "hanging": {"kind": "hang"},
}


@pytest.mark.parametrize("kind", sorted(FAULTS))
def test_a_region_that_cannot_be_read_is_named_and_the_others_are_complete(
    run, account, control, monkeypatch, kind
) -> None:
    account.create("web")
    fault = {**FAULTS[kind], "action": "DescribeLaunchTemplates", "region": "eu-central-1", "times": None}
    control.admin("PATCH", "/control", {"faults": [fault]})
    monkeypatch.setattr(_select, "REGION_DEADLINE", 1.0)
    permitted = run(INFO, regions=["all"])  # a kind that is not permitted is unknown, the region has not failed
    unread = [it["region_id"] for it in permitted["resources"] if it["id"] is None and it["verdict"] == "unknown"]
    assert unread == (["eu-central-1"] if kind == "forbidden" else []) and permitted.get("failed") is not True
    # A region that does not respond costs the time of one call only.
    others = [it for it in control.calls("DescribeScalingConfigurations") if it["region"] == "eu-central-1"]
    assert bool(others) == (kind == "forbidden")
    result = run(INFO, regions=["all"], kinds=["launch_template"])
    assert result.get("failed") is not True and ("web", 2) in verdicts(result)
    assert [it["region_id"] for it in result["failed_regions"]] == ["eu-central-1"]
    assert "Cannot read 1 of" in " ".join(
        (permitted["displayed"] + result["displayed"]).split()
    )  # a warning is displayed once
    checked = run(INFO, regions=["all"], fail_on=["blocked_by_image"], kinds=["launch_template"])
    assert checked["failed"] is True and "eu-central-1" in checked["msg"]
    unchanged = run(MODULE, regions=["all"], all_launch_templates=True, http_tokens="required")
    assert unchanged["failed"] is True and "Nothing was changed" in unchanged["msg"]
    assert len(control.calls("CreateLaunchTemplateVersion")) == 1


def test_images_that_cannot_be_read_are_unknown_and_not_compliant(run, account, control) -> None:
    account.create("web", http_tokens="required")
    actions = ["ecs:DescribeLaunch*", "ecs:CreateLaunch*", "ecs:ModifyLaunch*"]
    control.admin("PATCH", "/control", {"access_keys": {"LTAI5tReader00000001": {"actions": actions}}})
    result = run(INFO, kinds=["launch_template"], access_key_id="LTAI5tReader00000001")
    assert verdicts(result) == {("web", 2): "unknown"} and "DescribeImages" in result["errors"][0]
    assert run(INFO, kinds=["image"], access_key_id="LTAI5tReader00000001")["failed"] is True
