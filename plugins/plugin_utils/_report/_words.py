# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sentences of the page: the verdict, the next steps, the names of states. No I/O."""

from __future__ import annotations

import re
import typing as t

from . import _hosts
from ._hosts import BLOCKED, COMPLIANT, DISABLED, EXEMPT, HAS_CALLERS, NON_COMPLIANT, NOT_CHECKED, READY, UNKNOWN
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
FAILED, CALLERS = "failed", "normal_mode_callers"
FILTERS = {
    NON_COMPLIANT: "Non-compliant",
    BLOCKED: "Non-compliant: blocked by findings",
    HAS_CALLERS: "Non-compliant: normal-mode callers",
    NOT_CHECKED: "Non-compliant: not checked",
    READY: "Non-compliant: ready to require tokens",
    DISAGREE: "API and host disagree",
    FAILED: "Last run failed",
    CALLERS: "Normal-mode callers",
    UNKNOWN: "Unknown",
    EXEMPT: "Exempt",
    DISABLED: "Disabled",
    COMPLIANT: "Compliant",
}


class Step(t.NamedTuple):
    """A next step: title, reason, number of hosts, the filter that shows them, and a command if there is one."""

    title: str
    why: str
    hosts: int
    filter: str
    command: t.Optional[str] = None


def verdict(totals: Totals) -> t.Tuple[str, str]:
    """Return the headline in two parts; the first is emphasized."""
    states, number = totals["states"], totals["hosts"]
    if not number:
        return "No hosts", "are in this report"
    if states[NON_COMPLIANT]:
        verb = "still accepts" if number == 1 or states[NON_COMPLIANT] == 1 else "still accept"
        return _share(states[NON_COMPLIANT], number), verb + " normal-mode requests"
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


def steps(totals: Totals, blocking: t.Sequence[t.Tuple[str, int]]) -> t.List[Step]:
    """Return the next steps in order. *blocking*: titles of blocking findings and the number of hosts of each."""
    return [it for it in (*_to_clarify(totals), *_to_enforce(totals, blocking)) if it.hosts]


def _to_clarify(totals: Totals) -> t.Iterator[Step]:
    outcomes, apart = totals["outcomes"], totals["views_disagree"]
    failed = outcomes["failed"] + outcomes["rolled_back"] + outcomes["unreachable"]
    yield Step(
        "Review the last run on %s" % counted(failed, "host"),
        "It failed, was rolled back or could not reach them. The details of each host give the reason.",
        failed,
        FAILED,
    )
    yield Step(
        "Resolve the disagreement between API and host on %s" % counted(apart, "host"),
        "One of the two views is wrong. Until you know which, neither of them is evidence.",
        apart,
        DISAGREE,
    )


def _to_enforce(totals: Totals, blocking: t.Sequence[t.Tuple[str, int]]) -> t.Iterator[Step]:
    following, unknown = totals["next"], totals["states"][UNKNOWN]
    findings = _listed(("%s (%s)" % (title, format(number, ",")) for title, number in blocking[:3]), len(blocking) - 3)
    yield Step(
        "Resolve the blocking findings on %s" % counted(following[BLOCKED], "host"),
        findings,
        following[BLOCKED],
        BLOCKED,
    )
    yield Step(
        "Update the normal-mode callers on %s" % counted(following[HAS_CALLERS], "host"),
        "No finding blocks these hosts, but programs on them send normal-mode requests, which fail once tokens are required.",
        following[HAS_CALLERS],
        HAS_CALLERS,
    )
    yield Step(
        "Run the preflight check on %s" % counted(following[NOT_CHECKED], "host"),
        "It has not run yet, so what would break on them is unknown.",
        following[NOT_CHECKED],
        NOT_CHECKED,
        "ansible-playbook alicloud.imds.audit",
    )
    yield Step(
        "Require tokens on %s" % counted(following[READY], "host"),
        "They have no blocking finding and no normal-mode caller.",
        following[READY],
        READY,
        "ansible-playbook alicloud.imds.harden",
    )
    yield Step(
        "Determine the mode of %s" % counted(unknown, "host"),
        "Neither the API nor the host reported it. Check that the hosts are reachable and that the API permissions are complete.",
        unknown,
        UNKNOWN,
    )


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


def _listed(texts: t.Iterable[str], more: int) -> str:
    return "; ".join([*texts, *(["%d more" % more] if more > 0 else [])]) + "."
