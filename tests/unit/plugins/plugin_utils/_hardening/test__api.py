# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API calls of a batch, and the index of their results."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.alicloud.imds.plugins.plugin_utils._hardening import _api, _settings

from .runs import IDENTITY, VERIFIED, probe, row, settings

Given = dict[str, Any]
NOTHING = {"by_instance": {}, "by_record": {}, "record_errors": {}, "complete": False, "message": None}


def host(number: int, region: str = "cn-hangzhou", given: Given | None = None, **more: Any) -> Given:
    """Return the variables of a host with an enabled fence."""
    seen = probe(instance={"instance_id": f"i-{number}", "region_id": region})
    good = {"failed": False, "changed": True}
    verified = {**VERIFIED, "instance_id": f"i-{number}", "region_id": region, "addresses": [f"10.0.0.{number}"]}
    steps = {"settings": settings(**(given or {})), "probe": seen, "tooling": good, "fence": good, **more}
    steps.setdefault("identities", {f"web{number}": verified})
    return {"inventory_hostname": f"web{number}", **{"__hardening_" + name: it for name, it in steps.items()}}


def test_each_access_has_one_call_without_failed_hosts() -> None:
    failed = {"failed": True, "msg": "x"}
    hosts = [
        host(1),
        host(2, "cn-beijing", {"access": "disabled"}),
        host(3, "cn-beijing"),
        host(4, fence=failed),
        host(5, tooling=failed),
        host(6, tooling={"skipped": True}),
        host(7, given={"enforce": "no"}),
        host(8, fence={}),
        host(9, fence={"unreachable": True}),
        host(10, probe=probe("disabled", instance=None), identities={}),
        host(11, identities={"web11": {**VERIFIED, "problem": "Refused."}}),
        host(12, identities={"web12": {**VERIFIED, "instance_id": "i-12", "addresses": []}}),
    ]
    required, disabled = _api.calls(hosts)
    assert required == {
        "access": "required",
        "options": {"http_tokens": "required"},
        "regions": ["cn-hangzhou", "cn-beijing"],
        "instance_ids": ["i-1", "i-3", "i-6", "i-12"],
        "record_names": {"i-1": "web1", "i-3": "web3", "i-6": "web6", "i-12": "web12"},
        "private_addresses": {"i-1": ["10.0.0.1"], "i-3": ["10.0.0.3"], "i-6": ["10.0.0.6"]},
    }
    assert disabled["options"] == {"http_endpoint": "disabled"} and disabled["instance_ids"] == ["i-2"]
    assert _api.calls([]) == [] and _api.calls([{"inventory_hostname": "other"}]) == []


def test_results_of_looped_single_and_skipped_tasks_are_indexed() -> None:
    other = row("Conflict.", instance_id="i-2", record_name=None)
    looped = {"results": [{"instances": [row()]}, {"instances": [other], "msg": "1 of 1 failed."}], "msg": "All items"}
    assert _api.answers(looped) == {
        "by_instance": {"i-web1": row(), "i-2": other},
        "by_record": {"web1": row()},
        "record_errors": {},
        "complete": False,
        "message": "1 of 1 failed.",
    }
    assert _api.answers({"instances": [row()]})["by_record"] == {"web1": row()}
    for empty in ({}, None, {"skipped": True, "changed": False}, {"results": []}, {"results": [], "skipped": True}):
        assert _api.answers(empty) == NOTHING
    assert _api.answers({"record_errors": {"web1": "A link."}})["record_errors"] == {"web1": "A link."}
    assert _api.answers({"unreachable": True, "msg": "No route to host."})["message"] == (
        "Cannot reach the API host, hardening_api_host: No route to host."
    )
    assert IDENTITY["instance_id"] == "i-web1"


def test_invalid_ids_of_a_host_are_not_sent_to_the_api() -> None:
    """One malformed ID would make the API calls for all hosts fail."""
    good = {"instance_id": "i-1", "region_id": "cn-beijing"}
    bad = [
        {"instance_id": "i-1/x", "region_id": "cn-beijing"},
        {"instance_id": "i-1", "region_id": "evil.example"},
        {"instance_id": "i-1\n", "region_id": "cn-beijing"},
        {"instance_id": None, "region_id": None},
        {"instance_id": ["i-1"], "region_id": "cn-beijing"},
        {},
    ]
    assert _api.claims([*bad, good, good]) == {"regions": ["cn-beijing"], "instance_ids": ["i-1"]}
    assert _api.claims(bad) == {"regions": [], "instance_ids": []}


def test_the_check_covers_all_hosts_and_the_change_only_those_that_need_one() -> None:
    """A host whose instance has the wanted options needs no second call; its row of the check is its result."""
    settled = row(planned=False, sent=False, changed=False, instance_id="i-1")
    wanted = row(planned=True, sent=False, changed=False, instance_id="i-2")
    plan = _api.answers({"instances": [settled, wanted], "record_errors": {}})
    hosts = [host(1, plan=plan), host(2, plan=plan), host(3, plan=plan, fence={"failed": True})]
    (checked,), (changed,) = _api.calls(hosts, "check"), _api.calls(hosts)
    assert checked["instance_ids"] == ["i-1", "i-2", "i-3"] and changed["instance_ids"] == ["i-2"]
    kept = _api.answers({"results": [], "skipped": True}, plan)["by_instance"]
    assert kept == {"i-1": settled}, "a change that was only planned has no result"
    nobody = host(4, identities={"web4": {"problem": "Refused."}})
    assert [it["instance_ids"] for it in _api.calls([nobody], "check")] == [[]], "the rest is checked nevertheless"
    assert _api.calls([host(5, given={"enforce": False})], "check") == []


def test_only_verified_changes_are_confirmed_in_the_record() -> None:
    given = _api.answers({"instances": [row(), row(instance_id="i-1"), row("No.", instance_id="i-2")]})
    interrupted = row(instance_id="i-3", sent=False, changed=False, unverified=True)
    settled = row(instance_id="i-4", sent=False, changed=False, unverified=False)
    given["by_instance"].update({"i-3": interrupted, "i-4": settled})
    hosts = [{**host(number, answers=given), "hardening_result": {"outcome": "changed"}} for number in (1, 2, 3, 4)]
    hosts.append({**host(1, answers=given), "hardening_result": {"outcome": "failed"}})
    assert _api.confirmed([*hosts, {"inventory_hostname": "other"}]) == ["web1", "web3"]


def test_a_strategy_that_ignores_run_once_ends_the_role() -> None:
    """The task ignores errors, because the API host may be unreachable. So the index of its results fails."""
    refused = {"failed": True, "refused_strategy": "free", "msg": "The role needs the strategy linear."}
    for result in (refused, {"results": [refused]}):
        with pytest.raises(_settings.SettingError, match="needs the strategy linear"):
            _api.answers(result)
