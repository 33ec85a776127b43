# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two operations on metadata options: apply desired options, and restore recorded ones."""

import typing as t

from . import _apply
from ._apply import Outcome, Writer
from ._instance import Instance, Options, missing
from ._plan import Change, Permissions, address_problem, plan, refuse
from ._record import RecordStore
from ._select import ALL_REGIONS, Selection, find, find_each


class ExecutionOptions(t.NamedTuple):
    """The concurrent API calls, the seconds to wait until changes are visible (None: do not wait), and who gets the progress."""

    max_concurrency: int
    wait_timeout: t.Optional[float]
    report: _apply.Report = lambda progress: None
    unverified: bool = False  # whether the caller verifies the changes, and confirms them in the record


def plan_desired(
    api: Writer,
    selection: Selection,
    desired: Options,
    permissions: Permissions,
    execution: ExecutionOptions,
    addresses: t.Optional[t.Mapping[str, t.Sequence[str]]] = None,
    each: bool = False,
) -> t.List[Change]:
    """Return the changes that take the instances of *selection* to *desired*.

    An instance in *addresses* is refused if the API returns none of these private addresses for it. With *each*, an instance that cannot
    be found is a refusal; otherwise it is an error.
    """
    unknown: t.Dict[str, str] = {}
    if each and selection.instance_ids and ALL_REGIONS not in selection.regions:
        found, unknown = find_each(api, selection, execution.max_concurrency)
    else:
        found = find(api, selection, execution.max_concurrency)
    wanted = addresses or {}
    changes = [
        refuse(plan(it, desired, permissions), address_problem(it, wanted.get(it.instance_id, ()))) for it in found
    ]
    return changes + [Change(missing(instance_id), refusal=reason) for instance_id, reason in unknown.items()]


def plan_restore(
    api: Writer,
    record: RecordStore,
    only: t.Optional[t.Sequence[str]],
    before: t.Optional[t.Mapping[str, Options]] = None,
    each: bool = False,
) -> t.List[Change]:
    """Return the changes that restore the recorded options of all recorded instances, or of the IDs in *only*.

    With *before*, restore the instances in it, to these options instead of the recorded ones. With *each*, an instance that cannot be
    found is a refusal; otherwise it is an error.

    Raises:
        ValueError: An ID has no recorded options or, without *each*, an instance does not exist anymore.
    """
    recorded = record.recorded_options()
    chosen = list(before) if before is not None else list(recorded) if only is None else list(only)
    unknown = sorted(set(chosen) - set(recorded))
    if unknown:
        raise ValueError(
            "The record %s has no entry for %s. Check 'instance_ids' and 'record'."
            % (record.path, ", ".join(unknown[:5]))
        )
    wanted = {it: before[it] if before is not None else recorded[it][1] for it in chosen}
    by_region: t.Dict[str, t.List[str]] = {}
    for instance_id in chosen:
        by_region.setdefault(recorded[instance_id][0], []).append(instance_id)
    found: t.List[Instance] = []
    lost: t.Dict[str, str] = {}
    for region, ids in by_region.items():
        selection = Selection([region], instance_ids=ids, empty_means_default=True)
        if each:
            some, reasons = find_each(api, selection, 1)
            lost.update(reasons)
        else:
            some = find(api, selection, 1)
        found += some
    # Restoring is never refused.
    changes = [plan(instance, wanted[instance.instance_id], Permissions(True, True)) for instance in found]
    return changes + [Change(missing(instance_id), refusal=reason) for instance_id, reason in lost.items()]


def refuse_conflicts(changes: t.Sequence[Change], record: t.Optional[RecordStore]) -> t.List[Change]:
    """Return *changes*, with a refusal for each instance that cannot be recorded."""
    if record is None:
        return list(changes)
    conflicts = record.conflicts(it.instance for it in changes if it.after is not None)
    return [refuse(it, conflicts.get(it.instance.instance_id)) for it in changes]


def apply(
    api: Writer, changes: t.Sequence[Change], record: t.Optional[RecordStore], execution: ExecutionOptions
) -> t.List[Outcome]:
    """Record the present options of the instances to change, then apply *changes*. Safe to repeat after an interruption."""
    if record is not None:
        record.add((change.instance for change in changes if change.after is not None), execution.unverified)
    return _apply.apply(api, changes, execution.max_concurrency, execution.wait_timeout, execution.report)


def restore(
    api: Writer, changes: t.Sequence[Change], record: RecordStore, execution: ExecutionOptions
) -> t.List[Outcome]:
    """Apply *changes* and remove the restored instances from the record.

    Instances stay in it if they failed, or if they were restored to other options than the recorded ones.
    """
    outcomes = _apply.apply(api, changes, execution.max_concurrency, execution.wait_timeout, execution.report)
    recorded = record.recorded_options()
    record.remove([it.change.instance.instance_id for it in outcomes if _is_restored(it, recorded)])
    return outcomes


def _is_restored(outcome: Outcome, recorded: t.Mapping[str, t.Tuple[str, Options]]) -> bool:
    instance = outcome.change.instance
    present = outcome.change.after or instance.options
    if outcome.error is not None or present is None or instance.instance_id not in recorded:
        return False
    return recorded[instance.instance_id][1].merged_into(present) == present
