# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of hosts: what each row shows, and the details that the script unfolds. No I/O."""

from __future__ import annotations

import typing as t

from . import _words
from ._hosts import NON_COMPLIANT, NORMAL_MODE, STATES, normal_mode_callers
from ._language import ENGLISH, Words
from ._markup import shown
from ._options import SEVERITIES
from ._views import control_mode, guest_mode

Host = t.Mapping[str, t.Any]
Row = t.Dict[str, t.Any]
_FEW = 3
_MOST_CALLERS = 100
_LEAST = 0.6  # percent of a bar that the smallest share takes, so that it is visible


def ordered(hosts: t.Iterable[Host]) -> t.List[Host]:
    """Sort by state, the worst first, and by name."""
    return sorted(hosts, key=lambda it: (STATES.index(it["state"]), it["host"]))


def row(host: Host, texts: Words = ENGLISH) -> Row:
    """Return what the row of *host* shows. ``sort_…`` are the keys of columns that do not sort by their text."""
    control, guest = control_mode(host["control_plane"]), guest_mode(host["in_guest"])
    callers = normal_mode_callers(host)
    result = (host["outcome"] or {}).get("result")
    return {
        "host": host["host"],
        "about": " · ".join(it for it in (host["instance_id"], host["name"]) if it and it != host["host"]),
        "state": host["state"],
        "last_known": host["last_known"] or "",
        "sort_state": STATES.index(host["state"]),
        "region": host["region_id"],
        "control": control,
        "guest": (host["in_guest"] or {}).get("verdict"),
        "disagree": None not in (control, guest) and control != guest,
        "checked": host["checked"],
        "findings": [(it["id"], "waived" if it["waiver_holds"] else it["severity"]) for it in host["findings"][:_FEW]],
        "more_findings": max(len(host["findings"]) - _FEW, 0),
        "sort_findings": _weight(host),
        "watched": host["callers"] is not None,
        "callers": len(callers),
        "last_seen": max((it["last_seen"] or "" for it in callers), default=""),
        "sort_callers": "%05d" % max(99999 - len(callers), 0) if callers else "z",
        "urgent": host["state"] == NON_COMPLIANT,
        "fence": (host["fence"] or {}).get("mode"),
        "outcome": texts("outcome." + result) if result else "",
        "filters": list(_words.filters(host)),
    }


def picks(hosts: t.Iterable[Host], texts: Words = ENGLISH) -> t.List[t.Tuple[str, str, int]]:
    """Return the filters that show at least one host: name, title and number of hosts."""
    numbers: t.Dict[str, int] = {}
    for host in hosts:
        for name in _words.filters(host):
            numbers[name] = numbers.get(name, 0) + 1
    return [(name, texts("filter." + name), numbers[name]) for name in _words.FILTERS if name in numbers]


def segments(states: t.Mapping[str, int], whole: int) -> t.List[t.Tuple[str, str, str]]:
    """Return the segments of a stacked bar as long as its share of *whole*: state, start and width in percent."""
    shares = [(name, max(100.0 * states[name] / whole, _LEAST)) for name in STATES if states[name]]
    scale = max(sum(share for _name, share in shares), 100.0) / 100.0
    placed, start = [], 0.0
    for name, share in shares:
        placed.append((name, "%.2f%%" % start, "%.2f%%" % (share / scale)))
        start += share / scale
    return placed


def largest(regions: t.Iterable[t.Mapping[str, t.Any]]) -> int:
    """Return the number of hosts of the largest region, at least 1."""
    return max((it["hosts"] for it in regions), default=1)


def details(host: Host) -> t.Any:
    """Return what the script unfolds, without empty values; the script inserts it as text, never as markup."""
    callers = sorted(host["callers"] or (), key=lambda it: it["last_seen"] or "", reverse=True)
    callers.sort(key=lambda it: (it["mode"] != NORMAL_MODE, bool(it["noise"])))
    kept = {key: host[key] for key in ("host", "instance_id", "name", "control_plane", "in_guest", "findings")}
    kept.update((key, host[key]) for key in ("fence", "outcome", "batch", "last_known"))
    kept["callers"] = [
        dict(it, first_seen=_words.time(it["first_seen"]), last_seen=_words.time(it["last_seen"]))
        for it in callers[:_MOST_CALLERS]
    ]
    kept["more_callers"] = max(len(callers) - _MOST_CALLERS, 0)
    return _compact(kept)


def _weight(host: Host) -> str:
    """Return the sort key: blocking findings, then warnings; a host without findings before one that was not checked."""
    counts = [sum(it["severity"] == name and not it["waiver_holds"] for it in host["findings"]) for name in SEVERITIES]
    return "-".join("%03d" % (999 - it) for it in counts) + ("" if host["checked"] else "z")


def _compact(value: t.Any) -> t.Any:
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, t.Mapping):
        return {shown(str(key)): _compact(it) for key, it in value.items() if it not in (None, "", [], {}, False)}
    return [_compact(it) for it in value] if isinstance(value, (list, tuple)) else value
