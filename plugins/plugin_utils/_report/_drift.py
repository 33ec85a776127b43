# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare a report with the one before it. No I/O."""

from __future__ import annotations

import typing as t

from ._hosts import NON_COMPLIANT, UNKNOWN, Host
from ._views import DISABLED, DISAGREE, REQUIRED, control_mode, guest_mode, mode

Drift = t.Dict[str, t.Any]


_LISTS = {
    "new_hosts": None,
    "vanished_hosts": None,
    "changed_modes": ("host", "view", "before", "after"),
    "new_findings": ("host", "id", "severity", "title"),
    "solved_findings": ("host", "id", "severity", "title"),
}


def valid(stored: t.Any) -> t.Optional[Drift]:
    """Return a comparison from the JSON form of a report; None, as in a first report, if it has an invalid form."""
    if not isinstance(stored, dict) or not isinstance(stored.get("since"), str):
        return None
    for name, keys in _LISTS.items():
        rows = stored.get(name)
        if not isinstance(rows, list):
            return None
        for row in rows:
            texts = [row] if keys is None else [row.get(key) for key in keys] if isinstance(row, dict) else [None]
            if not all(isinstance(text, str) for text in texts):
                return None
    return stored


def remember(before: t.Optional[t.Mapping[str, t.Any]], hosts: t.Iterable[Host]) -> None:
    """Set ``was_compliant`` of each host that does not require tokens, or may not: the time of the last report in which it did.

    None if no report shows that. Later reports keep it until the host requires tokens again, or is exempt.
    """
    old = {it["host"]: it for it in before["hosts"]} if before else {}
    for host in hosts:
        earlier = old.get(host["host"])
        host["was_compliant"] = None
        if before and earlier and host["state"] in (NON_COMPLIANT, UNKNOWN):
            seen = earlier.get("last_known") or before["generated_at"]
            required = mode(control_mode(earlier["control_plane"]), guest_mode(earlier["in_guest"]))
            host["was_compliant"] = seen if required in (REQUIRED, DISABLED) else earlier.get("was_compliant")


def drift(before: t.Mapping[str, t.Any], hosts: t.Iterable[Host]) -> Drift:
    """Return new and vanished hosts, changed modes, new and solved findings since the report *before* (its JSON form).

    The findings of new and vanished hosts count neither as new nor as solved.
    """
    old = {it["host"]: it for it in before["hosts"]}
    new = {it["host"]: it for it in hosts}
    both = sorted(old.keys() & new.keys())
    return {
        "since": before["generated_at"],
        "new_hosts": sorted(new.keys() - old.keys()),
        "vanished_hosts": sorted(old.keys() - new.keys()),
        "changed_modes": [row for name in both for row in _changed(name, old[name], new[name])],
        "new_findings": [row for name in both for row in _missing(name, old[name], new[name])],
        "solved_findings": [row for name in both for row in _missing(name, new[name], old[name])],
    }


def _changed(name: str, old: Host, new: Host) -> t.Iterator[t.Dict[str, t.Any]]:
    views: t.Tuple[t.Tuple[str, t.Any], ...] = (("control_plane", control_mode), ("in_guest", guest_mode))
    for view, read in views:
        before, after = read(old[view]), read(new[view])
        # a view that is missing on one side is not a change
        if before is not None and after is not None and before != after:
            yield {"host": name, "view": view, "before": before, "after": after}


def _missing(name: str, here: Host, there: Host) -> t.Iterator[t.Dict[str, t.Any]]:
    """Yield each finding of *there* that is missing *here*, once, if *here* was checked for it."""
    known = {it["id"] for it in here["findings"]}
    for finding in there["findings"]:
        if finding["id"] not in known and _was_checked(here, finding["id"]):
            known.add(finding["id"])
            yield {"host": name, **{key: finding[key] for key in ("id", "severity", "title")}}


def _was_checked(host: Host, finding_id: str) -> bool:
    if finding_id == DISAGREE:
        return None not in (control_mode(host["control_plane"]), guest_mode(host["in_guest"]))
    return bool(host["checked"])
