# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the records of the callers watch, and the log of Alibaba Cloud's packet analyzer."""

import typing as t

from .._callers._file import NotReadable
from .._callers._load import callers
from .._callers._report import Filter, unproven_rows
from .._callers._vocabulary import LOG_DIRECTORY, PARTIAL, STATE_DIRECTORY


class Records(t.NamedTuple):
    """Recorded callers: ``rows`` is None if nothing was recorded, ``since`` is when the current recording began.

    ``problem`` says why the records cannot be read, else None. ``incomplete`` says why requests may be missing, else None, and
    ``uncertain`` until when, if it is a matter of time.
    """

    rows: t.Optional[t.List[t.Dict[str, t.Any]]]
    since: t.Optional[str]
    problem: t.Optional[str] = None
    incomplete: t.Optional[str] = None
    uncertain: t.Optional[str] = None


def read(state: str = STATE_DIRECTORY, logs: str = LOG_DIRECTORY) -> Records:
    """Return the records below the directories *state* (watch) and *logs* (analyzer); an error becomes ``problem``."""
    try:
        found = callers(state, logs, Filter())
    except NotReadable as exc:
        return Records(None, None, str(exc))
    watch = found["watch"]
    if watch["updated"] is None and not found["callers"]:
        return Records(None, None)
    rows, since = unproven_rows(found), watch["since"]
    if watch["running"] and watch["coverage"] == PARTIAL:
        return Records(rows, since, None, found["unknown_reason"])
    if watch["last_loss"] is not None:
        return Records(rows, since, None, "The watch lost requests at %s." % watch["last_loss"], watch["last_loss"])
    return Records(rows, since)
