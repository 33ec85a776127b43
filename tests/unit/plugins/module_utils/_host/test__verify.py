# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What access_modes_info demands of a host: verdicts, users, and what becomes of a demand that is not met."""

from __future__ import annotations

import os

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._host import _verify
from ansible_collections.alicloud.imds.plugins.module_utils._imds._client import Client, Settings

from ...timing import FakeClock

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")


@needs_root
def test_the_modes_of_a_user(run_module, instance) -> None:
    result = run_module("access_modes_info", endpoint=instance.endpoint, users=["nobody"], identity=True)
    assert result["users"]["nobody"]["verdict"] == "required"
    assert result["instance"] == {"instance_id": instance.id, "region_id": "cn-hangzhou"}
    assert run_module("access_modes_info", endpoint=instance.endpoint, users=["no-such"])["failed"] is True


def test_an_expected_verdict_is_waited_for(run_module, instance) -> None:
    assert "failed" not in run_module("access_modes_info", endpoint=instance.endpoint, expect=["required"])
    result = run_module("access_modes_info", endpoint=instance.endpoint, expect=["optional"], wait=1)
    assert result["failed"] is True and result["verdict"] == "required"
    assert result["msg"] == "Metadata is given for tokens only after 1 s, where 'optional' was expected."


@pytest.mark.parametrize(("wait", "pauses"), [(0.0, 0), (0.4, 0), (2.0, 4), (2.4, 4)])
def test_it_asks_every_half_second_until_the_wait_is_over(instance, wait, pauses) -> None:
    clock = FakeClock()
    desired = _verify.Desired(expect=["optional"], wait=wait)
    proof = _verify.prove(lambda: Client(Settings(endpoint=instance.endpoint, timeout=60.0)), desired, clock.clock)
    assert proof.modes.verdict == "required" and len(proof.unmet) == 1
    assert clock.pauses == [0.5] * pauses
    assert len([entry for entry in instance.journal() if entry["mode"] == "plain"]) == 1 + pauses


def test_what_is_not_met_can_be_reported(run_module, instance) -> None:
    result = run_module(
        "access_modes_info", endpoint=instance.endpoint, expect=["optional", "disabled"], unmet="report"
    )
    assert "failed" not in result and result["verdict"] == "required"
    assert result["unmet"] == ["Metadata is given for tokens only, where 'optional' or 'disabled' was expected."]
    assert result["msg"] == result["unmet"][0]
    met = run_module("access_modes_info", endpoint=instance.endpoint, expect=["required"], unmet="report")
    assert met["unmet"] == [] and "msg" not in met


@needs_root
def test_users_who_may_and_who_may_not(run_module, instance) -> None:
    asked = {"endpoint": instance.endpoint, "allowed_users": ["daemon"], "refused_users": ["nobody"]}
    result = run_module("access_modes_info", **asked)
    said = ["For user nobody the metadata service should be unreachable, but it is required."]
    assert result["failed"] is True and result["unmet"] == said and sorted(result["users"]) == ["daemon", "nobody"]
    assert run_module("access_modes_info", unmet="report", **asked)["unmet"] == said


@needs_root
def test_nobody_else_is_asked_where_the_verdict_is_wrong(run_module, instance) -> None:
    asked = {"allowed_users": ["nobody"], "expect": ["disabled"], "unmet": "report", "cloud_init": True}
    result = run_module("access_modes_info", endpoint=instance.endpoint, **asked)
    assert result["users"] == {} and result["cloud_init"] is None
    assert len([entry for entry in instance.journal() if entry["mode"] == "plain"]) == 1
