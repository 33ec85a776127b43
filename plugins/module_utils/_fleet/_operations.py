# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two operations on metadata options: apply desired options, and restore recorded ones."""

import typing as t

from . import _apply
from ._apply import Outcome, Writer
from ._instance import Instance, Options
from ._plan import Change, Permissions, plan
from ._record import RecordStore
from ._select import Selection, find


class ExecutionOptions(t.NamedTuple):
    """The number of concurrent API calls, the seconds to wait until changes are visible (None: do not wait), and who gets the progress."""

    max_concurrency: int
    wait_timeout: t.Optional[float]
    report: _apply.Report = lambda progress: None


def plan_desired(
    api: Writer, selection: Selection, desired: Options, permissions: Permissions, execution: ExecutionOptions
) -> t.List[Change]:
    """Return the changes that take the instances of *selection* to *desired*."""
    return [plan(instance, desired, permissions) for instance in find(api, selection, execution.max_concurrency)]


def plan_restore(api: Writer, record: RecordStore, only: t.Optional[t.Sequence[str]]) -> t.List[Change]:
    """Return the changes that restore the recorded options of all recorded instances, or of the IDs in *only*.

    Raises:
        ValueError: An ID has no recorded options, or an instance does not exist anymore.
    """
    recorded = record.recorded_options()
    unknown = sorted(set(only or ()) - set(recorded))
    if unknown:
        raise ValueError(
            "The record %s has no entry for %s. Check 'instance_ids' and 'record'."
            % (record.path, ", ".join(unknown[:5]))
        )
    chosen = {instance_id: recorded[instance_id] for instance_id in only or recorded}
    by_region: t.Dict[str, t.List[str]] = {}
    for instance_id, (region, _options) in chosen.items():
        by_region.setdefault(region, []).append(instance_id)
    found: t.List[Instance] = []
    for region, ids in by_region.items():
        found += find(api, Selection([region], instance_ids=ids, empty_means_default=True), 1)
    # Restoring is never refused.
    return [plan(instance, chosen[instance.instance_id][1], Permissions(True, True)) for instance in found]


def apply(
    api: Writer, changes: t.Sequence[Change], record: t.Optional[RecordStore], execution: ExecutionOptions
) -> t.List[Outcome]:
    """Record the present options of the instances to change, then apply *changes*. Safe to repeat after an interruption."""
    if record is not None:
        record.add(change.instance for change in changes if change.after is not None)
    return _apply.apply(api, changes, execution.max_concurrency, execution.wait_timeout, execution.report)


def restore(
    api: Writer, changes: t.Sequence[Change], record: RecordStore, execution: ExecutionOptions
) -> t.List[Outcome]:
    """Apply *changes* and remove the restored instances from the record. Instances that failed stay in it."""
    outcomes = _apply.apply(api, changes, execution.max_concurrency, execution.wait_timeout, execution.report)
    record.remove(outcome.change.instance.instance_id for outcome in outcomes if outcome.error is None)
    return outcomes
