# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Summarize a batch of the playbooks, and select the hosts for the report. Pure functions."""

from __future__ import annotations

import typing as t

from ._excluded import EXCLUDED
from ._settings import SettingError

Facts = t.Mapping[str, t.Any]
Groups = t.Mapping[str, t.Sequence[str]]
_COUNTED = (("changed", "changed"), ("unchanged", "unchanged"), ("rolled_back", "rolled back"))
# Counted only if there are such hosts
_RARE = ("blocked", *EXCLUDED)


def progress(
    hosts: t.Sequence[Facts], batch: t.Sequence[str], everybody: t.Sequence[str], active: t.Collection[str]
) -> t.Dict[str, t.Any]:
    """Summarize a batch: ``message``, the number of ``failed`` hosts, and whether to write the ``report`` now.

    *hosts* are the variables of the hosts of the *batch*, in the same order. *everybody* are the names of all hosts of the play, *active*
    of those that Ansible has not removed. A host counts as failed once, even if it has several failures.
    """
    outcomes = [_outcome(facts) for facts in hosts]
    failed = sum(1 for name, facts in zip(batch, hosts) if facts.get("imds_failure") is not None or name not in active)
    done = everybody.index(batch[-1]) + 1
    counts = ["%d %s" % (outcomes.count(key), words) for key, words in _COUNTED]
    counts += ["%d %s" % (outcomes.count(key), key.replace("_", " ")) for key in _RARE if key in outcomes]
    message = "%d of %d hosts done. This batch of %d: %s, %d failed in total."
    return {
        "message": message % (done, len(everybody), len(batch), ", ".join(counts), failed),
        "failed": failed,
        "report": bool(failed) or done == len(everybody),
    }


def matching(
    pattern: t.Any, groups: Groups, select: t.Callable[[t.Any, Groups], t.Sequence[t.Any]], conditions: t.Any = None
) -> t.Any:
    """Return *pattern* if *select* finds hosts of *groups* for it. The default, "all", may match none: there is no inventory.

    Ansible only warns about a play without hosts, so that a typing error would look like success. With *conditions* (imds_fail_on), the
    default must match a host, too: without hosts, no condition would be evaluated.

    Raises:
        SettingError: It matches no host.
    """
    if (pattern != "all" or conditions) and not select(pattern, groups):
        raise SettingError(
            "imds_hosts=%s matches no host of the inventory. Correct imds_hosts, or pass the inventory with -i."
            % (pattern,)
        )
    return pattern


def report_hosts(hosts: t.Sequence[Facts], batch: t.Sequence[str], everybody: t.Sequence[str]) -> t.Dict[str, t.Any]:
    """Return the options ``hosts``, ``unreachable`` and ``skipped`` of the report module, from the variables of all hosts of the play."""
    entries = [
        _entry(name, facts["hardening_report"])
        for name, facts in zip(everybody, hosts)
        if facts.get("hardening_report")
    ]
    # failed before the role could record anything
    entries += [
        {"host": name, "outcome": {"result": "failed", "reason": str(facts["imds_failure"])}}
        for name, facts in zip(everybody, hosts)
        if facts.get("imds_failure") and not facts.get("hardening_report")
    ]
    seen = {entry["host"] for entry in entries}
    done = everybody.index(batch[-1]) + 1
    return {
        "hosts": entries,
        "unreachable": [name for name in everybody[:done] if name not in seen],
        "skipped": [name for name in everybody[done:] if name not in seen],
    }


def _entry(name: str, report: t.Any) -> t.Dict[str, t.Any]:
    """Return the entry of the host *name*, whatever the host's own results contain; the report module validates the rest."""
    return (
        {**report, "host": name} if isinstance(report, t.Mapping) else {"host": name, "hardening_report": str(report)}
    )


def _outcome(facts: Facts) -> str:
    result = facts.get("hardening_result")
    return str(result.get("outcome", "failed")) if isinstance(result, t.Mapping) else "failed"
