# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module metadata_facts: options, facts, warnings and failures."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._imds._dmi import Platform
from ansible_collections.alicloud.imds.plugins.modules import metadata_facts

from ...addresses import drop_all


def run(run_module, endpoint, **args):
    return run_module("metadata_facts", endpoint=endpoint, **args)


def test_only_facts_are_returned(run_module, instance) -> None:
    result = run(run_module, instance.endpoint)
    # Keys that begin with _ansible are for the controller, such as the secrets to mask.
    shown = {key for key in result if not key.startswith("_ansible")}
    assert shown - {"invocation", "displayed"} == {"ansible_facts"}
    assert set(result["ansible_facts"]) == {"alicloud_ecs"}
    assert result["ansible_facts"]["alicloud_ecs"]["instance_id"] == instance.id


def test_check_mode_returns_the_same_facts(run_module, instance) -> None:
    normal = run(run_module, instance.endpoint)
    assert run(run_module, instance.endpoint, _ansible_check_mode=True)["ansible_facts"] == normal["ansible_facts"]


def test_outside_of_alibaba_cloud_the_facts_say_unavailable(run_module, monkeypatch) -> None:
    drop_all(monkeypatch)
    monkeypatch.setattr(metadata_facts, "read_platform", lambda: Platform(False, "Standard PC"))
    facts = run_module("metadata_facts")["ansible_facts"]["alicloud_ecs"]
    assert facts["available"] is False and set(facts) == {"available", "unavailable_reason"}


def test_an_explicit_endpoint_that_does_not_answer_fails(run_module, free_port) -> None:
    failure = run(run_module, "http://127.0.0.1:%d" % free_port, retries=0)
    assert failure["failed"] is True and "no answer" in failure["msg"]


def test_gather_subset_selects_facts_and_rejects_unknown_names(run_module, instance) -> None:
    facts = run(run_module, instance.endpoint, gather_subset=["!all"])["ansible_facts"]["alicloud_ecs"]
    assert set(facts) == {"available", "instance_id", "region_id", "zone_id"}
    failure = run(run_module, instance.endpoint, gather_subset=["hardware"])
    assert failure["failed"] is True and "gather_subset does not have 'hardware'" in failure["msg"]


@pytest.mark.slow
def test_gather_timeout_is_the_deadline(run_module, instance, monkeypatch) -> None:
    monkeypatch.setattr(metadata_facts, "read_platform", lambda: Platform(True, "Alibaba Cloud ECS"))
    instance.fault(kind="hang")
    failure = run(run_module, instance.endpoint, gather_timeout=0.5)
    assert failure["failed"] is True
    assert "the deadline of 0.5 s for the whole operation has passed" in failure["msg"]


def test_secrets_without_no_log_cause_a_warning(run_module, instance) -> None:
    instance.set(user_data="password=x")
    result = run(run_module, instance.endpoint, gather_subset=["user_data"])
    assert result["ansible_facts"]["alicloud_ecs"]["user_data"] == "password=x"
    assert "The facts contain secrets (user_data). Set 'no_log: true' on this task." in result["displayed"]


@pytest.mark.parametrize("status", [403, 500])
def test_a_failing_service_fails_the_module(run_module, instance, status) -> None:
    instance.fault(kind="status", status=status, on="data")
    failure = run(run_module, instance.endpoint, retries=0)
    assert failure["failed"] is True and str(status) in failure["msg"]
