# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two operations on metadata options: apply desired options, and restore recorded ones."""

import typing as t

from . import _apply
from ._accounts import Place, role_for
from ._apply import Apis, Outcome
from ._change_log import ChangeLog
from ._exclude import Exclude
from ._instance import Instance, Options, missing
from ._plan import Change, Permissions, address_problem, plan, refuse
from ._record import RecordStore
from ._select import ALL_REGIONS, Selection, find, find_each

NO_EXCLUDE = Exclude()
_MOST_TESTED = 100


class ExecutionOptions(t.NamedTuple):
    """The concurrent API calls, the seconds to wait until changes are visible (None: do not wait), and who gets the progress."""

    max_concurrency: int
    wait_timeout: t.Optional[float]
    report: _apply.Report = lambda progress: None
    unverified: bool = False  # whether the caller verifies the changes, and confirms them in the record
    log: t.Optional[ChangeLog] = None


def plan_desired(
    apis: Apis,
    selection: Selection,
    desired: Options,
    permissions: Permissions,
    execution: ExecutionOptions,
    addresses: t.Optional[t.Mapping[str, t.Sequence[str]]] = None,
    each: bool = False,
    exclude: Exclude = NO_EXCLUDE,
) -> t.List[Change]:
    """Return the changes that take the instances of *selection* to *desired*, except for those that *exclude* matches.

    An instance in *addresses* is refused if the API returns none of these private addresses for it. With *each*, an instance that cannot
    be found is a refusal; otherwise it is an error.
    """
    unknown: t.Dict[str, str] = {}
    if each and selection.instance_ids and ALL_REGIONS not in selection.regions:
        found, unknown = find_each(apis, selection, execution.max_concurrency)
    else:
        found = find(apis, selection, execution.max_concurrency)
    wanted = addresses or {}

    def change(instance: Instance) -> Change:
        rule = exclude.rule(instance)
        if rule is not None:
            return Change(instance, excluded=rule)
        problem = address_problem(instance, wanted.get(instance.instance_id, ()))
        return refuse(plan(instance, desired, permissions), problem)

    changes = [change(it) for it in found]
    return changes + [Change(missing(instance_id), refusal=reason) for instance_id, reason in unknown.items()]


def refuse_forbidden(apis: Apis, changes: t.Iterable[Change]) -> t.List[Change]:
    """Return *changes*, with a refusal for each that the RAM policies do not permit, as far as this can be known without a change.

    One API call for each region of an account. If it is refused, one for each of the next changes there, because a policy may permit
    some instances only, until one is not refused. Changes after the first _MOST_TESTED are not tested.
    """
    tested: t.Dict[Place, int] = {}

    def tried(change: Change) -> Change:
        place = _apply.place_of(change)
        if change.after is None or tested.get(place, 0) >= _MOST_TESTED:
            return change
        reason = apis[place.role_arn].refusal(str(place.region_id), change.instance.instance_id)
        tested[place] = tested.get(place, 0) + 1 if reason is not None else _MOST_TESTED
        return refuse(change, reason)

    return [tried(change) for change in changes]


def plan_restore(
    apis: Apis,
    record: RecordStore,
    only: t.Optional[t.Sequence[str]],
    before: t.Optional[t.Mapping[str, Options]] = None,
    each: bool = False,
    exclude: Exclude = NO_EXCLUDE,
) -> t.List[Change]:
    """Return the changes that restore the recorded options of all recorded instances, or of the IDs in *only*.

    With *before*, restore the instances in it, to these options instead of the recorded ones. With *each*, an instance that cannot be
    found is a refusal; otherwise it is an error. Instances that *exclude* matches are not changed.

    Raises:
        ValueError: An ID has no recorded options or, without *each*, an instance does not exist anymore, or its account is unknown.
    """
    recorded, roles = record.recorded_options(), record.roles()
    chosen = list(before) if before is not None else list(recorded) if only is None else list(only)
    unknown = sorted(set(chosen) - set(recorded))
    if unknown:
        raise ValueError(
            "The record %s has no entry for %s. Check 'instance_ids' and 'record'."
            % (record.path, ", ".join(unknown[:5]))
        )
    wanted = {it: before[it] if before is not None else recorded[it][1] for it in chosen}
    entries = [missing(it)._replace(region_id=recorded[it][0], role_arn=roles.get(it)) for it in chosen]
    # Excluded by ID: without an API call, also if the instance does not exist anymore
    rules = {it.instance_id: exclude.rule(it) for it in entries}
    changes = [Change(it, excluded=rules[it.instance_id]) for it in entries if rules[it.instance_id]]
    places, lost = _places([it for it in entries if not rules[it.instance_id]], apis, record.path, each)
    changes += [Change(it, refusal=reason) for it, reason in lost]
    for place, ids in places.items():
        changes += _restoration(apis, place, {it: wanted[it] for it in ids}, each, exclude)
    return changes


def _places(
    entries: t.Iterable[Instance], apis: Apis, path: str, each: bool
) -> t.Tuple[t.Dict[Place, t.List[str]], t.List[t.Tuple[Instance, str]]]:
    """Return the IDs of recorded instances by place, and with *each* the instances whose account is unknown, with the reasons.

    Raises:
        ValueError: The account of an instance is unknown, without *each*.
    """
    places: t.Dict[Place, t.List[str]] = {}
    lost: t.List[t.Tuple[Instance, str]] = []
    for entry in entries:
        try:
            place = Place(role_for(entry.role_arn, apis), entry.region_id)
        except ValueError as exc:
            if not each:
                raise ValueError("Cannot restore %s from the record %s. %s" % (entry.instance_id, path, exc)) from exc
            lost.append((entry, str(exc)))
        else:
            places.setdefault(place, []).append(entry.instance_id)
    return places, lost


def _restoration(
    apis: Apis, place: Place, wanted: t.Mapping[str, Options], each: bool, exclude: Exclude
) -> t.Iterator[Change]:
    """Yield the changes of the instances of one place to the options *wanted* by ID."""
    selection = Selection([str(place.region_id)], instance_ids=list(wanted), empty_means_default=True)
    here = {place.role_arn: apis[place.role_arn]}
    lost: t.Dict[str, str] = {}
    if each:
        found, lost = find_each(here, selection, 1)
    else:
        found = find(here, selection, 1)
    for instance in found:
        rule = exclude.rule(instance)
        if rule is not None:
            yield Change(instance, excluded=rule)
        else:
            # Restoring is never refused.
            yield plan(instance, wanted[instance.instance_id], Permissions(True, True))
    for instance_id, reason in lost.items():
        yield Change(missing(instance_id)._replace(role_arn=place.role_arn), refusal=reason)


def refuse_conflicts(changes: t.Sequence[Change], record: t.Optional[RecordStore]) -> t.List[Change]:
    """Return *changes*, with a refusal for each instance that cannot be recorded."""
    if record is None:
        return list(changes)
    conflicts = record.conflicts(it.instance for it in changes if it.after is not None)
    return [refuse(it, conflicts.get(it.instance.instance_id)) for it in changes]


def apply(
    apis: Apis, changes: t.Sequence[Change], record: t.Optional[RecordStore], execution: ExecutionOptions
) -> t.List[Outcome]:
    """Record the present options of the instances to change, then apply *changes*. Safe to repeat after an interruption."""
    if record is not None:
        record.add((change.instance for change in changes if change.after is not None), execution.unverified)
    return _apply.apply(
        apis, changes, execution.max_concurrency, execution.wait_timeout, execution.report, execution.log
    )


def restore(
    apis: Apis, changes: t.Sequence[Change], record: RecordStore, execution: ExecutionOptions
) -> t.List[Outcome]:
    """Apply *changes* and remove the restored instances from the record.

    Instances stay in it if they failed, or if they were restored to other options than the recorded ones.
    """
    outcomes = _apply.apply(
        apis, changes, execution.max_concurrency, execution.wait_timeout, execution.report, execution.log
    )
    recorded = record.recorded_options()
    record.remove([it.change.instance.instance_id for it in outcomes if _is_restored(it, recorded)])
    return outcomes


def _is_restored(outcome: Outcome, recorded: t.Mapping[str, t.Tuple[str, Options]]) -> bool:
    instance = outcome.change.instance
    present = outcome.change.after or instance.options
    if outcome.error is not None or outcome.change.excluded or present is None or instance.instance_id not in recorded:
        return False
    return recorded[instance.instance_id][1].merged_into(present) == present
