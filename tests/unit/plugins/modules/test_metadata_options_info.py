# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""metadata_options_info with the real AnsibleModule and the emulated API."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._fleet import _select

pytestmark = pytest.mark.slow


def verdicts(result: dict) -> dict[str, str]:
    return {row["name"]: row["verdict"] for row in result["instances"]}


def test_each_instance_has_a_verdict(run) -> None:
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


def test_filters_select_instances_in_one_or_all_regions(run) -> None:
    assert set(verdicts(run("metadata_options_info", regions=["all"]))) == {"web1", "web2", "off", "win", "ack", "far"}
    assert set(verdicts(run("metadata_options_info", tags={"app": "web"}))) == {"web1", "web2", "off"}
    assert set(verdicts(run("metadata_options_info", name="web*"))) == {"web1", "web2"}
    assert set(verdicts(run("metadata_options_info", instance_ids=["i-win"]))) == {"win"}
    both = run("metadata_options_info", regions=["cn-hangzhou", "eu-central-1"], instance_ids=["i-far", "i-web1"])
    assert [row["region_id"] for row in both["instances"]] == ["cn-hangzhou", "eu-central-1"]


def test_a_verdict_in_fail_on_fails_the_task_with_its_result(run) -> None:
    failed = run("metadata_options_info", fail_on=["optional", "unknown"])
    assert failed["failed"] is True and "1 optional" in failed["msg"]
    assert len(failed["instances"]) == 5
    exempt = run("metadata_options_info", fail_on=["optional"], exempt={"i-web1": "until March"})
    assert exempt.get("failed") is not True and verdicts(exempt)["web1"] == "exempt"


def test_the_support_of_the_image_is_read_on_request(run, control) -> None:
    control.admin("PATCH", "/instances/i-web1", {"image_imds_support": "v1", "image_id": "m-old"})
    rows = {row["name"]: row for row in run("metadata_options_info", image_support=True)["instances"]}
    assert rows["web1"]["image_imds_support"] == "v1"


FAULTS = {
    "forbidden": {"kind": "error", "code": "Forbidden.RAM", "status": 403},
    "unavailable": {"kind": "error", "code": "ServiceUnavailable", "status": 503},
    "hanging": {"kind": "hang"},
}


@pytest.fixture(params=sorted(FAULTS))
def broken_region(request, control, monkeypatch) -> str:
    """Return a region that cannot be listed."""
    fault = {**FAULTS[request.param], "action": "DescribeInstances", "region": "eu-central-1", "times": None}
    control.admin("PATCH", "/control", {"faults": [fault]})
    monkeypatch.setattr(_select, "REGION_DEADLINE", 1.0)
    return "eu-central-1"


def test_with_all_regions_a_broken_one_is_named_and_the_others_are_complete(run, broken_region) -> None:
    result = run("metadata_options_info", regions=["all"])
    assert result.get("failed") is not True
    assert set(verdicts(result)) == {"web1", "web2", "off", "win", "ack"}
    (failed,) = result["failed_regions"]
    assert failed["region_id"] == broken_region and "DescribeInstances in eu-central-1" in failed["error"]
    displayed = " ".join(result["displayed"].split())
    assert "Cannot list the instances of 1 of" in displayed and broken_region in displayed


@pytest.mark.parametrize("check", [{"fail_on": ["unknown"]}, {"expect_at_least": 1}])
def test_a_check_is_never_passed_without_a_region(run, broken_region, check) -> None:
    result = run("metadata_options_info", regions=["all"], **check)
    assert result["failed"] is True and broken_region in result["msg"]
    assert len(result["instances"]) == 5 and len(result["failed_regions"]) == 1


def test_a_broken_region_that_is_named_fails_the_task_with_the_others(run, broken_region) -> None:
    result = run("metadata_options_info", regions=["cn-hangzhou", broken_region], api_retries=0, api_timeout=2)
    assert result["failed"] is True and "1 of 2 regions. eu-central-1: " in result["msg"]
    assert len(result["instances"]) == 5


def test_a_change_in_all_regions_needs_all_regions(run, control, broken_region) -> None:
    result = run("metadata_options", regions=["all"], tags={"app": "web"}, http_tokens="required")
    assert result["failed"] is True and broken_region in result["msg"]
    assert control.calls("ModifyInstanceMetadataOptions") == []


def test_a_filter_that_matches_nothing_is_a_warning(run) -> None:
    for module, more in (("metadata_options_info", {}), ("metadata_options", {"http_tokens": "required"})):
        result = run(module, tags={"app": module}, **more)  # Display omits a warning that was displayed before
        assert result.get("failed") is not True and result["instances"] == []
        expected = "No instances are selected. Check 'regions' (cn-hangzhou), 'tags' (app=%s)." % module
        assert expected in " ".join(result["displayed"].split())
        assert "expect_at_least: 1" in " ".join(result["displayed"].split())


def test_fewer_instances_than_expected_are_an_error(run, control) -> None:
    for module, more in (("metadata_options_info", {}), ("metadata_options", {"http_tokens": "required"})):
        result = run(module, tags={"app": "web"}, expect_at_least=4, **more)
        assert result["failed"] is True
        assert "Only 3 instances are selected, but 'expect_at_least' is 4. Check 'regions'" in result["msg"]
        assert (
            run(module, tags={"app": "web"}, expect_at_least=3, _ansible_check_mode=True, **more).get("failed")
            is not True
        )
    assert control.calls("ModifyInstanceMetadataOptions") == []


@pytest.mark.parametrize(
    ("module", "more"),
    [
        ("metadata_options_info", {}),
        ("metadata_options_info", {"regions": ["all"]}),
        ("metadata_options", {"http_tokens": "required"}),
    ],
)
def test_a_missing_permission_is_no_empty_selection(run, module, more) -> None:
    denied = run(module, tags={"app": "wbe"}, access_key_id="LTAI5tNobody00000001", **more)
    assert denied["failed"] is True and (
        "ecs:DescribeInstances" in denied["msg"] or "ecs:DescribeRegions" in denied["msg"]
    )


def test_a_missing_permission_for_images_is_no_missing_support(run, control) -> None:
    keys = {
        "LTAI5tImages00000001": {
            "secret": "unit-test-secret",
            "account": "1600000000000000",
            "actions": ["ecs:DescribeInstances"],
        }
    }
    control.admin("PATCH", "/control", {"access_keys": keys})
    denied = run("metadata_options_info", image_support=True, access_key_id="LTAI5tImages00000001")
    assert denied["failed"] is True and "DescribeImages" in denied["msg"] and len(denied["instances"]) == 5
