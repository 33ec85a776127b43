# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide which step of a run on one host comes next. Pure functions.

A *run* is the state of one use of the role on one host: ``host``, ``check_mode``, the normalized ``settings``, the indexed API
``answers``, and the result of each step under its name (``probe``, ``preflight``, ``tooling``, ``fence``, ``verify``, and
``restored_options``, ``restored_fence``, ``restored_tooling``, ``restored_access`` of a rollback). A skipped step has an empty
dictionary. No function fails if the result of a step is missing.
"""

from __future__ import annotations

import re
import typing as t

from ._failure import failure

Result = t.Mapping[str, t.Any]
Run = t.Mapping[str, t.Any]

# The verdict of access_modes_info inside an instance with these options (endpoint, tokens)
_VERDICTS = {("enabled", "required"): "required", ("enabled", "optional"): "optional"}


def step(run: Run, name: str) -> Result:
    """Return the result of the step *name*, empty if it was skipped."""
    result = run.get(name)
    return result if isinstance(result, t.Mapping) else {}


def settings(run: Run) -> Result:
    """Return the normalized settings."""
    return step(run, "settings")


def failed(result: Result) -> bool:
    """Return whether a registered result belongs to a failed task or an unreachable host."""
    return bool(result.get("failed") or result.get("unreachable"))


def record_name(host: str) -> str:
    """Return the name of the host's file in the record, without ``.json``."""
    return re.sub(r"^[.]", "_", re.sub(r"[^A-Za-z0-9._-]", "_", host))


def record_names(hosts: t.Iterable[str]) -> t.List[str]:
    """Return the names of the files of these hosts in the record."""
    return [record_name(host) for host in hosts]


def is_disabled(run: Run) -> bool:
    """Return whether the endpoint is disabled already, as the settings require, so that no options need to be set."""
    return settings(run)["access"] == "disabled" and step(run, "probe").get("verdict") == "disabled"


def probe_failed(run: Run) -> bool:
    """Return whether the probe ends the run: without a verdict, or unreachable while the instance must be identified."""
    verdict = step(run, "probe").get("verdict")
    chosen = settings(run)
    return verdict is None or bool(verdict == "unreachable" and chosen["enforce"] and not chosen["instance_id"])


def instance(run: Run) -> t.Dict[str, str]:
    """Return the instance whose options are to be set for this host: IDs, record name and access; empty if no options are to be set."""
    chosen = settings(run)
    seen = step(run, "probe").get("instance") or {}
    instance_id = chosen["instance_id"] or seen.get("instance_id")
    region_id = chosen["region_id"] or seen.get("region_id")
    if not chosen["enforce"] or is_disabled(run) or not (instance_id and region_id):
        return {}
    return {
        "instance_id": instance_id,
        "region_id": region_id,
        "record_name": record_name(run["host"]),
        "access": chosen["access"],
    }


def answer(run: Run) -> Result:
    """Return the API result of the instance of this host, or of its record in an undo, which has no probe; empty without a result."""
    answers = step(run, "answers")
    chosen = instance(run) if step(run, "probe") else {}
    if chosen:
        return step(answers, "by_instance").get(chosen["instance_id"]) or {}
    return step(answers, "by_record").get(record_name(run["host"])) or {}


def problem(run: Run) -> t.Optional[str]:
    """Return why the options of this host were not set, or None if they were set or need not be set."""
    if not settings(run)["enforce"] or is_disabled(run):
        return None
    chosen = instance(run)
    if not chosen:
        message = (
            "Cannot identify the ECS instance of %s: its metadata service is disabled or did not return the IDs."
            " Set hardening_instance_id and hardening_region_id."
        )
        return message % str(run["host"])
    found = answer(run)
    if found and found.get("error") is None:
        return None
    reason = found.get("error") or step(run, "answers").get("message") or "the API returned no result for it."
    return "Cannot set the metadata options of %s: %s" % (chosen["instance_id"], reason)


def changed(run: Run) -> bool:
    """Return whether a step changed anything on the host or its options."""
    steps = (step(run, "tooling"), step(run, "fence"), answer(run))
    return any(bool(it.get("changed")) for it in steps)


def blocking(run: Run) -> t.List[Result]:
    """Return the findings that block and are not waived."""
    findings = step(run, "preflight").get("findings") or ()
    return [it for it in findings if it["severity"] == "block" and it.get("waived") is None]


def blocked(run: Run) -> bool:
    """Return whether the preflight check stops this host. It does not if the run does not require tokens, because nothing breaks then."""
    chosen = settings(run)
    return chosen["preflight"] == "block" and chosen["enforce"] and bool(blocking(run))


def needs_verification(run: Run) -> bool:
    """Return whether access must be verified. On an unchanged host with the expected access, the probe was the verification."""
    if not settings(run)["verify"] or run.get("check_mode"):
        return False
    return changed(run) or bool(step(run, "probe").get("unmet"))


def restored_expectation(run: Run) -> t.Optional[t.List[str]]:
    """Return the verdicts to expect after an undo, or None if no options of this host were restored."""
    found = answer(run)
    after = found.get("after")
    if not found or found.get("error") is not None or not after:
        return None
    return [_VERDICTS.get((after["http_endpoint"], after["http_tokens"]), "disabled")]


def decisions(run: Run) -> t.Dict[str, t.Any]:
    """Return all decisions that the tasks of the role depend on, by name."""
    probe, chosen = step(run, "probe"), settings(run)
    return {
        "probe_failed": probe_failed(run),
        "run_preflight": chosen["preflight"] != "off" and probe.get("verdict") == "optional",
        "blocked": blocked(run),
        "record_name": record_name(run["host"]),
        "problem": problem(run),
        "verify": needs_verification(run),
        # even if the API reported a failure: a response may have been lost, and the record must not stay
        "restore_options": bool(answer(run).get("sent") or answer(run).get("planned")),
        "restore_fence": "before" in step(run, "fence"),
        "restore_tooling": "before" in step(run, "tooling"),
        "expect_before": [probe["verdict"]] if probe.get("verdict") else None,
        "expect_restored": restored_expectation(run),
        "has_answer": bool(answer(run)),
        # the last failure that Ansible reports for this host, before this run has failed
        "earlier_failure": failure(run.get("failed_result"), run.get("failed_task")),
    }
