# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter the recorded callers, sum them up, and determine since when there was certainly no normal-mode request.

That time takes all callers into account, whatever is filtered. It is unknown unless a watch is running, because requests of the time
without a watch were not recorded, and if the watch has only partial coverage. A request that cannot be parsed may have been a
normal-mode request, and so may a request that was lost.
"""

import fnmatch
import typing as t

from .._common._utc import format_utc
from .._imds._service import ADDRESS
from ._losses import would_lose
from ._vocabulary import MODES, NORMAL_MODE, PARTIAL, PROBE, UNPARSABLE

NAMES = ("exe", "user", "unit", "container", "comm", "source")
Record = t.Dict[str, t.Any]


class Filter(t.NamedTuple):
    """The callers and requests to return."""

    max_age: t.Optional[int] = None  #: seconds since the last request
    modes: t.Sequence[str] = ()
    callers: t.Sequence[str] = ()  #: shell patterns; one of the names must match one of them
    ignore_noise: bool = False


class Records(t.NamedTuple):
    """The records of the watch (see `_file`) and of the analyzer, and whether a watch is running."""

    callers: t.Sequence[Record]
    other: t.Optional[Record]
    analyzer: t.Sequence[Record]
    status: t.Mapping[str, t.Any]
    periods: t.Sequence[t.Sequence[int]]
    running: bool


def report(records: Records, chosen: Filter, now: int) -> t.Dict[str, t.Any]:
    """Return what the module callers_info returns: callers, totals, and last request; *now* is in seconds since 1970."""
    everything = [_with_origin(record, "watch") for record in records.callers]
    everything += [_with_origin(record, "analyzer") for record in records.analyzer]
    if records.other and records.other["requests"]:
        everything.append({**_with_origin(records.other, "watch"), "aggregated": True})
    shown = [caller for caller in (_filtered(caller, chosen, now) for caller in everything) if caller["requests"]]
    shown.sort(key=_order)
    rows = [row for caller in shown for row in caller["requests"]]
    totals = {mode: sum(row["count"] for row in rows if row["mode"] == mode) for mode in MODES}
    totals["noise"] = sum(row["count"] for row in rows if row.get("noise"))
    last = _last_normal_mode(everything, chosen.ignore_noise)
    uncertain = _last_uncertain(records, everything)
    quiet, reason = _quiet_since(records, last, uncertain)
    return {
        "callers": [_formatted(caller) for caller in shown],
        "totals": totals,
        "last_normal_mode": format_utc(last),
        "quiet_since": format_utc(quiet),
        "quiet_seconds": None if quiet is None else max(0, now - quiet),
        "last_uncertain": format_utc(uncertain),
        "unknown_reason": reason,
        "watch": _watch(records),
    }


def unproven_rows(shown: t.Mapping[str, t.Any]) -> t.List[Record]:
    """Return the requests of a result of `report` without a certain token: normal-mode and unparsable ones.

    There is one row for each caller, mode and class of path. The preflight checks judge these rows, and the fleet report shows them.
    Keys: ``mode``, the names of the caller, ``path_class``, ``count``, ``first_seen``, ``last_seen``, ``noise``.
    """
    return [
        {
            "mode": row["mode"],
            **{name: caller.get(name) for name in ("uid", *NAMES)},
            "path_class": row["path"],
            "count": row["count"],
            "first_seen": row["first"],
            "last_seen": row["last"],
            "noise": row.get("noise"),
        }
        for caller in shown["callers"]
        for row in caller["requests"]
        if row["mode"] in (NORMAL_MODE, UNPARSABLE)
    ]


def _with_origin(record: Record, recorded_by: str) -> Record:
    return {**record, "recorded_by": recorded_by, "aggregated": False}


def _filtered(caller: Record, chosen: Filter, now: int) -> Record:
    """Return the caller with those of its requests that the filter selects."""
    if chosen.callers and not any(_matches(caller, pattern) for pattern in chosen.callers):
        return {**caller, "requests": []}
    return {**caller, "requests": [row for row in caller["requests"] if _is_selected(row, chosen, now)]}


def _is_selected(row: Record, chosen: Filter, now: int) -> bool:
    recent = chosen.max_age is None or row["last"] >= now - chosen.max_age
    mode = not chosen.modes or row["mode"] in chosen.modes
    return recent and mode and not (chosen.ignore_noise and row.get("noise"))


def _matches(caller: Record, pattern: str) -> bool:
    return any(fnmatch.fnmatchcase(caller[name], pattern) for name in NAMES if caller[name])


def _order(caller: Record) -> t.Tuple[bool, int]:
    """Return the sort key: callers with the latest normal-mode requests first, then by the last request."""
    normal_mode = [row["last"] for row in caller["requests"] if row["mode"] == NORMAL_MODE and not row.get("noise")]
    return not normal_mode, -max(normal_mode or [row["last"] for row in caller["requests"]])


def _formatted(caller: Record) -> Record:
    rows = [{**row, "first": format_utc(row["first"]), "last": format_utc(row["last"])} for row in caller["requests"]]
    modes = {row["mode"]: 0 for row in rows}
    for row in rows:
        modes[row["mode"]] += row["count"]
    times = {"first_seen": min(row["first"] for row in rows), "last_seen": max(row["last"] for row in rows)}
    default = ADDRESS if caller["recorded_by"] == "watch" else None  # the analyzer does not log the address
    requests = [{**row, "noise": row.get("noise"), "address": row.get("address", default)} for row in rows]
    known = {"evidence": _evidence(caller), "would_lose": would_lose(caller["requests"])}
    return {**caller, "requests": requests, "modes": modes, **times, **known}


def _evidence(caller: Record) -> t.Optional[str]:
    """Return the weakest source of the attribution: ``kernel``, ``tracepoint``, ``polled``, or None if nothing is known."""
    methods = {method for method, count in caller["attributed_by"].items() if count}
    for evidence, own in (("polled", ("socket", "uid")), ("tracepoint", ("tracepoint",)), ("kernel", ("connect",))):
        if methods.intersection(own):
            return evidence
    return None


def _last_normal_mode(callers: t.Iterable[Record], ignore_noise: bool) -> t.Optional[int]:
    rows = [row for caller in callers for row in caller["requests"] if row["mode"] == NORMAL_MODE]
    rows = [row for row in rows if row.get("noise") != PROBE]  # the probe needs no answer in normal mode
    return max((row["last"] for row in rows if not (ignore_noise and row.get("noise"))), default=None)


def _last_uncertain(records: Records, callers: t.Iterable[Record]) -> t.Optional[int]:
    """Return the time of the last request that may have been a normal-mode request: an unparsable one, or a loss."""
    times = [row["last"] for caller in callers for row in caller["requests"] if row["mode"] == UNPARSABLE]
    loss = records.status.get("last_loss")
    return max(times + ([loss] if isinstance(loss, int) else []), default=None)


def _quiet_since(
    records: Records, last: t.Optional[int], uncertain: t.Optional[int]
) -> t.Tuple[t.Optional[int], t.Optional[str]]:
    """Return the time since which there was no normal-mode request, and why it is unknown or later than it might be."""
    if not records.running or not records.periods:
        return None, "No watch is running."
    if records.status.get("coverage") == PARTIAL:
        return None, "The watch has partial coverage: processes that end soon are missed."
    begin = max(int(records.periods[-1][0]), last or 0)
    if uncertain is None or uncertain <= begin:
        return begin, None
    return uncertain, "The mode of requests until %s is unknown: they were lost or cannot be parsed." % format_utc(
        uncertain
    )


def _watch(records: Records) -> t.Dict[str, t.Any]:
    status = records.status
    since = int(records.periods[-1][0]) if records.running and records.periods else None
    updated, loss = status.get("updated"), status.get("last_loss")
    return {
        "running": records.running,
        "since": format_utc(since),
        "updated": format_utc(updated) if isinstance(updated, int) else None,
        "attribution": status.get("attribution"),
        "coverage": status.get("coverage"),
        "dropped": status.get("dropped", 0),
        "evicted": status.get("evicted", 0),
        "lost_events": status.get("lost_events", 0),
        "last_loss": format_utc(loss) if isinstance(loss, int) else None,
        "problems": list(status.get("problems", [])),
    }
