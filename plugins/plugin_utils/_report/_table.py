# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of a run for a terminal: host, state, outcome, next step, reason. No I/O."""

from __future__ import annotations

import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._common._text import one_line

from ._hosts import STATES, is_blocking
from ._steps import shown_finding

Host = t.Mapping[str, t.Any]
_HEADS = ("HOST", "STATE", "OUTCOME", "NEXT STEP", "REASON")
_MOST = 50  # rows
_WIDEST = 40  # characters of a column, except the last
_LONGEST = 2000  # characters of a reason
_NEXT = {
    "blocked": "resolve findings",
    "not_checked": "audit",
    "has_callers": "update callers",
    "not_watched": "watch",
    "ready": "harden",
    "not_managed": "add to inventory",
}
_WORST = ("failed", "rolled_back", "unreachable", "blocked")


def lines(document: t.Mapping[str, t.Any]) -> t.List[str]:
    """Return the table of the hosts of the last run, those with a failure first, and then those in the worst state."""
    part = [it for it in document["hosts"] if it["in_run"]]
    part.sort(key=lambda it: (_result(it) not in _WORST, STATES.index(it["state"]), it["host"]))
    rows = [_HEADS, *map(_row, part[:_MOST])]
    widths = [min(max(len(row[place]) for row in rows), _WIDEST) for place in range(len(_HEADS) - 1)]
    made = ["  ".join([*(it.ljust(wide) for it, wide in zip(row, widths)), row[-1]]).rstrip() for row in rows]
    return made + (["and %s more, see the report" % format(len(part) - _MOST, ",")] if len(part) > _MOST else [])


def _result(host: Host) -> str:
    return str((host["outcome"] or {}).get("result") or "")


def _row(host: Host) -> t.Tuple[str, ...]:
    """Return the cells of a host."""
    step = "review" if _result(host) in ("failed", "rolled_back", "unreachable") else _NEXT.get(host["next"] or "", "-")
    cells = (host["host"], host["state"], _result(host) or "-", step)
    return (
        *(
            one_line(it, _WIDEST).replace("_", " ") if place else one_line(it, _WIDEST)
            for place, it in enumerate(cells)
        ),
        _reason(host),
    )


def _reason(host: Host) -> str:
    own = (host["outcome"] or {}).get("reason")
    blocking = [it for it in host["findings"] if is_blocking(it)]
    if own or not blocking:
        return one_line(own or (host["control_plane"] or {}).get("reason") or "-", _LONGEST)
    more = " and %d more" % (len(blocking) - 1) if len(blocking) > 1 else ""
    return shown_finding(blocking[0], host["findings"]) + more
