# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is the state of each host? From the module's entries to the report's. No I/O; private to the collection."""

from __future__ import annotations

import datetime
import typing as t

from . import _entries, _views
from ._options import SEVERITIES
from ._text import cut

Host = t.Dict[str, t.Any]

# What the report says of a host in one word, worst first.
OPEN, UNKNOWN, EXEMPT, OFF, CLOSED = "open", "unknown", "exempt", "off", "closed"
STATES = (OPEN, UNKNOWN, EXEMPT, OFF, CLOSED)
_STATE = {_views.OPTIONAL: OPEN, _views.REQUIRED: CLOSED, _views.DISABLED: OFF, _views.UNKNOWN: UNKNOWN}
# What an open host waits for.
HELD, UNCHECKED, CALLED, READY = "held", "unchecked", "called", "ready"
_CONTROL = {OPEN: "NON_COMPLIANT", OFF: "NON_COMPLIANT", CLOSED: "COMPLIANT", EXEMPT: "NOT_APPLICABLE"}
PLAIN = "plain"


def hosts(entries: t.Iterable[t.Mapping[str, t.Any]], today: str) -> t.List[Host]:
    """The entries with what follows from them, by name. Raise ValueError for a name that comes twice or a bad date."""
    made = [_host(_shortened(entry), today) for entry in entries]
    names = [it["host"] for it in made]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError("'hosts' has more than one entry for %s." % ", ".join(map(repr, twice[:3])))
    return sorted(made, key=lambda it: it["host"])


def is_held(finding: t.Mapping[str, t.Any]) -> bool:
    return bool(finding["severity"] == "block" and not finding["waiver_holds"])


def plain_callers(host: t.Mapping[str, t.Any]) -> t.List[t.Dict[str, t.Any]]:
    """Who read without a token, known noise aside."""
    return [it for it in host["callers"] or () if it["mode"] == PLAIN and not it["noise"]]


def _host(entry: t.Dict[str, t.Any], today: str) -> Host:
    control, guest = _views.control_mode(entry["control_plane"]), _views.guest_mode(entry["in_guest"])
    found = [_finding(_entries.finding(it), entry["host"], today) for it in entry["findings"] or ()]
    disagreement = _views.disagreement(control, guest)
    if disagreement is not None:
        found.append(dict(disagreement, waiver_holds=False))
    found.sort(key=lambda it: (it["waiver_holds"], SEVERITIES.index(it["severity"]), it["id"]))
    if entry["callers"] is not None:
        entry["callers"] = [_entries.caller(it) for it in entry["callers"]]
    entry["checked"] = entry["findings"] is not None
    entry["findings"] = found
    entry["mode"] = _views.mode(control, guest)
    entry["state"] = _state(entry)
    entry["next"] = _next(entry) if entry["state"] == OPEN else None
    entry["control"] = _CONTROL.get(entry["state"], "INSUFFICIENT_DATA")
    return entry


def _finding(finding: t.Dict[str, t.Any], host: str, today: str) -> t.Dict[str, t.Any]:
    waived = finding["waived"]
    if waived is None:
        return dict(finding, waiver_holds=False)
    try:
        expires = datetime.datetime.strptime(waived["expires"], "%Y-%m-%d").date().isoformat()
    except ValueError as exc:
        message = "The waiver of %r on %r must expire on a date such as 2030-01-31, not %r."
        raise ValueError(message % (finding["id"], host, waived["expires"])) from exc
    return dict(finding, waiver_holds=expires >= today)


def _state(entry: Host) -> str:
    view = entry["control_plane"] or {}
    if entry["mode"] == _views.OPTIONAL and view.get("verdict") == EXEMPT:
        return EXEMPT
    return _STATE[entry["mode"]]


def _next(entry: Host) -> str:
    if any(is_held(it) for it in entry["findings"]):
        return HELD
    if not entry["checked"]:
        return UNCHECKED
    return CALLED if plain_callers(entry) else READY


def _shortened(value: t.Any) -> t.Any:
    if isinstance(value, str):
        return cut(value)
    if isinstance(value, t.Mapping):
        return {cut(str(key)): _shortened(it) for key, it in value.items()}
    return [_shortened(it) for it in value] if isinstance(value, list) else value
