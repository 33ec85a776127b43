# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Arrange the API calls of a batch, and index their results. Pure functions."""

from __future__ import annotations

import typing as t

from ._decisions import Result, answer, failed, instance, settings, step, unrecorded
from ._ids import valid
from ._settings import SettingError

# Variables that the tasks of the role set or register on each host
_PREFIX, _STEPS = "__hardening_", ("settings", "probe", "identities", "plan", "tooling", "fence", "answers")
_DONE = ("changed", "unchanged")


def calls(hosts: t.Iterable[Result], stage: str = "change") -> t.List[t.Dict[str, t.Any]]:
    """Return the API calls of a batch from the variables of its hosts: one for each access, with all instances that get it.

    In the stage ``check``, all hosts take part whose options are to be set. If none of them has a verified identity, one call without
    instances remains, which checks the rest. In the stage ``change``, only hosts with an enabled fence take part, unless the check showed
    that they need no change. A host with a failed step is being rolled back. In the stage ``undo``, hosts without a record take part.
    """
    runs = [run_of(host) for host in hosts]
    chosen = [instance(it) for it in runs if _takes_part(it, stage)]
    accesses = list(dict.fromkeys(it["access"] for it in chosen if it))
    found = [_call(access, [it for it in chosen if it and it["access"] == access]) for access in accesses]
    if not found and stage == "check" and any(settings(it).get("enforce") for it in runs):
        return [_call("required", [])]
    return found


def confirmed(hosts: t.Iterable[Result]) -> t.List[str]:
    """Return the record names of the hosts whose change was verified and is marked as unverified in the record."""
    found = []
    for host in hosts:
        run = run_of(host)
        row = answer(run) if settings(run) else {}
        marked = row.get("error") is None and (row.get("sent") or row.get("unverified"))
        if marked and (host.get("hardening_result") or {}).get("outcome") in _DONE:
            found.append(instance(run)["record_name"])
    return found


def run_of(host: Result) -> t.Dict[str, t.Any]:
    """Return the run of a host from its variables, with the steps that the API calls depend on."""
    return {**{name: host.get(_PREFIX + name) for name in _STEPS}, "host": host["inventory_hostname"]}


def _takes_part(run: Result, stage: str) -> bool:
    fence, plan = step(run, "fence"), step(run, "plan")
    if not settings(run):
        return False
    if stage == "check":
        return True
    if stage == "undo":
        return unrecorded(run)
    if not fence or failed(fence) or failed(step(run, "tooling")):
        return False
    row = step(step(plan, "by_instance"), instance(run).get("instance_id") or "")
    return bool(not row or row.get("planned") or row.get("error"))


def _call(access: str, instances: t.Sequence[t.Mapping[str, t.Any]]) -> t.Dict[str, t.Any]:
    return {
        "access": access,
        "options": {"http_tokens": "required"} if access == "required" else {"http_endpoint": "disabled"},
        "regions": list(dict.fromkeys(it["region_id"] for it in instances)),
        "instance_ids": [it["instance_id"] for it in instances],
        "record_names": {it["instance_id"]: it["record_name"] for it in instances},
        "private_addresses": {it["instance_id"]: it["addresses"] for it in instances if it["addresses"]},
    }


def claims(reports: t.Iterable[Result]) -> t.Dict[str, t.List[str]]:
    """Return the ``regions`` and ``instance_ids`` of these reports of hosts, without invalid IDs, which a host may return."""
    found = [it for it in (valid(report) for report in reports) if it]
    regions = list(dict.fromkeys(it["region_id"] for it in found))
    return {"regions": regions, "instance_ids": list(dict.fromkeys(it["instance_id"] for it in found))}


def answers(registered: t.Optional[Result], earlier: t.Optional[Result] = None) -> t.Dict[str, t.Any]:
    """Index the result of an API task, with or without a loop: rows by instance ID and by record name, and the first error message.

    Each host looks up its own row. Without the index, each host would search a list of all rows. The rows of the *earlier* index stay.
    ``complete`` is whether the task read the whole record.

    Raises:
        SettingError: The action metadata_options refused the strategy of the play.
    """
    before = dict(earlier or {})
    # a change that the check only planned has no result
    before["by_instance"] = {key: row for key, row in step(before, "by_instance").items() if not _only_planned(row)}
    given = registered if isinstance(registered, t.Mapping) else {}
    results = given["results"] if "results" in given else [given]
    refused = [result for result in results if result.get("refused_strategy")]
    if refused:
        raise SettingError(str(refused[0]["msg"]))
    rows = [row for result in results for row in result.get("instances") or ()]
    messages = [_message(result) for result in results if result.get("msg")]
    return {
        "by_instance": {**step(before, "by_instance"), **{row["instance_id"]: row for row in rows}},
        "by_record": {
            **step(before, "by_record"),
            **{row["record_name"]: row for row in rows if row.get("record_name")},
        },
        "record_errors": {
            **step(before, "record_errors"),
            **{name: text for it in results for name, text in (it.get("record_errors") or {}).items()},
        },
        "complete": bool(before.get("complete") or (results and all("record_errors" in it for it in results))),
        "message": messages[0] if messages else None,
    }


def _only_planned(row: Result) -> bool:
    return bool(row.get("planned") and not row.get("sent") and not row.get("changed") and row.get("error") is None)


def _message(result: Result) -> str:
    prefix = "Cannot reach the API host, hardening_api_host: " if result.get("unreachable") else ""
    return "%s%s" % (prefix, result["msg"])
