# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Derive the state of each host from its entry. No I/O."""

from __future__ import annotations

import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._common._utc import parse_date

from . import _entries, _views
from ._options import SEVERITIES
from ._text import cut

Host = t.Dict[str, t.Any]

# The state of a host, worst first
NON_COMPLIANT, UNKNOWN, EXEMPT, DISABLED, COMPLIANT = "non_compliant", "unknown", "exempt", "disabled", "compliant"
STATES = (NON_COMPLIANT, UNKNOWN, EXEMPT, DISABLED, COMPLIANT)
_STATE = {
    _views.OPTIONAL: NON_COMPLIANT,
    _views.REQUIRED: COMPLIANT,
    _views.DISABLED: DISABLED,
    _views.UNKNOWN: UNKNOWN,
}
# The next step for a non-compliant host
BLOCKED, NOT_CHECKED, HAS_CALLERS, READY = "blocked", "not_checked", "has_callers", "ready"
NOT_WATCHED, NOT_MANAGED = "not_watched", "not_managed"
NEXT = (BLOCKED, NOT_CHECKED, HAS_CALLERS, NOT_WATCHED, READY, NOT_MANAGED)
# Findings of the preflight check on a host without sufficient records of the callers watch
UNWATCHED = ("callers_unknown", "callers_watched_too_briefly")
_CONTROL = {
    NON_COMPLIANT: "NON_COMPLIANT",
    DISABLED: "NON_COMPLIANT",
    COMPLIANT: "COMPLIANT",
    EXEMPT: "NOT_APPLICABLE",
}
NORMAL_MODE = "normal_mode"


def hosts(entries: t.Iterable[t.Mapping[str, t.Any]], today: str) -> t.List[Host]:
    """Return the entries with what follows from them, sorted by name.

    Raises:
        ValueError: Two entries have the same name, or a waiver has an invalid date.
    """
    made = [_host(_shortened(entry), today) for entry in entries]
    names = [it["host"] for it in made]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError("'hosts' has more than one entry for %s." % ", ".join(map(repr, twice[:3])))
    return sorted(made, key=lambda it: it["host"])


def is_blocking(finding: t.Mapping[str, t.Any]) -> bool:
    return bool(finding["severity"] == "block" and not finding["waiver_holds"])


def normal_mode_callers(host: t.Mapping[str, t.Any]) -> t.List[t.Dict[str, t.Any]]:
    """Return the callers that sent normal-mode requests, without known noise."""
    return [it for it in host["callers"] or () if it["mode"] == NORMAL_MODE and not it["noise"]]


def is_watched(host: t.Mapping[str, t.Any]) -> bool:
    """Return whether the callers watch recorded the host for the quiet period, or a waiver says that this is not necessary."""
    found = {it["id"]: it["waiver_holds"] for it in host["findings"] if it["id"] in UNWATCHED}
    return all(found.values()) and (host["callers"] is not None or bool(found))


def _host(entry: t.Dict[str, t.Any], today: str) -> Host:
    control, guest = _views.control_mode(entry["control_plane"]), _views.guest_mode(entry["in_guest"])
    found = [_finding(_entries.finding(it), entry["host"], today) for it in entry["findings"] or ()]
    disagreement = _views.disagreement(control, guest)
    if disagreement is not None:
        found.append(dict(disagreement, waiver_holds=False))
    found.sort(key=lambda it: (it["waiver_holds"], SEVERITIES.index(it["severity"]), it["id"]))
    if entry["callers"] is not None:
        entry["callers"] = [_entries.caller(it) for it in entry["callers"]]
    not_understood = entry.setdefault("not_understood", [])
    entry.setdefault("last_known", None)
    entry.setdefault("managed", True)
    entry.setdefault("in_run", entry["managed"])
    entry["checked"] = entry["findings"] is not None and "findings" not in not_understood
    entry["findings"] = found
    entry["mode"] = _views.mode(control, guest)
    entry["state"] = _state(entry)
    entry["next"] = _next(entry) if entry["state"] == NON_COMPLIANT else None
    entry["control"] = _CONTROL.get(entry["state"], "INSUFFICIENT_DATA")
    return entry


def _finding(finding: t.Dict[str, t.Any], host: str, today: str) -> t.Dict[str, t.Any]:
    waived = finding["waived"]
    if waived is None:
        return dict(finding, waiver_holds=False)
    try:
        expires = parse_date(waived["expires"]).isoformat()
    except ValueError as exc:
        message = "The waiver of %r on %r must expire on a date such as 2030-01-31, not %r."
        raise ValueError(message % (finding["id"], host, waived["expires"])) from exc
    return dict(finding, waiver_holds=expires >= today)


def _state(entry: Host) -> str:
    view = entry["control_plane"] or {}
    if entry["mode"] == _views.OPTIONAL and view.get("verdict") == EXEMPT:
        return EXEMPT
    if entry["mode"] != _views.OPTIONAL and {"control_plane", "in_guest"}.intersection(entry["not_understood"]):
        return UNKNOWN
    return _STATE[entry["mode"]]


def _next(entry: Host) -> str:
    if not entry["managed"]:
        return NOT_MANAGED
    if any(is_blocking(it) for it in entry["findings"]):
        return BLOCKED
    if not entry["checked"]:
        return NOT_CHECKED
    if normal_mode_callers(entry):
        return HAS_CALLERS
    return READY if is_watched(entry) else NOT_WATCHED


def _shortened(value: t.Any) -> t.Any:
    if isinstance(value, str):
        return cut(value)
    if isinstance(value, t.Mapping):
        return {cut(str(key)): _shortened(it) for key, it in value.items()}
    return [_shortened(it) for it in value] if isinstance(value, list) else value
