# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the facts that the role sets on a host: hardening_result and hardening_report. Pure functions."""

from __future__ import annotations

import typing as t

from . import _remedies
from ._decisions import Result, Run, answer, exclusion, expected, identity, instance, planned, settings, step
from ._excluded import EXCLUDED
from ._outcome import outcome

Entry = t.Dict[str, t.Any]
_CHANGED = (
    "After the rollbacks of other hosts, the metadata options of %s differ from those that were set: endpoint %s, tokens %s."
    " Find out what changed them, and run the role again."
)

# Counters of the fence beside those of users, which have the users' names. A user name has no parentheses.
_COUNTERS = {
    "(others)": "refused_others",
    "(forwarded)": "refused_forwarded",
    "(past the IP layer)": "refused_direct",
}


def result(run: Run, ending: str) -> Entry:
    """Return ``hardening_result``: outcome, instance and how its identity was verified, verdicts before and after, reason."""
    ended, probe = outcome(run, ending), step(run, "probe")
    return {
        "outcome": ended["result"],
        "instance": _ids(instance(run)) or probe.get("instance"),
        "identity": identity(run).get("method"),
        "before": probe.get("verdict"),
        "after": _last_access(run).get("verdict"),
        "reason": ended["reason"],
    }


def entry(run: Run, ending: str) -> Entry:
    """Return ``hardening_report``: the host's entry for the module alicloud.imds.report. Values of skipped steps are None."""
    identity, seen = _identity(run), _last_access(run)
    return {
        "host": run["host"],
        "instance_id": identity.get("instance_id"),
        "region_id": identity.get("region_id"),
        "control_plane": _options(run),
        "in_guest": {"verdict": seen["verdict"], "problems": seen.get("problems", [])} if seen else None,
        "findings": _remedies.explained(run),
        "callers": _callers(run),
        "fence": _fence(step(run, "fence")),
        "outcome": outcome(run, ending),
    }


def with_control_plane(report: Entry, answers: Result) -> Entry:
    """Return *report* with the options that metadata_options_info returned for its instance; unchanged if it returned none."""
    row = step(answers, "by_instance").get(report["instance_id"])
    if not row:
        return dict(report)
    view = {**(row.get("options") or {}), "verdict": row.get("verdict"), "reason": row.get("reason")}
    return {**report, "name": row.get("name"), "control_plane": view}


def read_back(report: Entry, ended: Result, answers: Result) -> t.Dict[str, Entry]:
    """Return ``result`` and ``report`` with the options that the API returned after all rollbacks of the batch.

    The options are None, which is unknown, if the API did not return them. A hardened host fails if they are others than before.
    """
    if not report["instance_id"]:
        return {"result": dict(ended), "report": dict(report)}
    expected = report["control_plane"]
    found = step(step(answers, "by_instance"), report["instance_id"]).get("options")
    changed = {**report, "control_plane": found}
    if found is not None and ended["outcome"] in EXCLUDED:
        changed["control_plane"] = {**(expected or {}), **found}  # with the verdict
    if found is None or ended["outcome"] not in ("changed", "unchanged") or not _differs(expected, found):
        return {"result": dict(ended), "report": changed}
    reason = _CHANGED % (report["instance_id"], found.get("http_endpoint"), found.get("http_tokens"))
    outcome = {"result": "failed", "reason": reason}
    return {"result": {**ended, "outcome": "failed", "reason": reason}, "report": {**changed, "outcome": outcome}}


def _differs(expected: t.Optional[Result], found: Result) -> bool:
    return any((expected or found).get(name) != found.get(name) for name in ("http_endpoint", "http_tokens"))


def _callers(run: Run) -> t.Optional[t.Sequence[Result]]:
    """Return the recorded callers: the last records of a watch that was removed, else those that the preflight check read."""
    last = step(run, "last_records").get("callers")
    return step(run, "preflight").get("callers") if last is None else last


def _last_access(run: Run) -> Result:
    """Return the latest probe with a verdict, empty if there was no such probe. In check mode, the one that a real run would have."""
    row = answer(run) if settings(run) else {}
    after = expected(row) if run.get("check_mode") and row.get("planned") else None
    if after:
        return {"verdict": after[0]}
    seen = (step(run, name) for name in ("restored_access", "verify", "probe"))
    return next((it for it in seen if it.get("verdict")), {})


def _ids(known: Result) -> Result:
    return {name: known[name] for name in ("instance_id", "region_id")} if known else {}


def _identity(run: Run) -> Result:
    known = (
        instance(run),
        step(run, "probe").get("instance"),
        step(run, "verify").get("instance"),
        step(run, "restored_access").get("instance"),
    )
    return next((it for it in known if it and it.get("instance_id")), {})


def _options(run: Run) -> t.Optional[Result]:
    restored = step(run, "restored_options").get("instances") or []
    row: Result = restored[0] if restored else answer(run)
    if row.get("after") or not settings(run) or not step(run, "identities"):
        return row.get("after")
    view, found = planned(run).get("before"), exclusion(run)
    return {**view, "verdict": "exempt", "reason": found["reason"]} if view and found else view


def _fence(fence: Result) -> t.Optional[Entry]:
    if not fence.get("mode"):
        return None
    counters = {it["user"]: it["connections"] for it in fence.get("refused") or ()}
    for name, key in _COUNTERS.items():
        if fence.get(key):
            counters[name] = fence[key]
    return {"mode": fence["mode"], "counters": counters}
