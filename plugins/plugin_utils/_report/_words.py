# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sentences of the page: the verdict, the names of states and filters, what changed. No I/O."""

from __future__ import annotations

import re
import typing as t

from . import _hosts
from ._hosts import (
    BLOCKED,
    COMPLIANT,
    DISABLED,
    EXEMPT,
    HAS_CALLERS,
    NON_COMPLIANT,
    NOT_CHECKED,
    NOT_MANAGED,
    NOT_WATCHED,
    READY,
    UNKNOWN,
)
from ._text import counted
from ._views import DISAGREE

Totals = t.Mapping[str, t.Any]
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d(\.\d+)?)?(Z|\+00:00)")

STATES = {
    NON_COMPLIANT: ("Non-compliant", "accepts normal-mode requests, which carry no token"),
    UNKNOWN: ("Unknown", "neither the API nor the host reported a mode"),
    EXEMPT: ("Exempt", "accepts normal-mode requests, and is exempt"),
    DISABLED: ("Disabled", "the metadata service is turned off"),
    COMPLIANT: ("Compliant", "requires tokens"),
}
SEVERITIES = {"block": "Block", "warn": "Warn", "info": "Info"}
# Filters of the table of hosts that are neither a state nor a next step
FAILED, CALLERS, NOT_ECS, LAST_KNOWN = "failed", "normal_mode_callers", "not_ecs", "last_known"
# Outcomes of hosts that are no ECS instances with a metadata service that Ansible can change
_NOT_ECS = ("not_ecs", "unsupported")
FILTERS = {
    NON_COMPLIANT: "Non-compliant",
    BLOCKED: "Non-compliant: blocked by findings",
    HAS_CALLERS: "Non-compliant: normal-mode callers",
    NOT_CHECKED: "Non-compliant: not checked",
    NOT_WATCHED: "Non-compliant: not watched",
    READY: "Non-compliant: ready to require tokens",
    DISAGREE: "API and host disagree",
    FAILED: "Last run failed",
    NOT_MANAGED: "Not managed",
    NOT_ECS: "Not an ECS instance, or not supported",
    LAST_KNOWN: "Not examined in the last run",
    CALLERS: "Normal-mode callers",
    UNKNOWN: "Unknown",
    EXEMPT: "Exempt",
    DISABLED: "Disabled",
    COMPLIANT: "Compliant",
}


def verdict(totals: Totals) -> t.Tuple[str, str]:
    """Return the headline in two parts; the first is emphasized."""
    if not totals["hosts"]:
        return "No hosts", "are in this report"
    subject, predicate = _judgment(totals["states"], totals["hosts"])
    kept = totals["last_known"]
    if kept:
        predicate += ", by the last known state of %s" % counted(kept, "host")
    return subject, predicate


def _judgment(states: t.Mapping[str, int], number: int) -> t.Tuple[str, str]:
    if states[NON_COMPLIANT]:
        verb = "still accepts" if number == 1 or states[NON_COMPLIANT] == 1 else "still accept"
        least = "At least " if states[UNKNOWN] else ""
        return least + _share(states[NON_COMPLIANT], number), verb + " normal-mode requests"
    if states[UNKNOWN]:
        verb = "has" if number == 1 or states[UNKNOWN] == 1 else "have"
        return _share(states[UNKNOWN], number), verb + " an unknown mode; no other accepts normal-mode requests"
    if number == states[EXEMPT]:
        if number == 1:
            return "The host", "is exempt and accepts normal-mode requests"
        return "All %s" % counted(number, "host"), "are exempt and accept normal-mode requests"
    exempt = ", except %s" % counted(states[EXEMPT], "exempt host") if states[EXEMPT] else ""
    if number == 1:
        return "The host", "does not accept normal-mode requests"
    return "No host", "accepts normal-mode requests" + exempt


def changes(drift: t.Optional[t.Mapping[str, t.Any]]) -> t.List[t.Tuple[str, t.List[str]]]:
    """Return what changed since the last report: titles, and a line per host or finding."""
    if drift is None:
        return []
    modes = [
        "%s: %s to %s (%s)"
        % (it["host"], it["before"], it["after"], "API" if it["view"] == "control_plane" else "in-guest")
        for it in drift["changed_modes"]
    ]
    return [
        ("New hosts", drift["new_hosts"]),
        ("Vanished hosts", drift["vanished_hosts"]),
        ("Changed modes", modes),
        ("New findings", ["%s: %s" % (it["host"], it["title"]) for it in drift["new_findings"]]),
        ("Solved findings", ["%s: %s" % (it["host"], it["title"]) for it in drift["solved_findings"]]),
    ]


def filters(host: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """Yield the names of the filters that show *host*."""
    yield host["state"]
    if host["next"]:
        yield host["next"]
    if not host["managed"] and host["next"] != NOT_MANAGED:
        yield NOT_MANAGED
    if host["last_known"]:
        yield LAST_KNOWN
    if host["outcome"] and host["outcome"]["result"] in _NOT_ECS and host["state"] == UNKNOWN:
        yield NOT_ECS
    if any(it["id"] == DISAGREE for it in host["findings"]):
        yield DISAGREE
    if host["outcome"] and host["outcome"]["result"] in ("failed", "rolled_back", "unreachable"):
        yield FAILED
    if _hosts.normal_mode_callers(host):
        yield CALLERS


def time(text: t.Optional[str]) -> str:
    """Return an ISO 8601 time in UTC without seconds and zone; any other text unchanged."""
    matched = _TIME.fullmatch(text or "")
    return "%s %s" % matched.group(1, 2) if matched else text or ""


def _share(number: int, whole: int) -> str:
    return "%s of %s" % (format(number, ","), counted(whole, "host"))
