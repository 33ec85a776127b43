# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Truth tables of what the tasks of the hardening role depend on."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.alicloud.imds.plugins.plugin_utils._hardening import _api, _decisions

from .runs import IDENTITY, INSTANCE, answers, finding, probe, row, run, settings

Given = dict[str, Any]


@pytest.mark.parametrize(
    ("given", "expect", "allowed", "refused"),
    [
        ({}, ["required", "disabled"], ["nobody"], []),
        ({"enforce": False}, [], ["nobody"], []),
        ({"access": "disabled"}, ["disabled"], ["nobody"], []),
        ({"access": "disabled", "enforce": False}, ["disabled"], ["nobody"], []),
        ({"fence": "enforce"}, ["required", "disabled"], [], ["nobody"]),
        ({"fence": "enforce", "fence_users": "app,web"}, ["required", "disabled"], ["app", "web"], ["nobody"]),
        ({"fence_users": "app", "verify_user": "x"}, ["required", "disabled"], ["app", "x"], []),
        ({"fence": "off"}, ["required", "disabled"], ["nobody"], []),
    ],
)
def test_what_the_host_must_show(given: Given, expect: list[str], allowed: list[str], refused: list[str]) -> None:
    found = settings(**given)
    assert (found["expect"], found["allowed_users"], found["refused_users"]) == (expect, allowed, refused)


@pytest.mark.parametrize(
    ("given", "seen", "fails"),
    [
        ({}, probe(), False),
        ({}, {"failed": True, "msg": "There is no user 'x'."}, True),
        ({}, {}, True),
        ({}, probe("unreachable"), True),
        ({"enforce": "no"}, probe("unreachable"), False),
        ({"instance_id": "i-1"}, probe("unreachable"), False),
        ({}, probe("disabled"), False),
    ],
)
def test_when_the_probe_ends_the_run(given: Given, seen: Given, fails: bool) -> None:
    assert _decisions.probe_failed(run(given, probe=seen)) is fails


@pytest.mark.parametrize(
    ("given", "verdict", "runs"),
    [
        ({}, "optional", True),
        ({"preflight": "report"}, "optional", True),
        ({"preflight": False}, "optional", False),
        ({}, "required", False),
        ({}, "disabled", False),
        ({}, "unreachable", False),
    ],
)
def test_when_the_preflight_check_runs(given: Given, verdict: str, runs: bool) -> None:
    assert _decisions.decisions(run(given, probe=probe(verdict)))["run_preflight"] is runs


WAIVED = finding(waived={"reason": "Goes", "expires": "2099-12-31"})


@pytest.mark.parametrize(
    ("given", "findings", "blocked"),
    [
        ({}, [finding()], True),
        ({}, [], False),
        ({}, [WAIVED, finding(severity="warn"), finding(severity="info")], False),
        ({}, [WAIVED, finding()], True),
        ({"enforce": "false"}, [finding()], False),
        ({"preflight": "report"}, [finding()], False),
    ],
)
def test_when_findings_stop_the_host(given: Given, findings: list[Given], blocked: bool) -> None:
    assert _decisions.blocked(run(given, preflight={"findings": findings})) is blocked


@pytest.mark.parametrize(
    ("given", "seen", "chosen"),
    [
        ({}, probe(), INSTANCE),
        ({"enforce": False}, probe(), {}),
        ({"access": "disabled"}, probe(), {**INSTANCE, "access": "disabled"}),
        ({"access": "disabled"}, probe("disabled", instance=None), {}),
        ({}, probe("disabled", instance=None), {}),
        ({"instance_id": "i-9"}, probe("disabled", instance=None), {}),
        (
            {"instance_id": "i-9", "region_id": "r"},
            probe("disabled", instance=None),
            {**INSTANCE, "instance_id": "i-9", "region_id": "r"},
        ),
        ({"instance_id": "i-9"}, probe(), {**INSTANCE, "instance_id": "i-9"}),
    ],
)
def test_which_instance_the_host_sets(given: Given, seen: Given, chosen: Given) -> None:
    assert _decisions.instance(run(given, probe=seen)) == chosen


NO_IDENTITY = "Cannot identify the ECS instance of web1"


@pytest.mark.parametrize(
    ("given", "steps", "problem"),
    [
        ({}, {"answers": answers(row())}, None),
        ({"enforce": "0"}, {}, None),
        ({"access": "disabled"}, {"probe": probe("disabled")}, None),
        ({}, {"probe": probe(instance=None)}, NO_IDENTITY),
        ({"instance_id": "i-9"}, {"probe": {}}, NO_IDENTITY),
        ({}, {"answers": answers(row("Conflict."))}, "options of i-web1: Conflict."),
        (
            {},
            {"answers": answers(message="No credentials.")},
            "options of i-web1: No credentials.",
        ),
        ({}, {"answers": answers()}, "options of i-web1: the API returned no result for it."),
        ({}, {"answers": {}}, "options of i-web1: the API returned no result for it."),
    ],
)
def test_why_the_options_were_not_set(given: Given, steps: Given, problem: str | None) -> None:
    found = _decisions.problem(run(given, **{"probe": probe(), **steps}))
    assert (problem is None) is (found is None)
    assert problem is None or (found is not None and problem in found)


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("verify", ["yes", "no"])
@pytest.mark.parametrize("unmet", [[], ["For user nobody ..."]])
@pytest.mark.parametrize("changed", ["tooling", "fence", "options", None])
def test_when_access_is_verified(check_mode: bool, verify: str, unmet: list[str], changed: str | None) -> None:
    steps = {
        "tooling": {"changed": changed == "tooling"},
        "fence": {"changed": changed == "fence"},
        "answers": answers(row(changed=changed == "options")),
    }
    state = run({"verify": verify}, probe=probe(unmet=unmet), **steps)
    state["check_mode"] = check_mode
    wanted = verify == "yes" and not check_mode and bool(unmet or changed)
    assert _decisions.needs_verification(state) is wanted
    assert _decisions.changed(state) is (changed is not None)


@pytest.mark.parametrize(
    ("after", "error", "expected"),
    [
        (("enabled", "optional"), None, ["optional"]),
        (("enabled", "required"), None, ["required"]),
        (("disabled", "optional"), None, ["disabled"]),
        (("disabled", "required"), None, ["disabled"]),
        (("enabled", "optional"), "Conflict.", None),
        (None, None, None),
    ],
)
def test_what_to_expect_after_an_undo(
    after: tuple[str, str] | None, error: str | None, expected: list[str] | None
) -> None:
    options = dict(zip(("http_endpoint", "http_tokens"), after)) if after else None
    state = run(answers=answers(row(error, after=options)))
    assert _decisions.restored_expectation(state) == expected


def test_a_run_without_any_step_fails_for_want_of_nothing() -> None:
    """As on a host that another host's failure stopped before its first step."""
    for given in ({}, {"enforce": False}, {"access": "disabled"}):
        found = _decisions.decisions(run(given))
        wanted = ("restore_options", "restore_fence", "restore_tooling", "verify", "blocked", "run_preflight")
        assert not any(found[name] for name in wanted)
        assert found["expect_before"] is None and found["expect_restored"] is None


@pytest.mark.parametrize("bad", [None, "", "text", 1, []])
def test_a_step_whose_result_is_no_dictionary_counts_as_not_taken(bad: Any) -> None:
    names = ("probe", "preflight", "tooling", "fence", "answers", "verify")
    state = run(**dict.fromkeys(names, bad))
    assert _decisions.decisions(state) == _decisions.decisions(run())


def test_what_a_rollback_restores() -> None:
    """Options also where the API reported an error: the reply may have been lost."""
    state = run(
        probe=probe(),
        tooling={"before": {}},
        fence={"failed": True, "msg": "x"},
        answers=answers(row("Lost.")),
    )
    found = _decisions.decisions(state)
    assert found["restore_options"] and found["restore_tooling"] and not found["restore_fence"]
    assert found["expect_before"] == ["optional"]
    skipped = run(probe=probe(), tooling={"skipped": True, "changed": False}, answers=answers())
    assert not any(_decisions.decisions(skipped)["restore_" + it] for it in ("options", "fence", "tooling"))


@pytest.mark.parametrize(("host", "name"), [("web1", "web1"), (".a/b", "_a_b"), ("北京web1", "__web1"), ("a b", "a_b")])
def test_names_of_records(host: str, name: str) -> None:
    assert _decisions.record_names([host]) == [name]


def host(number: int, region: str = "cn-hangzhou", given: Given | None = None, **more: Any) -> Given:
    """The variables of a host that has the fence."""
    seen = probe(instance={"instance_id": f"i-{number}", "region_id": region})
    good = {"failed": False, "changed": True}
    steps = {"settings": settings(**(given or {})), "probe": seen, "tooling": good, "fence": good, **more}
    return {"inventory_hostname": f"web{number}", **{"__hardening_" + name: it for name, it in steps.items()}}


def test_one_call_for_each_access_and_none_for_hosts_that_failed() -> None:
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
        host(10, probe=probe("disabled", instance=None)),
    ]
    required, disabled = _api.calls(hosts)
    assert required == {
        "access": "required",
        "options": {"http_tokens": "required"},
        "regions": ["cn-hangzhou", "cn-beijing"],
        "instance_ids": ["i-1", "i-3", "i-6"],
        "record_names": {"i-1": "web1", "i-3": "web3", "i-6": "web6"},
    }
    assert disabled["options"] == {"http_endpoint": "disabled"} and disabled["instance_ids"] == ["i-2"]
    assert _api.calls([]) == [] and _api.calls([{"inventory_hostname": "other"}]) == []


def test_answers_of_a_looped_task_of_a_single_one_and_of_none() -> None:
    other = row("Conflict.", instance_id="i-2", record_name=None)
    looped = {"results": [{"instances": [row()]}, {"instances": [other], "msg": "1 of 1 failed."}], "msg": "All items"}
    assert _api.answers(looped) == {
        "by_instance": {"i-web1": row(), "i-2": other},
        "by_record": {"web1": row()},
        "message": "1 of 1 failed.",
    }
    assert _api.answers({"instances": [row()]})["by_record"] == {"web1": row()}
    for nothing in ({}, None, {"skipped": True, "changed": False}, {"results": []}, {"results": [], "skipped": True}):
        assert _api.answers(nothing) == {"by_instance": {}, "by_record": {}, "message": None}
    assert _api.answers({"unreachable": True, "msg": "No route to host."})["message"] == (
        "Cannot reach the API host, hardening_api_host: No route to host."
    )
    assert IDENTITY["instance_id"] == "i-web1"
