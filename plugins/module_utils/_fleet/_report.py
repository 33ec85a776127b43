# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From instances and outcomes to what modules return. No I/O; private to the collection."""

from __future__ import annotations

import typing as t

from ._apply import Outcome
from ._instance import Instance, Options
from ._plan import Change
from ._verdict import VERDICTS, judge

Result = t.Dict[str, t.Any]


def judged(
    instances: t.Iterable[Instance],
    exempt: t.Mapping[str, str],
    image_support: t.Optional[t.Mapping[str, t.Optional[str]]],
) -> Result:
    """``instances`` with a verdict each, and the ``totals`` of the verdicts."""
    totals = dict.fromkeys(VERDICTS, 0)
    rows = []
    for instance in instances:
        verdict = judge(instance, exempt)
        totals[verdict.verdict] += 1
        row = {
            "instance_id": instance.instance_id,
            "region_id": instance.region_id,
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
    """``instances`` with before, after, changed and error, the ``totals``, whether anything ``changed``, and the diff."""
    rows = [dict(_row(it), record_name=record_names.get(it.change.instance.instance_id)) for it in outcomes]
    totals = {
        "changed": sum(row["changed"] for row in rows),
        "unchanged": sum(not row["changed"] and row["error"] is None for row in rows),
        "refused": sum(outcome.change.refusal is not None for outcome in outcomes),
        "failed": sum(outcome.error is not None and outcome.change.refusal is None for outcome in outcomes),
    }
    shown = [row for row in rows if row["changed"]]
    return {
        "instances": rows,
        "totals": totals,
        "changed": bool(shown),
        "diff": {which: "".join(_lines(row, which) for row in shown) for which in ("before", "after")},
    }


def problem(outcomes: t.Sequence[Outcome], tolerate_refusals: bool) -> t.Optional[str]:
    """One sentence on what went wrong, None if nothing did."""
    bad = [it for it in outcomes if it.error is not None and not (tolerate_refusals and it.change.refusal is not None)]
    if not bad:
        return None
    shown = "; ".join("%s: %s" % (it.change.instance.instance_id, it.error) for it in bad[:3])
    more = " ... and %d more, see 'instances'." % (len(bad) - 3) if len(bad) > 3 else ""
    return "%d of %d instances are not as they should be. %s%s" % (len(bad), len(outcomes), shown, more)


def planned(changes: t.Sequence[Change]) -> t.List[Outcome]:
    """What check mode reports: all that would be sent, as if it had gone well."""
    return [Outcome(change, change.after is not None, change.refusal) for change in changes]


def _row(outcome: Outcome) -> Result:
    instance, after = outcome.change.instance, outcome.change.after
    before = instance.options
    return {
        "instance_id": instance.instance_id,
        "region_id": instance.region_id,
        "name": instance.name,
        "before": _as_dict(before),
        "after": _as_dict(after if outcome.changed else before),
        "sent": outcome.change.after is not None,
        "changed": outcome.changed,
        "error": outcome.error,
    }


def _as_dict(options: t.Optional[Options]) -> t.Optional[t.Dict[str, t.Optional[str]]]:
    return options.as_dict() if options is not None else None


def _lines(row: Result, which: str) -> str:
    values = row[which] or {}
    return "".join("%s %s: %s\n" % (row["instance_id"], name, value) for name, value in values.items())
