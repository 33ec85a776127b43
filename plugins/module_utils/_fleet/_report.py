# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the results of modules from instances and outcomes. No I/O."""

import typing as t

from ._apply import Outcome
from ._causes import grouped
from ._instance import Instance, Options
from ._plan import Change
from ._verdict import VERDICTS, judge

Result = t.Dict[str, t.Any]
MOST_SHOWN = 100


def judged(
    instances: t.Iterable[Instance],
    exempt: t.Mapping[str, str],
    image_support: t.Optional[t.Mapping[str, t.Optional[str]]],
) -> Result:
    """Return ``instances``, each with its verdict, and ``totals``, the number of instances by verdict."""
    totals = dict.fromkeys(VERDICTS, 0)
    rows = []
    for instance in instances:
        verdict = judge(instance, exempt)
        totals[verdict.verdict] += 1
        row = {
            "instance_id": instance.instance_id,
            "region_id": instance.region_id,
            "role_arn": instance.role_arn,
            "name": instance.name,
            "os_type": instance.os_type,
            "status": instance.status,
            "image_id": instance.image_id,
            "ack_cluster": instance.ack_cluster,
            "options": instance.options.as_dict() if instance.options else None,
            "verdict": verdict.verdict,
            "reason": verdict.reason,
        }
        if image_support is not None:
            row["image_imds_support"] = image_support.get(instance.image_id)
        rows.append(row)
    return {"instances": rows, "totals": totals}


def changed(outcomes: t.Sequence[Outcome], record_names: t.Mapping[str, str]) -> Result:
    """Return ``instances`` with before, after, changed and error, their ``totals``, ``changed`` and ``diff``.

    Instances with an error come first. Excluded instances are only in ``excluded``.
    """
    excluded = [excluded_row(it.change.instance, it.change.excluded) for it in outcomes if it.change.excluded]
    ordered = sorted((it for it in outcomes if not it.change.excluded), key=lambda it: it.error is None)
    rows = [dict(_row(it), record_name=record_names.get(it.change.instance.instance_id)) for it in ordered]
    totals = {
        "changed": sum(row["changed"] for row in rows),
        "unchanged": sum(not row["changed"] and row["error"] is None for row in rows),
        "refused": sum(outcome.change.refusal is not None for outcome in outcomes),
        "failed": sum(outcome.error is not None and outcome.change.refusal is None for outcome in outcomes),
    }
    shown = [row for row in rows if row["changed"]]
    return {
        "instances": rows,
        "excluded": excluded,
        "totals": totals,
        "changed": bool(shown),
        "diff": {which: "".join(_lines(row, which) for row in shown) for which in ("before", "after")},
    }


def problem(outcomes: t.Sequence[Outcome], tolerate_refusals: bool) -> t.Optional[str]:
    """Return a message about the instances that failed or were refused, or None if there are no such instances."""
    bad = [it for it in outcomes if it.error is not None and not (tolerate_refusals and it.change.refusal is not None)]
    if not bad:
        return None
    causes = grouped(((it.change.instance.instance_id, str(it.error)) for it in bad), "instances")
    number = len([it for it in outcomes if not it.change.excluded])
    return "Cannot set the metadata options of %d of %d instances. %s" % (len(bad), number, causes)


def excluded_row(instance: Instance, rule: str) -> Result:
    """Return an item of the list ``excluded``."""
    return {
        "instance_id": instance.instance_id,
        "region_id": instance.region_id,
        "role_arn": instance.role_arn,
        "name": instance.name,
        "rule": rule,
    }


def abridged(result: Result) -> Result:
    """Return the result of a failed task with at most `MOST_SHOWN` instances, those with an error, and the number of those omitted."""
    shown = [row for row in result["instances"] if row["error"] is not None][:MOST_SHOWN]
    omitted = len(result["instances"]) - len(shown)
    diff = {"before": "", "after": ""} if omitted else result["diff"]
    return {**result, "instances": shown, "omitted": omitted, "diff": diff}


def planned(changes: t.Sequence[Change]) -> t.List[Outcome]:
    """Return the outcomes for check mode: all changes to send, as if they had succeeded."""
    return [Outcome(change, change.after is not None, change.refusal) for change in changes]


def _row(outcome: Outcome) -> Result:
    instance, after = outcome.change.instance, outcome.change.after
    before = instance.options
    return {
        "instance_id": instance.instance_id,
        "region_id": instance.region_id,
        "role_arn": instance.role_arn,
        "name": instance.name,
        "before": _as_dict(before),
        "after": _as_dict(after if outcome.changed else before),
        "planned": after is not None,
        "sent": outcome.sent,
        "changed": outcome.changed,
        "error": outcome.error,
        "exemption": outcome.change.exemption,
        "os_type": instance.os_type,
    }


def _as_dict(options: t.Optional[Options]) -> t.Optional[t.Dict[str, t.Optional[str]]]:
    return options.as_dict() if options is not None else None


def _lines(row: Result, which: str) -> str:
    values = row[which] or {}
    return "".join("%s %s: %s\n" % (row["instance_id"], name, value) for name, value in values.items())
