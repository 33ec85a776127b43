# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Truth tables of the decisions that the tasks of the hardening role depend on."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from ansible_collections.alicloud.imds.plugins.plugin_utils._hardening import _decisions

from .runs import INSTANCE, VERIFIED, answers, finding, probe, row, run, settings

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
def test_the_expected_access_follows_from_the_settings(
    given: Given, expect: list[str], allowed: list[str], refused: list[str]
) -> None:
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
        ({}, probe("unknown"), True),
        ({"instance_id": "i-1"}, probe("unknown"), False),
        ({}, probe("disabled"), False),
    ],
)
def test_the_probe_fails_without_verdict_or_identity(given: Given, seen: Given, fails: bool) -> None:
    assert _decisions.probe_failed(run(given, probe=seen)) is fails


@pytest.mark.parametrize(
    ("given", "verdict", "runs"),
    [
        ({}, "optional", True),
        ({"preflight": "report"}, "optional", True),
        ({"preflight": False}, "optional", False),
        ({}, "unknown", True),
        ({}, "required", False),
        ({}, "disabled", False),
        ({}, "unreachable", False),
    ],
)
def test_the_preflight_check_runs_if_tokens_are_optional(given: Given, verdict: str, runs: bool) -> None:
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
def test_a_blocking_finding_blocks_unless_waived(given: Given, findings: list[Given], blocked: bool) -> None:
    assert _decisions.blocked(run(given, preflight={"findings": findings})) is blocked


@pytest.mark.parametrize(
    ("given", "steps", "chosen"),
    [
        ({}, {"probe": probe()}, INSTANCE),
        ({"enforce": False}, {"probe": probe()}, {}),
        ({"access": "disabled"}, {"probe": probe()}, {**INSTANCE, "access": "disabled"}),
        ({"access": "disabled"}, {"probe": probe("disabled", instance=None)}, {}),
        ({"access": "disabled"}, {"probe": probe("disabled"), "identities": {"web1": VERIFIED}}, {}),
        ({}, {"probe": probe("disabled", instance=None)}, {}),
        # What the host claims, and even what the inventory states, is not used without a verification.
        ({}, {"probe": probe(), "identities": {}}, {}),
        ({"instance_id": "i-9", "region_id": "r"}, {"probe": probe(), "identities": {}}, {}),
        ({}, {"probe": probe(), "identities": {"web1": {"problem": "Refused."}}}, {}),
        ({}, {"probe": probe(), "identities": {"web1": {**VERIFIED, "problem": "A duplicate."}}}, {}),
        ({}, {"probe": probe(), "identities": {"web2": VERIFIED}}, {}),
    ],
)
def test_the_instance_is_the_proven_one(given: Given, steps: Given, chosen: Given) -> None:
    assert _decisions.instance(run(given, **steps)) == chosen


@pytest.mark.parametrize(
    ("given", "fence", "install"),
    [
        ({}, {"failed": True, "nft_missing": True}, True),
        ({"fence_install": "no"}, {"failed": True, "nft_missing": True}, False),
        ({}, {"failed": True, "nft_missing": False}, False),
        ({}, {"changed": True}, False),
        ({}, {}, False),
    ],
)
def test_nftables_is_installed_only_where_it_is_missing(given: Given, fence: Given, install: bool) -> None:
    assert _decisions.decisions(run(given, probe=probe(), fence=fence))["install_nftables"] is install


NO_IDENTITY = "Cannot identify the ECS instance of web1"


@pytest.mark.parametrize(
    ("given", "steps", "problem"),
    [
        ({}, {"answers": answers(row())}, None),
        ({"enforce": "0"}, {}, None),
        ({"access": "disabled"}, {"probe": probe("disabled")}, None),
        ({}, {"probe": probe(instance=None)}, NO_IDENTITY),
        ({"instance_id": "i-9"}, {"probe": {}}, NO_IDENTITY),
        ({}, {"identities": {"web1": {"problem": "Refused."}}}, "Refused."),
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
def test_the_problem_says_why_the_options_were_not_set(given: Given, steps: Given, problem: str | None) -> None:
    found = _decisions.problem(run(given, **{"probe": probe(), **steps}))
    assert (problem is None) is (found is None)
    assert problem is None or (found is not None and problem in found)


def test_access_is_verified_after_a_change_or_if_unmet() -> None:
    cases = itertools.product((False, True), ("yes", "no"), ([], ["For user nobody ..."]), (*"tfo", ""))
    for check_mode, verify, unmet, changed in cases:
        steps = {
            "tooling": {"changed": changed == "t"},
            "fence": {"changed": changed == "f"},
            "answers": answers(row(changed=changed == "o")),
        }
        state = run({"verify": verify}, probe=probe(unmet=unmet), **steps)
        state["check_mode"] = check_mode
        wanted = verify == "yes" and not check_mode and bool(unmet or changed)
        assert _decisions.needs_verification(state) is wanted, (check_mode, verify, unmet, changed)
        assert _decisions.changed(state) is bool(changed), (check_mode, verify, unmet, changed)


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
def test_the_expected_access_after_an_undo_is_that_of_the_restored_options(
    after: tuple[str, str] | None, error: str | None, expected: list[str] | None
) -> None:
    options = dict(zip(("http_endpoint", "http_tokens"), after)) if after else None
    state = run(answers=answers(row(error, after=options)))
    assert _decisions.restored_expectation(state) == expected


def test_a_run_without_any_step_has_decisions() -> None:
    """Such a run is that of a host that was stopped by the failure of another host before its first step."""
    for given in ({}, {"enforce": False}, {"access": "disabled"}):
        found = _decisions.decisions(run(given))
        wanted = ("restore_options", "restore_fence", "restore_tooling", "verify", "blocked", "run_preflight")
        assert not any(found[name] for name in wanted)
        assert found["expect_before"] is None and found["expect_restored"] is None


@pytest.mark.parametrize("bad", [None, "", "text", 1, []])
def test_a_result_that_is_not_a_dictionary_counts_as_a_skipped_step(bad: Any) -> None:
    names = ("probe", "preflight", "tooling", "fence", "answers", "verify")
    state = run(**dict.fromkeys(names, bad))
    assert _decisions.decisions(state) == _decisions.decisions(run())


def test_a_rollback_restores_what_was_changed_or_sent() -> None:
    """Options are restored even if the API reported an error, because a response may have been lost."""
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


def test_a_rollback_restores_the_options_before_this_run_and_not_the_recorded_ones() -> None:
    """A host that required tokens before this run requires them after its rollback."""
    earlier = {"http_endpoint": "enabled", "http_tokens": "required", "instance_metadata_tags": "disabled"}
    state = run({"access": "disabled"}, probe=probe("required"), answers=answers(row(before=earlier)))
    found = _decisions.decisions(state)
    assert found["restore_options"] and found["before_options"] == {"i-web1": earlier}
    assert _decisions.decisions(run(probe=probe(), answers=answers()))["before_options"] is None


def test_the_identity_is_verified_only_if_options_are_to_be_set() -> None:
    assert _decisions.decisions(run())["audience"].startswith("alicloud-imds-0f-")
    assert _decisions.decisions(run({"enforce": False}))["audience"] is None
    assert _decisions.unverified(run({"enforce": False})) is None
    assert _decisions.unverified(run({"access": "disabled"}, probe=probe("disabled", instance=None))) is None


@pytest.mark.parametrize(
    ("given", "verdict", "wanted"),
    [
        ({"watch": "keep"}, "required", True),
        ({"watch": "off", "enforce": False}, "optional", False),
        ({"watch": False}, "optional", False),
        # Observe before enforcement; a run that enforces neither installs nor removes it before it is verified.
        ({"enforce": False}, "optional", True),
        ({"enforce": False}, "unknown", True),
        ({"enforce": False}, "required", None),
        ({}, "optional", None),
    ],
)
def test_the_watch_observes_while_normal_mode_is_allowed(given: Given, verdict: str, wanted: bool | None) -> None:
    assert _decisions.decisions(run(given, probe=probe(verdict)))["watch"] is wanted


WATCHED = {"before": {}, "changed": False, "watch": True}


@pytest.mark.parametrize(
    ("given", "steps", "ends"),
    [
        ({}, {"tooling": WATCHED, "verify": {"verdict": "required"}}, True),
        ({"access": "disabled"}, {"tooling": WATCHED, "verify": {"verdict": "disabled"}}, True),
        ({}, {"tooling": WATCHED, "probe": probe("required")}, True),
        ({"enforce": False}, {"tooling": WATCHED, "probe": probe("required")}, True),
        ({"watch": "keep"}, {"tooling": WATCHED, "verify": {"verdict": "required"}}, False),
        ({}, {"tooling": {**WATCHED, "watch": False}, "verify": {"verdict": "required"}}, False),
        ({}, {"verify": {"verdict": "required"}}, False),
        ({}, {"tooling": WATCHED, "verify": {"verdict": "optional"}}, False),
        ({}, {"tooling": WATCHED, "verify": {"failed": True, "verdict": "required"}}, False),
        ({}, {"tooling": WATCHED, "verify": {"failed": True, "msg": "x"}, "probe": probe("required")}, False),
        ({"verify": False}, {"tooling": WATCHED}, False),
        ({}, {"tooling": WATCHED, "verify": {"verdict": "required"}, "check_mode": True}, False),
    ],
)
def test_the_watch_ends_only_after_verified_enforcement(given: Given, steps: Given, ends: bool) -> None:
    """With verify=false, the probe before enforcement shows normal mode; a later run ends the watch."""
    assert _decisions.decisions(run(given, **{"probe": probe(), **steps}))["ends_watch"] is ends


def test_the_removal_of_the_watch_is_a_change() -> None:
    assert not _decisions.changed(run(unwatched={}))
    assert _decisions.changed(run(unwatched={"changed": True}))


PLAN = {"by_instance": {"i-web1": row("An ACK node.", sent=False)}, "message": "No requests. The record is full."}


@pytest.mark.parametrize(
    ("given", "steps", "parts"),
    [
        ({}, {"probe": probe()}, None),
        # an unknown user and the problems of the API host are in one message
        ({}, {"probe": {"failed": False, "msg": "No user 'x'."}, "plan": PLAN}, ["No user 'x'.", "No requests."]),
        ({}, {"probe": {"msg": "There is no user 'nobody' on it."}}, ["'nobody' on it. Set hardening_verify_user"]),
        ({}, {"probe": {"msg": "There is no user 'app' on it."}}, ["Create it before", "hardening_fence_users"]),
        ({}, {"probe": probe("unknown", msg="No answer.")}, ["No answer."]),
        ({}, {"probe": {}}, ["returned no result"]),
        ({}, {"probe": probe(), "plan": PLAN}, ["options of i-web1: An ACK node.", "The record is full."]),
        (
            {},
            {"probe": probe(), "identities": {"web1": {"problem": "Refused."}}, "plan": PLAN},
            ["Refused. No requests."],
        ),
        ({"enforce": False}, {"probe": probe(), "plan": PLAN}, None),
        ({"access": "disabled"}, {"probe": probe("disabled"), "plan": PLAN}, None),
    ],
)
def test_all_problems_are_known_before_anything_is_changed(given: Given, steps: Given, parts: list[str] | None) -> None:
    found = _decisions.unready(run(given, **steps))
    assert (found is None) is (parts is None)
    assert all(part in str(found) for part in parts or ())


LOST = {"unreachable": True, "msg": "No route to host."}


@pytest.mark.parametrize(
    ("given", "verify", "restore"),
    [({}, LOST, True), ({"lost_host": "keep"}, LOST, False), ({}, probe("required"), False)],
)
def test_a_lost_host_is_rolled_back_unless_it_is_to_be_kept(given: Given, verify: Given, restore: bool) -> None:
    found = _decisions.decisions(run(given, probe=probe(), answers=answers(row()), verify=verify))
    assert found["restore_lost"] is restore and found["restore_options"] is True


def test_a_rollback_does_not_connect_to_an_unreachable_host_again_and_again() -> None:
    given = {"probe": probe(), "fence": {"before": {}}, "tooling": {"before": {}}, "restored_fence": LOST}
    found = _decisions.decisions(run(**given))
    assert (found["restore_fence"], found["restore_tooling"], found["reachable"]) == (True, False, False)


def test_an_interrupted_change_is_verified_and_rolled_back_to_the_record() -> None:
    interrupted = row(changed=False, sent=False, unverified=True)
    state = run(probe=probe("required"), answers=answers(interrupted))
    found = _decisions.decisions(state)
    assert found["verify"] and found["restore_options"] and found["before_options"] is None
    restored = {"instances": [row(after=interrupted["before"])]}
    assert _decisions.decisions({**state, "restored_options": restored})["expect_before"] == ["optional"]
    settled = run(probe=probe("required"), answers=answers(row(changed=False, sent=False, unverified=False)))
    found = _decisions.decisions(settled)
    assert not found["verify"] and not found["restore_options"] and found["expect_before"] == ["required"]


@pytest.mark.parametrize(
    ("given", "index", "missing"),
    [
        ({}, {"complete": True}, True),
        ({}, {"complete": True, "by_record": {"web1": row()}}, False),
        ({}, {"complete": True, "record_errors": {"web1": "A link."}}, False),
        ({}, {"complete": False, "message": "No credentials."}, False),
        ({"enforce": False}, {"complete": True}, False),
    ],
)
def test_a_record_is_missing_only_if_the_records_were_read(given: Given, index: Given, missing: bool) -> None:
    assert _decisions.unrecorded(run(given, answers=index)) is missing
