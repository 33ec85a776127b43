# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""metadata_options_info with the real AnsibleModule and the emulated API."""

from __future__ import annotations

import pytest

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
