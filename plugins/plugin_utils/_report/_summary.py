# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Totals, regions, findings and callers over all hosts. No I/O."""

from __future__ import annotations

import collections
import typing as t

from ._hosts import NEXT, NON_COMPLIANT, STATES, normal_mode_callers
from ._options import OUTCOMES, SEVERITIES
from ._views import DISAGREE

Host = t.Mapping[str, t.Any]
Group = t.Dict[str, t.Any]


def totals(hosts: t.Sequence[Host], absent: int = 0) -> t.Dict[str, t.Any]:
    """Count *hosts*. *absent* is the number of hosts of the inventory that are not among them."""
    states = collections.Counter(it["state"] for it in hosts)
    steps = collections.Counter(it["next"] for it in hosts)
    outcomes = collections.Counter((it["outcome"] or {}).get("result") for it in hosts)
    found = collections.Counter(
        "waived" if it["waiver_holds"] else it["severity"] for host in hosts for it in host["findings"]
    )
    return {
        "hosts": len(hosts),
        "states": {name: states[name] for name in STATES},
        "next": {name: steps[name] for name in NEXT},
        "findings": {name: found[name] for name in (*SEVERITIES, "waived")},
        "views_disagree": sum(any(it["id"] == DISAGREE for it in host["findings"]) for host in hosts),
        "hosts_with_normal_mode_callers": sum(bool(normal_mode_callers(host)) for host in hosts),
        "last_known": sum(it["last_known"] is not None for it in hosts),
        "without_instance_id": sum(it["managed"] and not it["instance_id"] for it in hosts) + absent,
        "not_managed": sum(not it["managed"] for it in hosts),
        "outcomes": {name: outcomes[name] for name in OUTCOMES},
    }


def regions(hosts: t.Iterable[Host]) -> t.List[Group]:
    """Count the states per region; the region with the most non-compliant hosts comes first."""
    counted: t.Dict[str, t.Counter[str]] = collections.defaultdict(collections.Counter)
    for host in hosts:
        counted[host["region_id"] or ""][host["state"]] += 1
    rows = [
        {"region_id": region, "hosts": sum(states.values()), "states": {name: states[name] for name in STATES}}
        for region, states in counted.items()
    ]
    return sorted(rows, key=lambda row: (-row["states"][NON_COMPLIANT], -row["hosts"], row["region_id"]))


def findings(hosts: t.Iterable[Host]) -> t.List[Group]:
    """Group findings that differ in their evidence only, with their hosts; the worst and most frequent come first."""
    groups: t.Dict[t.Tuple[str, ...], Group] = {}
    for host in hosts:
        for finding in host["findings"]:
            same = tuple(finding[key] or "" for key in ("severity", "id", "title", "impact", "remedy"))
            group = groups.setdefault(same, dict(finding, hosts=[], waived_hosts=0))
            group["hosts"].append((host["host"], finding))
            group["waived_hosts"] += finding["waiver_holds"]
    return sorted(groups.values(), key=_worst_first)


def callers(hosts: t.Iterable[Host]) -> t.List[Group]:
    """Group normal-mode callers by executable, unit and user; the most recent come first."""
    groups: t.Dict[t.Tuple[str, ...], Group] = {}
    for host in hosts:
        for caller in normal_mode_callers(host):
            same = tuple(caller[key] or "" for key in ("exe", "unit", "user"))
            group = groups.setdefault(same, dict(zip(("exe", "unit", "user"), same), hosts=[], paths=set(), count=0))
            if host["host"] not in group["hosts"][-1:]:
                group["hosts"].append(host["host"])
            group["paths"].add(caller["path_class"] or "")
            group["count"] += caller["count"] or 0
            group["first_seen"] = min(filter(None, (group.get("first_seen"), caller["first_seen"])), default=None)
            group["last_seen"] = max(filter(None, (group.get("last_seen"), caller["last_seen"])), default=None)
    return sorted(groups.values(), key=lambda it: (it["last_seen"] or "", len(it["hosts"])), reverse=True)


def _worst_first(group: Group) -> t.Tuple[t.Any, ...]:
    left = len(group["hosts"]) - group["waived_hosts"]
    return (left == 0, SEVERITIES.index(group["severity"]), -left, group["id"])
