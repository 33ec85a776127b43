# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What did the callers watch of this host record, and Alibaba's analyzer? Private to the collection."""

from __future__ import annotations

import typing as t

from .._callers._file import NotReadable
from .._callers._load import callers
from .._callers._report import Filter, normal_mode_rows
from .._callers._vocabulary import LOG_DIRECTORY, STATE_DIRECTORY


class Records(t.NamedTuple):
    """``rows`` is None where nobody has recorded anything; ``since`` is when the recording began that still goes on."""

    rows: t.Optional[t.List[t.Dict[str, t.Any]]]
    since: t.Optional[str]
    problem: t.Optional[str] = None


def read(state: str = STATE_DIRECTORY, logs: str = LOG_DIRECTORY) -> Records:
    """The records below these directories; never raises."""
    try:
        found = callers(state, logs, Filter())
    except NotReadable as exc:
        return Records(None, None, str(exc))
    watch = found["watch"]
    if watch["updated"] is None and not found["callers"]:
        return Records(None, None)
    return Records(normal_mode_rows(found), watch["since"])
