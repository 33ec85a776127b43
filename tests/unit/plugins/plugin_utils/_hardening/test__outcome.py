# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Outcome, reason and report entry of a run, by the results of its steps."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.alicloud.imds.plugins.modules import report
from ansible_collections.alicloud.imds.plugins.plugin_utils._hardening import (
    _decisions,
    _entry,
    _failure,
    _outcome,
    _playbooks,
)

from .runs import IDENTITY, VERIFIED, answers, finding, probe, row, run

Given = dict[str, Any]
BROKEN = {"failed": True, "msg": "It broke."}


@pytest.mark.parametrize(
    ("result", "task", "reason"),
    [
        ({"msg": "Broken."}, {"name": "Install"}, "Broken."),
        ({"rc": 1}, {"name": "Install"}, "The task 'Install' failed without a message."),
        ({"rc": 1}, {}, "The task 'without a name' failed without a message."),
        ({"reason": "Could not find file"}, {"name": "Include"}, "Could not find file"),
        ({}, {}, _failure.STOPPED),
        (None, None, _failure.STOPPED),
        ("", "", _failure.STOPPED),
        (
            {
                "msg": "Task failed: Finalization of task args for 'ansible.builtin.include_tasks' failed: Error while resolving value for"
                " '_raw_params': The filter plugin 'alicloud.imds.hardening_settings' failed: hardening_fence must be one of off, audit."
            },
            {"name": "Include"},
            "hardening_fence must be one of off, audit.",
        ),
        ({"msg": ""}, {"name": ""}, "The task 'without a name' failed without a message."),
        (
            {"msg": "Validation of arguments failed:\nx\ny", "argument_errors": ["x", "y"]},
            {"name": "Validate"},
            "Variables of the role are invalid: x; y.",
        ),
    ],
)
def test_the_failure_of_a_host_in_rescue(result: Any, task: Any, reason: str) -> None:
    assert _failure.failure(result, task) == reason


STALE = {"failed_result": {"msg": "Unrelated."}, "earlier_failure": "Unrelated."}


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ({"tooling": BROKEN}, "It broke."),
        ({"fence": BROKEN, **STALE}, "It broke."),
        ({"verify": BROKEN, "answers": answers(row())}, "It broke."),
        (
            {"answers": answers(row("Conflict."))},
            "Cannot set the metadata options of i-web1: Conflict.",
        ),
        ({"answers": answers(message="No keys.")}, "of i-web1: No keys."),
        ({"tooling": {"failed": True}}, "failed without a message"),
        ({"fence": {"unreachable": True, "msg": "No route."}}, "No route."),
        ({"failed_result": {"msg": "A template failed."}}, "A template failed."),
        # Stopped by another host, with or without an earlier failure of its own.
        ({}, _failure.STOPPED),
        ({"answers": answers(row())}, _failure.STOPPED),
        (STALE, _failure.STOPPED),
        ({"answers": answers(row()), **STALE}, _failure.STOPPED),
    ],
)
def test_the_reason_of_a_rollback_is_the_original_error(steps: Given, reason: str) -> None:
    assert reason in _outcome.reason_of_rollback(run(probe=probe(), **steps))


def test_the_reason_names_the_variable_of_the_role_for_each_module_option() -> None:
    wrong = {"failed": True, "msg": "'nginx' in 'deny_services' is no unit; raise 'wait_timeout'."}
    ended = _outcome.outcome(run(fence=wrong), "rolled_back")
    assert ended["reason"] == (
        "'nginx' in 'deny_services' (hardening_fence_services) is no unit; raise 'wait_timeout' (hardening_wait_timeout)."
        " The host was rolled back to its previous state."
    )


def test_the_reason_of_a_failed_rollback_has_all_messages() -> None:
    state = run(
        fence=BROKEN,
        restored_options={"msg": "OperationConflict."},
        restored_access={"msg": "Still required.", "verdict": "required"},
        restored_fence={"skipped": True, "changed": False},
    )
    ended = _outcome.outcome(state, "rolled_back")
    assert ended["result"] == "failed" and ended["reason"] is not None
    assert (
        "It broke. The host could not be rolled back completely: OperationConflict. Still required." in ended["reason"]
    )
    assert "hardening_state=absent" in ended["reason"]


def test_the_reason_of_a_blocked_host_has_title_id_and_evidence() -> None:
    found = [finding(), finding(id="y", title="Old", evidence="version 1")]
    ended = _outcome.outcome(run(preflight={"findings": found}), "blocked")
    assert ended == {
        "result": "blocked",
        "reason": "Blocked by 2 findings: A script reads metadata (script_x: path: /etc/cron.d/x, line: 3); Old (y: version 1)."
        " Nothing was changed.",
    }
    expired = finding(id="waiver_expired", severity="warn", evidence={"finding": "script_*", "expires": "2026-11-01"})
    reason = _outcome.outcome(run(preflight={"findings": [finding(), expired]}), "blocked")["reason"]
    assert str(reason).endswith("Nothing was changed. The waiver of script_* expired on 2026-11-01.")
    many = _outcome.outcome(run(preflight={"findings": [finding()] * 5}), "blocked")["reason"]
    assert many is not None and "; and 2 more." in many
    assert "Blocked by 1 finding: " in str(_outcome.outcome(run(preflight={"findings": [finding()]}), "blocked"))


@pytest.mark.parametrize(
    ("steps", "result", "reason"),
    [
        ({}, "unchanged", None),
        ({"answers": answers(row())}, "changed", None),
        ({"answers": answers(row(changed=False)), "fence": {"changed": False}}, "unchanged", None),
        ({"fence": {"changed": True}}, "changed", None),
        ({"answers": answers(row("Conflict."))}, "failed", "Cannot undo everything: Conflict."),
        ({"answers": answers(message="No record.")}, "failed", "Cannot undo everything: No record."),
        ({"answers": {**answers(), "record_errors": {"web1": "It is a link."}}}, "failed", "It is a link."),
        ({"answers": {**answers(), "record_errors": {"web2": "It is a link."}}}, "unchanged", None),
        # The message is about other instances; this one was restored.
        ({"answers": answers(row(), message="1 of 2 failed.")}, "changed", None),
        ({"fence": BROKEN, "tooling": {"failed": True, "msg": "Nor this."}}, "failed", "It broke. Nor this."),
        ({"verify": {"msg": "Still required.", "verdict": "required"}}, "failed", "Still required."),
    ],
)
def test_the_outcome_of_an_undo(steps: Given, result: str, reason: str | None) -> None:
    ended = _outcome.outcome(run(**steps), "undone")
    assert ended["result"] == result
    assert (ended["reason"] is None) if reason is None else (reason in str(ended["reason"]))


@pytest.mark.parametrize("ending", ["audited", "unready", "blocked", "enforced", "rolled_back", "undone"])
def test_each_ending_has_an_entry_without_any_step(ending: str) -> None:
    """The entry has exactly the keys of the option hosts of the module alicloud.imds.report."""
    entry, result = _entry.entry(run(), ending), _entry.result(run(), ending)
    options = yaml.safe_load(report.DOCUMENTATION)["options"]["hosts"]["suboptions"]
    assert set(entry) == set(options) - {"name", "batch"}
    assert entry["host"] == "web1" and {entry[name] for name in set(entry) - {"host", "outcome"}} == {None}
    assert result == dict.fromkeys(("instance", "identity", "before", "after")) | {
        "outcome": entry["outcome"]["result"],
        "reason": entry["outcome"]["reason"],
    }


def test_the_entry_of_a_hardened_host() -> None:
    callers = [{"mode": "some_mode", "user": "www-data", "new": 1}]
    state = run(
        probe=probe(),
        preflight={"findings": [finding()], "callers": callers},
        fence={"mode": "audit", "changed": True, "refused": [{"uid": 33, "user": "www-data", "connections": 12}]},
        answers=answers(row()),
        verify=probe("required"),
    )
    assert _entry.entry(state, "enforced") == {
        "host": "web1",
        **IDENTITY,
        "control_plane": row()["after"],
        "in_guest": {"verdict": "required", "problems": []},
        "findings": [finding()],
        "callers": callers,
        "fence": {"mode": "audit", "counters": {"www-data": 12}},
        "outcome": {"result": "changed", "reason": None},
    }
    assert _entry.result(state, "enforced") == {
        "outcome": "changed",
        "instance": IDENTITY,
        "identity": "signed",
        "before": "optional",
        "after": "required",
        "reason": None,
    }


def test_the_entry_keeps_the_last_records_of_a_watch_that_was_removed() -> None:
    earlier, last = [{"exe": "/usr/bin/curl"}], [{"exe": "/usr/bin/wget"}]
    assert _entry.entry(run(preflight={"callers": earlier}), "enforced")["callers"] == earlier
    state = run(preflight={"callers": earlier}, last_records={"callers": last})
    assert _entry.entry(state, "enforced")["callers"] == last
    failed = run(preflight={"callers": earlier}, last_records={"failed": True, "msg": "x"})
    assert _entry.entry(failed, "enforced")["callers"] == earlier


def test_the_entry_counts_what_belongs_to_no_listed_user() -> None:
    fence = {"mode": "audit", "refused": [], "refused_others": 3, "refused_forwarded": 0, "refused_direct": 5}
    counters = {"(others)": 3, "(past the IP layer)": 5}
    assert _entry.entry(run(fence=fence), "enforced")["fence"] == {"mode": "audit", "counters": counters}


def test_the_entry_after_a_rollback_has_the_restored_options() -> None:
    before = {"http_endpoint": "enabled", "http_tokens": "optional", "instance_metadata_tags": "disabled"}
    state = run(
        probe=probe(),
        answers=answers(row()),
        verify={"failed": True, "msg": "Unmet.", "verdict": "required"},
        restored_options={"instances": [row(after=before)]},
        restored_access={"verdict": "optional", "problems": ["Slow."]},
    )
    entry = _entry.entry(state, "rolled_back")
    assert entry["control_plane"] == before and entry["in_guest"] == {"verdict": "optional", "problems": ["Slow."]}
    assert entry["outcome"]["result"] == "rolled_back" and entry["instance_id"] == "i-web1"


@pytest.mark.parametrize(
    ("steps", "known"),
    [
        ({"probe": probe(instance=None)}, None),
        ({"verify": probe()}, "i-web1"),
        ({"restored_access": probe()}, "i-web1"),
        ({"probe": probe(instance=None), "identities": {"web1": {**VERIFIED, "instance_id": "i-9"}}}, "i-9"),
        ({"probe": probe(), "identities": {"web1": {**VERIFIED, "instance_id": "i-9"}}}, "i-9"),
    ],
)
def test_the_identity_is_the_proven_one_or_that_of_the_host(steps: Given, known: str | None) -> None:
    assert _entry.entry(run(**steps), "enforced")["instance_id"] == known


def test_the_reason_of_an_unidentified_host() -> None:
    state = run(probe=probe(), identities={"web1": {"problem": "Cannot identify it: refused."}})
    assert _outcome.outcome(state, "unready") == {
        "result": "failed",
        "reason": "Cannot identify it: refused. Nothing was changed.",
    }


def test_the_options_of_the_api_are_added_to_the_entry() -> None:
    entry = _entry.entry(run(probe=probe()), "audited")
    options = {"http_tokens": "optional", "http_endpoint": "enabled"}
    shown = {"instance_id": "i-web1", "name": "Web", "options": options, "verdict": "exempt", "reason": "ACK"}
    found = _entry.with_control_plane(entry, {"by_instance": {"i-web1": shown}})
    assert found == {**entry, "name": "Web", "control_plane": {**options, "verdict": "exempt", "reason": "ACK"}}
    empty = _entry.with_control_plane(entry, {"by_instance": {"i-web1": {**shown, "options": None}}})
    assert empty["control_plane"] == {"verdict": "exempt", "reason": "ACK"}
    assert _entry.with_control_plane(entry, {"by_instance": {}}) == entry


def facts(outcome: str | None = None, **more: Any) -> Given:
    return {**({"hardening_result": {"outcome": outcome}} if outcome else {}), **more}


def test_the_progress_counts_a_failed_host_once() -> None:
    hosts = [facts("changed"), facts("rolled_back", imds_failure="x"), facts()]
    found = _playbooks.progress(hosts, ["a", "b", "c"], ["a", "b", "c", "d"], ["a", "d"])
    assert found == {
        "message": "3 of 4 hosts done. This batch of 3: 1 changed, 0 unchanged, 1 rolled back, 2 failed in total.",
        "failed": 2,
        "report": True,
    }


@pytest.mark.parametrize(("batch", "due"), [(["a"], False), (["b"], True)])
def test_the_report_is_written_after_the_last_batch(batch: list[str], due: bool) -> None:
    assert _playbooks.progress([facts("unchanged")], batch, ["a", "b"], ["a", "b"])["report"] is due


def test_each_host_of_the_play_is_in_the_report_once() -> None:
    hosts = [{"hardening_report": {"host": "a"}}, {}, {}, {"hardening_report": {"host": "d"}}]
    assert _playbooks.report_hosts(hosts, ["a", "b"], ["a", "b", "c", "d"]) == {
        "hosts": [{"host": "a"}, {"host": "d"}],
        "unreachable": ["b"],
        "skipped": ["c"],
    }


def test_a_host_that_failed_without_a_report_has_its_reason_in_the_report() -> None:
    found = _playbooks.report_hosts([{"imds_failure": "No settings."}, {}], ["a", "b"], ["a", "b"])
    assert found["hosts"] == [{"host": "a", "outcome": {"result": "failed", "reason": "No settings."}}]
    assert found["unreachable"] == ["b"]


HARDENED = {"http_endpoint": "enabled", "http_tokens": "required", "instance_metadata_tags": "disabled"}


@pytest.mark.parametrize(
    ("found", "outcome", "shown"),
    [
        (HARDENED, "changed", HARDENED),
        ({**HARDENED, "http_tokens": "optional"}, "failed", {**HARDENED, "http_tokens": "optional"}),
        ({**HARDENED, "http_endpoint": "disabled"}, "failed", {**HARDENED, "http_endpoint": "disabled"}),
        (None, "changed", None),  # unknown, not the options that were set
    ],
)
def test_the_result_has_the_options_that_were_read_back(found: Given | None, outcome: str, shown: Given | None) -> None:
    state = run(probe=probe(), answers=answers(row()), verify=probe("required"))
    report, ended = _entry.entry(state, "enforced"), _entry.result(state, "enforced")
    back = _entry.read_back(report, ended, {"by_instance": {"i-web1": {"options": found}}})
    assert back["report"]["control_plane"] == shown
    assert back["result"]["outcome"] == back["report"]["outcome"]["result"] == outcome
    if outcome == "failed":
        assert "After the rollbacks of other hosts, the metadata options of i-web1 differ" in back["result"]["reason"]
    assert _entry.read_back(report, ended, {})["report"]["control_plane"] is None


def test_a_rolled_back_host_keeps_its_reason_when_its_options_are_read_back() -> None:
    state = run(probe=probe(), fence=BROKEN)
    report, ended = _entry.entry(state, "rolled_back"), _entry.result(state, "rolled_back")
    back = _entry.read_back(report, ended, {"by_instance": {"i-web1": {"options": HARDENED}}})
    assert back["result"] == ended and back["report"] == {**report, "control_plane": HARDENED}
    unknown = _entry.entry(run(), "rolled_back")
    assert _entry.read_back(unknown, ended, {})["report"] == unknown


@pytest.mark.parametrize("report", ["x", ["x"], 7, {"host": "b"}, {"host": ["b"]}, {}])
def test_no_result_of_a_host_breaks_the_report_of_the_others(report) -> None:
    hosts = [{"hardening_report": report}, {"hardening_report": {"host": "b"}}]
    found = _playbooks.report_hosts(hosts, ["a", "b"], ["a", "b"])
    named = [entry["host"] for entry in found["hosts"]] + found["unreachable"]
    assert sorted(named) == ["a", "b"], "a host cannot speak for another one"


@pytest.mark.parametrize("result", ["x", ["changed"], 7, {"outcome": ["changed"]}])
def test_no_result_of_a_host_breaks_the_progress(result) -> None:
    hosts = [{"hardening_result": result}, facts("changed")]
    assert "1 changed" in _playbooks.progress(hosts, ["a", "b"], ["a", "b"], ["a", "b"])["message"]


def test_the_reason_has_no_control_sequence_of_a_host() -> None:
    hostile = "bad \x1b]0;owned\x07 \x9b2J \u202e"
    failed = {"failed": True, "msg": hostile}
    found = _outcome.outcome(run(verify=failed), "rolled_back")
    assert "bad \\x1b]0;owned\\x07 \\x9b2J \\u202e" in str(found["reason"])
    blocked = _outcome.outcome(
        run(preflight={"findings": [finding(evidence={"path": hostile}, title=hostile)]}), "blocked"
    )
    for reason in (found["reason"], blocked["reason"], _failure.failure(failed, None)):
        assert str(reason).replace("\n", "").isprintable()


def test_messages_name_each_variable_once() -> None:
    text = "Check 'regions', 'path', 'profile' and 'other'. Set 'empty_options: default'."
    once = _failure.with_variables(text)
    assert once == (
        "Check 'regions' (hardening_region_id), 'path' (imds_report_dir), 'profile' (hardening_profile) and 'other'."
        " Set 'empty_options: default' (hardening_empty_options)."
    )
    assert _failure.with_variables(once) == once


def options(tokens: str, endpoint: str = "enabled") -> dict[str, Any]:
    return {"http_endpoint": endpoint, "http_tokens": tokens, "instance_metadata_tags": "disabled"}


def without_record(given: dict[str, Any] | None = None, found: dict[str, Any] | None = None, **steps: Any) -> Any:
    """Return the outcome of an undo of web1 that found no record, and these options through the API."""
    rows = {"i-web1": row(changed=False, sent=False, after=found, record_name=None)} if found else {}
    index = {"by_instance": rows, "by_record": {}, "record_errors": {}, "complete": True, "message": None}
    return _outcome.outcome(run({"state": "absent", **(given or {})}, answers=index, **steps), "undone")


def test_an_undo_without_a_record_fails_unless_nothing_was_enforced() -> None:
    failed = without_record({"api_host": "bastion"}, options("required"), probe=probe("required"))
    assert failed["result"] == "failed"
    start = "There is no record of web1 in ~/.alicloud-imds/record on bastion; its options stay `required`."
    assert start in failed["reason"] and "hardening_undo_to" in failed["reason"]
    disabled = without_record({}, options("optional", "disabled"), probe=probe("disabled"))
    assert disabled["result"] == "failed" and "its endpoint stays disabled" in disabled["reason"]
    assert without_record({}, options("optional"), probe=probe()) == {"result": "unchanged", "reason": None}
    kept = without_record({"undo_to": "keep"}, options("required"), probe=probe("required"))
    assert kept["result"] == "unchanged" and "its options stay `required`" in kept["reason"]
    broken = without_record({"undo_to": "keep"}, options("required"), probe=probe("required"), tooling=BROKEN)
    assert broken["result"] == "failed" and "are restored" not in broken["reason"]
    unknown = "it is unknown whether tokens are required. "
    for steps, reason in (
        ({"probe": probe(), "identities": {"web1": {"problem": "Refused."}}}, "Refused."),
        ({"probe": probe()}, "The API returned no result for its instance."),
        ({"fence": {"unreachable": True, "msg": "No route."}}, "The host is unreachable."),
    ):
        ended = without_record({}, None, **steps)
        assert ended["result"] == "failed" and unknown + reason in ended["reason"]


LOST = {"unreachable": True, "msg": "No route to host."}


def test_a_lost_host_is_never_called_hardened() -> None:
    state = {"probe": probe(), "answers": answers(row()), "verify": LOST}
    kept = _outcome.outcome(run({"lost_host": "keep"}, **state), "enforced")
    assert kept["result"] == "failed" and "No route to host" in str(kept["reason"])
    assert "The API requires tokens for i-web1, and it is not verified" in str(kept["reason"])
    gone = {"restored_options": {"instances": [row(after=options("optional"))]}, "restored_fence": LOST}
    restored = _outcome.outcome(run({}, **state, **gone), "rolled_back")
    assert restored["result"] == "failed" and "The metadata options were restored through the API." in str(
        restored["reason"]
    )
    nothing_sent = {**gone, "restored_options": {"skipped": True, "changed": False}}
    assert "were restored" not in str(_outcome.outcome(run({}, **state, **nothing_sent), "rolled_back")["reason"])
    back = {**gone, "restored_fence": {"changed": True}}
    assert _outcome.outcome(run({}, **state, **back), "rolled_back")["result"] == "rolled_back"


def test_an_undo_of_an_unreachable_host_says_what_stays() -> None:
    state = run({"state": "absent"}, answers=answers(row(after=options("optional"))), fence=LOST)
    ended = _outcome.outcome(state, "undone")
    assert ended["result"] == "failed"
    assert "The metadata options are restored. The host is unreachable, so the fence" in str(ended["reason"])


def test_the_end_of_an_interrupted_run_is_said() -> None:
    state = run(probe=probe("required"), answers=answers(row(changed=False, sent=False, unverified=True)))
    assert _outcome.outcome(state, "enforced") == {"result": "unchanged", "reason": _outcome._FINISHED}


ACK = "It is a node of the ACK cluster c1."
OPTIONS = {"http_endpoint": "enabled", "http_tokens": "optional", "instance_metadata_tags": "disabled"}
REFUSED = row(
    "Refused.", exemption=ACK, before=OPTIONS, after=OPTIONS, changed=False, planned=False, sent=False, os_type="linux"
)


@pytest.mark.parametrize(
    ("state", "result", "reason"),
    [
        (run(windows=True), "unsupported", "Windows"),
        (run(probe=probe("unreachable", instance=None, is_ecs=False)), "not_ecs", "is not an ECS instance"),
        (run(probe=probe("disabled", instance=None)), "disabled", "hardening_instance_id"),
        (
            run(probe=probe(), plan=answers(REFUSED)),
            "exempt",
            ACK + " To require tokens anyway, set hardening_allow_ack_nodes",
        ),
        (run(probe=probe(), plan=answers({**REFUSED, "os_type": "windows"})), "unsupported", ACK),
        # no exclusion: an instance by its firmware or by the inventory, or another wish
        (run(probe=probe("unreachable", instance=None, is_ecs=True)), None, "is_ecs"),
        (run(probe=probe("unreachable", instance=None)), None, "is_ecs"),
        (run({"instance_id": "i-1"}, probe=probe("unreachable", instance=None, is_ecs=False)), None, "stated"),
        (run({"instance_id": "i-1", "region_id": "cn-a"}, probe=probe("disabled", instance=None)), None, "stated"),
        (run({"access": "disabled"}, probe=probe("disabled", instance=None)), None, "desired"),
        (run(probe=probe(), plan=answers(row())), None, "nothing"),
        (run(probe=probe()), None, "nothing"),
        (run(), None, "nothing"),
    ],
)
def test_a_host_on_which_nothing_is_done(state: Given, result: str | None, reason: str) -> None:
    made = _decisions.decisions(state)
    assert made["excluded"] is (result is not None)
    if result is None:
        return
    assert made["unready"] is None
    ended = _outcome.outcome(state, "excluded")
    assert ended["result"] == result and reason in str(ended["reason"])
    assert _outcome.outcome(state, "audited")["result"] == result


def test_the_entry_of_an_exempt_host_has_the_verdict_of_the_api_also_after_a_rollback_of_others() -> None:
    state = run(probe=probe(), plan=answers(REFUSED))
    entry, ended = _entry.entry(state, "excluded"), _entry.result(state, "excluded")
    assert entry["control_plane"] == {**OPTIONS, "verdict": "exempt", "reason": ended["reason"]}
    back = _entry.read_back(entry, ended, {"by_instance": {"i-web1": {"options": OPTIONS}}})
    assert back == {"result": ended, "report": entry}


def test_the_entry_of_a_blocked_host_has_the_options_of_the_api() -> None:
    state = run(probe=probe(), plan=answers(row(before=OPTIONS)), preflight={"findings": [finding()]})
    assert _entry.entry(state, "blocked")["control_plane"] == OPTIONS


def test_check_mode_has_the_entry_and_the_result_of_a_real_run() -> None:
    real = run(probe=probe(), answers=answers(row(planned=True)), verify=probe("required"))
    check = run(probe=probe(), answers=answers(row(planned=True, sent=False)), check_mode=True)
    for make in (_entry.entry, _entry.result):
        shown = [make(it, "enforced") for it in (real, check)]
        if make is _entry.entry:
            shown[1]["in_guest"]["problems"] = []
        assert shown[0] == shown[1]
    unchanged = run(probe=probe("required"), answers=answers(row(planned=False, changed=False)), check_mode=True)
    assert _entry.entry(unchanged, "enforced")["in_guest"]["verdict"] == "required"


def test_hosts_that_nobody_watched_are_blocked_only_if_the_watch_is_required() -> None:
    found = finding(id="callers_unknown", severity="info", evidence={})
    for required, blocked in ((False, False), (True, True)):
        state = run({"require_watch": required}, probe=probe(), preflight={"findings": [found]})
        assert _decisions.decisions(state)["blocked"] is blocked
    waived = {**found, "waived": {"reason": "r", "expires": "2099-01-01"}}
    assert not _decisions.decisions(run({"require_watch": True}, preflight={"findings": [waived]}))["blocked"]
    ack = {**finding(id="ack_node")}
    assert not _decisions.decisions(run({"allow_ack_nodes": True}, preflight={"findings": [ack]}))["blocked"]


def test_the_progress_names_hosts_on_which_nothing_is_done() -> None:
    hosts = [facts("changed"), facts("exempt"), facts("not_ecs"), facts("blocked")]
    names = ["a", "b", "c", "d"]
    message = _playbooks.progress(hosts, names, names, names)["message"]
    assert "1 changed, 0 unchanged, 0 rolled back, 1 blocked, 1 exempt, 1 not ecs, 0 failed in total." in message
