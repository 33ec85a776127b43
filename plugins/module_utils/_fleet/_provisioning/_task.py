# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a task that changes recorded items, or restores them: the same steps for launch templates and scaling configurations."""

import typing as t

from ..._common._protocol import Protocol
from .._change_log import ChangeLog, open_log
from .._record_file import RecordError
from ._record import ItemRecord

Ended = t.Tuple[t.Optional[str], t.Dict[str, t.Any]]
Changes = t.Sequence[t.Any]
Outcomes = t.Sequence[t.Any]


class Module(Protocol):
    """The part of AnsibleModule that is needed here."""

    params: t.Dict[str, t.Any]
    check_mode: bool

    def warn(self, warning: str) -> None: ...


class Steps(t.NamedTuple):
    """What differs between the kinds of items; ``what`` is their plural.

    ``present`` returns the changes to the options of the task, and ``restore`` those to the recorded values. ``planned`` returns the
    outcomes that the changes would have, and ``apply`` those of sending them. ``restore`` and ``apply`` get the record, and
    ``apply`` the log. ``ended`` returns the error, or None, and the result.
    """

    what: str
    record: t.Optional[ItemRecord]
    present: t.Callable[[], Changes]
    restore: t.Callable[[t.Any], Changes]
    planned: t.Callable[[Changes], Outcomes]
    apply: t.Callable[[Changes, t.Any, t.Optional[ChangeLog]], Outcomes]
    ended: t.Callable[[Outcomes], Ended]


def run(module: Module, steps: Steps) -> Ended:
    """Run a task and return its error, or None, and its result. In check mode, nothing is sent or written.

    With ``state: restored``, restored items are removed from the record; items with an error stay in it.

    Raises:
        ApiError, RecordError, ValueError: Nothing was changed, or the record could not be written.
    """
    record, restored = steps.record, module.params["state"] == "restored"
    log = open_log(record.path, True, module.params["state"]) if record is not None else None
    if not restored:
        changes = steps.present()
        if not changes:
            regions = ", ".join(module.params["regions"])
            module.warn("No %s are selected. Check 'regions' (%s)." % (steps.what, regions))
    elif record is None:
        raise RecordError("Cannot restore without a record. Set 'record'.")
    else:
        changes = steps.restore(record)
    if module.check_mode:
        return steps.ended(steps.planned(changes))
    outcomes = steps.apply(changes, None if restored else record, log)
    if restored and record is not None:
        for outcome in outcomes:
            if outcome.error is None:
                record.remove(outcome.change.item_id)
    if log is not None and log.problem is not None:
        module.warn(log.problem)
    return steps.ended(outcomes)
