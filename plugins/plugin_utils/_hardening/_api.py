# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Arrange the API calls of a batch, and index their results. Pure functions."""

from __future__ import annotations

import typing as t

from ._decisions import Result, failed, instance, step
from ._ids import valid

# Variables that the tasks of the role set or register on each host
_PREFIX, _STEPS = "__hardening_", ("settings", "probe", "identities", "tooling", "fence")


def calls(hosts: t.Iterable[Result]) -> t.List[t.Dict[str, t.Any]]:
    """Return the API calls of a batch from the variables of its hosts: one for each access, with all instances that get it.

    Only hosts with an enabled fence take part. A host with a failed step is being rolled back.
    """
    chosen = [it for it in map(_ready, hosts) if it]
    accesses = list(dict.fromkeys(it["access"] for it in chosen))
    return [_call(access, [it for it in chosen if it["access"] == access]) for access in accesses]


def _ready(host: Result) -> t.Dict[str, t.Any]:
    """Return the instance of a host that takes part, empty for another host."""
    run = {name: host.get(_PREFIX + name) for name in _STEPS}
    fence = step(run, "fence")
    if not fence or failed(fence) or failed(step(run, "tooling")):
        return {}
    return instance({**run, "host": host["inventory_hostname"]})


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


def answers(registered: t.Optional[Result]) -> t.Dict[str, t.Any]:
    """Index the result of an API task, with or without a loop: rows by instance ID and by record name, and the first error message.

    Each host looks up its own row. Without the index, each host would search a list of all rows.
    """
    given = registered if isinstance(registered, t.Mapping) else {}
    results = given["results"] if "results" in given else [given]
    rows = [row for result in results for row in result.get("instances") or ()]
    messages = [_message(result) for result in results if result.get("msg")]
    return {
        "by_instance": {row["instance_id"]: row for row in rows},
        "by_record": {row["record_name"]: row for row in rows if row.get("record_name")},
        "record_errors": {name: text for it in results for name, text in (it.get("record_errors") or {}).items()},
        "message": messages[0] if messages else None,
    }


def _message(result: Result) -> str:
    prefix = "Cannot reach the API host, hardening_api_host: " if result.get("unreachable") else ""
    return "%s%s" % (prefix, result["msg"])
