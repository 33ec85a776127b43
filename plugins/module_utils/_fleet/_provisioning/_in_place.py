# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change scaling configurations and images in place, read all changes back, and report each item with its own result."""

import concurrent.futures
import threading
import time
import typing as t

from ..._common._protocol import Protocol
from ..._common._text import one_line
from ..._openapi._errors import ApiError
from .._causes import grouped
from .._change_log import ChangeLog, Item, logged
from .._record_file import RecordError

_READS, _FIRST_PAUSE = 6, 0.5
Values = t.Mapping[str, t.Any]


class Change(t.NamedTuple):
    """What to do with an item: its values before and after, and the *other* fields, which must not change.

    ``refusal`` is why nothing is done, else None. ``columns`` are further fields of the result.
    """

    item_id: str
    region_id: str
    before: Values
    after: Values
    refusal: t.Optional[str] = None
    columns: Values = {}
    others: Values = {}

    @property
    def needed(self) -> bool:
        """Whether the change sends a request."""
        return self.refusal is None and self.before != self.after


class Present(t.NamedTuple):
    """The values of an item, and its other fields."""

    values: Values
    others: Values = {}


class Target(Protocol):
    """The part of the API that changes one kind of item."""

    def send(self, change: Change) -> t.Optional[str]:
        """Send a change, and return the RequestId, if it is known."""

    def read(self, region: str, ids: t.Sequence[str]) -> t.Mapping[str, Present]:
        """Return the items by ID."""


class Record(Protocol):
    """The record of former values."""

    def add(self, change: Change) -> None:
        """Record the values before a change."""


class Outcome(t.NamedTuple):
    """The result of a change: whether a request took effect, and the error or None. ``sent``: the request may have taken effect."""

    change: Change
    changed: bool
    error: t.Optional[str] = None
    sent: bool = False


class Apply:
    """Apply changes to *target*. The former values are added to *record* first, and the changes to *log*, if there are any.

    *kind* is that of the items in the log.
    """

    def __init__(
        self,
        target: Target,
        record: t.Optional[Record] = None,
        sleep: t.Callable[[float], None] = time.sleep,
        log: t.Optional[ChangeLog] = None,
        kind: str = "",
    ) -> None:
        self._target = target
        self._record = record
        self._log = log
        self._kind = kind
        self._sleep = sleep
        self._forbidden: t.Optional[str] = None
        self._succeeded = threading.Event()

    def all(self, changes: t.Sequence[Change], workers: int) -> t.List[Outcome]:
        """Return the outcomes in the same order. A failed change does not stop the others.

        After a missing permission no other change is sent, unless one succeeded before. At the end, all items that may have changed
        are read back.
        """
        with concurrent.futures.ThreadPoolExecutor(max_workers=workers) as pool:
            outcomes = list(pool.map(self._one, changes))
        by_region: t.Dict[str, t.Dict[str, Outcome]] = {}
        for outcome in outcomes:
            if outcome.sent:
                by_region.setdefault(outcome.change.region_id, {})[outcome.change.item_id] = outcome
        verified: t.Dict[t.Tuple[str, str], Outcome] = {}
        for region, sent in sorted(by_region.items()):
            verified.update({(region, name): it for name, it in self._verify(region, sent).items()})
        return [verified.get((it.change.region_id, it.change.item_id), it) for it in outcomes]

    def _one(self, change: Change) -> Outcome:
        if not change.needed:
            return Outcome(change, False, change.refusal)
        if self._forbidden is not None:
            return Outcome(change, False, "Not sent, because another change was refused: " + self._forbidden)
        try:
            if self._record is not None:
                self._record.add(change)
            item = Item(self._kind, change.item_id, change.region_id, None, change.before, change.after)
            logged(self._log, item, lambda: self._target.send(change))
        except RecordError as exc:
            return Outcome(change, False, str(exc))
        except ApiError as exc:
            if exc.kind == "forbidden" and not self._succeeded.is_set():
                self._forbidden = str(exc)
            return Outcome(change, False, str(exc), exc.sent and exc.kind in ("transient", "unexpected"))
        self._succeeded.set()
        return Outcome(change, True, None, True)

    def _verify(self, region: str, sent: t.Dict[str, Outcome]) -> t.Dict[str, Outcome]:
        """Read the items of a region until the changes are visible, and return their outcomes by ID."""
        pending = dict(sent)
        verified: t.Dict[str, Outcome] = {}
        for attempt in range(_READS):
            try:
                present = self._target.read(region, sorted(pending))
            except ApiError as exc:
                return {**verified, **{name: _unread(it, str(exc)) for name, it in pending.items()}}
            for name, outcome in sorted(pending.items()):
                found = present.get(name)
                if found is not None and found.values == outcome.change.after:
                    verified[name] = outcome._replace(changed=True, error=_other_change(outcome.change, found))
                    del pending[name]
            if all(it.error is not None for it in pending.values()):  # failed requests that had no effect
                break
            if attempt < _READS - 1:
                self._sleep(_FIRST_PAUSE * 2**attempt)
        return {**verified, **{name: _unread(it, "The API still returns other values") for name, it in pending.items()}}


def _unread(outcome: Outcome, reason: str) -> Outcome:
    if outcome.error is not None:
        return outcome
    return outcome._replace(error="The API accepted the change, but its effect is unknown. %s." % reason.rstrip("."))


def _other_change(change: Change, present: Present) -> t.Optional[str]:
    names = {*change.others, *present.others}
    different = sorted(it for it in names if change.others.get(it) != present.others.get(it))
    if not different:
        return None
    return "The change took effect, but other fields differ now: %s. Check them." % one_line(", ".join(different), 200)


def planned(changes: t.Sequence[Change]) -> t.List[Outcome]:
    """Return the outcomes that the changes would have."""
    return [Outcome(it, it.needed, it.refusal) for it in changes]


def result_of(outcomes: t.Sequence[Outcome], plural: str, key: str) -> t.Dict[str, t.Any]:
    """Return the result of a module: a list of items with the name *plural*, whether anything changed, totals, and the diff."""
    rows = [_row(it, key) for it in outcomes]
    failed = [it for it in outcomes if it.error is not None]
    return {
        "changed": any(it.changed for it in outcomes),
        plural: sorted(rows, key=lambda row: row["error"] is None),
        "totals": {
            "changed": len([it for it in outcomes if it.changed]),
            "unchanged": len([it for it in outcomes if not it.changed and it.error is None]),
            "refused": len([it for it in failed if it.change.refusal is not None]),
            "failed": len([it for it in failed if it.change.refusal is None]),
        },
        "diff": [_diff(row, key) for row in rows if row["changed"]],
    }


def problem_of(outcomes: t.Sequence[Outcome], what: str) -> t.Optional[str]:
    """Return a message about failed and refused items, grouped by cause, or None. *what* is their plural."""
    errors = [(it.change.item_id, it.error) for it in outcomes if it.error is not None]
    if not errors:
        return None
    causes = grouped(((name, str(error)) for name, error in errors), what)
    return "%d of %d %s failed. %s" % (len(errors), len(outcomes), what, causes)


def _row(outcome: Outcome, key: str) -> t.Dict[str, t.Any]:
    change = outcome.change
    return {
        key: change.item_id,
        "region_id": change.region_id,
        **change.columns,
        "before": dict(change.before),
        "after": dict(change.after if outcome.changed else change.before),
        "changed": outcome.changed,
        "error": outcome.error,
    }


def _diff(row: t.Dict[str, t.Any], key: str) -> t.Dict[str, t.Any]:
    header = "%s in %s" % (row[key], row["region_id"])
    return {"before_header": header, "after_header": header, "before": row["before"], "after": row["after"]}
