# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What do the records say? Filters, totals and the verdict; pure. Private to the collection.

The verdict concerns all callers, whatever is filtered, and needs a watch that runs: nobody knows of the time in which
nobody looked.
"""

from __future__ import annotations

import fnmatch
import typing as t

from .._common._utc import format_utc
from ._vocabulary import MODES, PROBE, WITHOUT_TOKEN

NAMES = ("exe", "user", "unit", "container", "comm", "source")
Record = t.Dict[str, t.Any]


class Filter(t.NamedTuple):
    """Which callers and requests to show."""

    max_age: t.Optional[int] = None  #: seconds since the last request
    modes: t.Sequence[str] = ()
    callers: t.Sequence[str] = ()  #: patterns; one of the names must match one of them
    ignore_noise: bool = False


class Records(t.NamedTuple):
    """All that was read: of the watch, and of the analyzer."""

    callers: t.Sequence[Record]
    other: t.Optional[Record]
    analyzer: t.Sequence[Record]
    status: t.Mapping[str, t.Any]
    periods: t.Sequence[t.Sequence[int]]
    running: bool


def report(records: Records, chosen: Filter, now: int) -> t.Dict[str, t.Any]:
    """What the module callers_info returns."""
    everything = [_named(record, "watch") for record in records.callers]
    everything += [_named(record, "analyzer") for record in records.analyzer]
    if records.other and records.other["requests"]:
        everything.append({**_named(records.other, "watch"), "summed_up": True})
    shown = [caller for caller in (_chosen(caller, chosen, now) for caller in everything) if caller["requests"]]
    shown.sort(key=_order)
    rows = [row for caller in shown for row in caller["requests"]]
    totals = {mode: sum(row["count"] for row in rows if row["mode"] == mode) for mode in MODES}
    totals["noise"] = sum(row["count"] for row in rows if row.get("noise"))
    last = _last_plain(everything, chosen.ignore_noise)
    quiet = _quiet_since(records, last)
    return {
        "callers": [_readable(caller) for caller in shown],
        "totals": totals,
        "last_without_token": format_utc(last),
        "quiet_since": format_utc(quiet),
        "quiet_seconds": None if quiet is None else max(0, now - quiet),
        "watching": _watching(records),
    }


def plain_rows(shown: t.Mapping[str, t.Any]) -> t.List[Record]:
    """The requests without a token in what `report` returned, a row for each caller and class of path.

    Mode "plain", names of the caller, ``path_class``, ``count``, ``first_seen``, ``last_seen``, ``noise``: what a preflight
    judges and the fleet report shows.
    """
    return [
        {
            "mode": "plain",
            **{name: caller.get(name) for name in ("uid", *NAMES)},
            "path_class": row["path"],
            "count": row["count"],
            "first_seen": row["first"],
            "last_seen": row["last"],
            "noise": row.get("noise"),
        }
        for caller in shown["callers"]
        for row in caller["requests"]
        if row["mode"] == WITHOUT_TOKEN
    ]


def _named(record: Record, seen_by: str) -> Record:
    return {**record, "seen_by": seen_by, "summed_up": False}


def _chosen(caller: Record, chosen: Filter, now: int) -> Record:
    """The caller with those of its requests that are wanted."""
    if chosen.callers and not any(_matches(caller, pattern) for pattern in chosen.callers):
        return {**caller, "requests": []}
    return {**caller, "requests": [row for row in caller["requests"] if _wanted(row, chosen, now)]}


def _wanted(row: Record, chosen: Filter, now: int) -> bool:
    young = chosen.max_age is None or row["last"] >= now - chosen.max_age
    mode = not chosen.modes or row["mode"] in chosen.modes
    return young and mode and not (chosen.ignore_noise and row.get("noise"))


def _matches(caller: Record, pattern: str) -> bool:
    return any(fnmatch.fnmatchcase(caller[name], pattern) for name in NAMES if caller[name])


def _order(caller: Record) -> t.Tuple[bool, int]:
    """Who used the plain mode last comes first."""
    plain = [row["last"] for row in caller["requests"] if row["mode"] == WITHOUT_TOKEN and not row.get("noise")]
    return not plain, -max(plain or [row["last"] for row in caller["requests"]])


def _readable(caller: Record) -> Record:
    rows = [{**row, "first": format_utc(row["first"]), "last": format_utc(row["last"])} for row in caller["requests"]]
    modes = {row["mode"]: 0 for row in rows}
    for row in rows:
        modes[row["mode"]] += row["count"]
    return {**caller, "requests": [{**row, "noise": row.get("noise")} for row in rows], "modes": modes}


def _last_plain(callers: t.Iterable[Record], ignore_noise: bool) -> t.Optional[int]:
    rows = [row for caller in callers for row in caller["requests"] if row["mode"] == WITHOUT_TOKEN]
    rows = [row for row in rows if row.get("noise") != PROBE]  # nobody would break
    return max((row["last"] for row in rows if not (ignore_noise and row.get("noise"))), default=None)


def _quiet_since(records: Records, last: t.Optional[int]) -> t.Optional[int]:
    if not records.running or not records.periods:
        return None
    return max(int(records.periods[-1][0]), last or 0)


def _watching(records: Records) -> t.Dict[str, t.Any]:
    status = records.status
    since = int(records.periods[-1][0]) if records.running and records.periods else None
    updated = status.get("updated")
    return {
        "running": records.running,
        "since": format_utc(since),
        "updated": format_utc(updated) if isinstance(updated, int) else None,
        "found_by": status.get("found_by"),
        "dropped": status.get("dropped", 0),
        "forgotten": status.get("forgotten", 0),
        "problems": list(status.get("problems", [])),
    }
