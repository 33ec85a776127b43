# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create, bound and waive findings. No I/O."""

import datetime
import fnmatch
import typing as t

from .._common._utc import parse_date
from ._catalog import BLOCK, CATALOG, INFO, NOT_WAIVABLE, SEVERITIES, WARN

Finding = t.Dict[str, t.Any]
Waiver = t.Mapping[str, t.Any]
# Findings of one kind that are listed.
MAX_OF_A_KIND = 200


def finding(kind: str, detail: str = "", **evidence: t.Any) -> Finding:
    """Return a finding of *kind* with the *evidence* that is not None.

    *detail* is a sentence about this finding alone, such as how certain it is.
    """
    entry = CATALOG[kind]
    return {
        "id": kind,
        "severity": entry.severity,
        "title": entry.title,
        "detail": detail,
        "evidence": {name: value for name, value in evidence.items() if value is not None},
        "impact": entry.impact,
        "remedy": entry.remedy,
        "waived": None,
    }


def bounded(findings: t.Iterable[Finding]) -> t.List[Finding]:
    """Return the findings, at most MAX_OF_A_KIND of each kind, and one for each kind that counts those omitted.

    Apply waivers first: waived findings are omitted before others, and omitted findings count with their severity.
    """
    kept: t.List[Finding] = []
    counts: t.Dict[str, int] = {}
    omitted: t.Dict[str, t.List[Finding]] = {}
    for one in sorted(findings, key=lambda one: (bool(one["waived"]), SEVERITIES.index(one["severity"]))):
        counts[one["id"]] = counts.get(one["id"], 0) + 1
        if counts[one["id"]] <= MAX_OF_A_KIND:
            kept.append(one)
        else:
            omitted.setdefault(one["id"], []).append(one)
    return kept + [_truncated(kind, those) for kind, those in omitted.items()]


def distinct(findings: t.Iterable[Finding]) -> t.List[Finding]:
    """Return the findings without repetitions."""
    kept: t.Dict[str, Finding] = {}
    for one in findings:
        kept.setdefault(repr((one["id"], sorted(one["evidence"].items(), key=str))), one)
    return list(kept.values())


def _truncated(kind: str, omitted: t.Sequence[Finding]) -> Finding:
    """Return the finding about *omitted* findings of one kind, with the worst severity of those that are not waived."""
    unwaived = [one["severity"] for one in omitted if not one["waived"]]
    severity = min(unwaived, key=SEVERITIES.index) if unwaived else INFO
    return {**finding("findings_truncated", finding=kind, count=len(omitted)), "severity": severity}


def check_waivers(waivers: t.Sequence[Waiver]) -> None:
    """Raise ValueError for a waiver without a valid finding, reason or date."""
    for place, waiver in enumerate(waivers, 1):
        name = "waiver %d (%s)" % (place, waiver.get("finding"))
        if not str(waiver.get("finding") or "").strip():
            raise ValueError("%s: 'finding' is empty. Name a finding ID, such as python_oss2_normal_mode." % name)
        if not any(fnmatch.fnmatchcase(kind, _kind(waiver)) for kind in CATALOG):
            import difflib  # only here, because it is not needed otherwise

            near = difflib.get_close_matches(_kind(waiver), CATALOG, 1)
            hint = "Did you mean %s? " % near[0] if near else ""
            raise ValueError("%s: no finding has this ID. %sdocs/preflight-findings.md lists all IDs." % (name, hint))
        if not str(waiver.get("reason") or "").strip():
            raise ValueError("%s: 'reason' is empty. Give the reason for the waiver." % name)
        _expires(waiver, name)


def apply_waivers(
    findings: t.Sequence[Finding], waivers: t.Sequence[Waiver], host: str, today: datetime.date
) -> t.List[Finding]:
    """Return the findings, waived ones marked with reason and date, and a finding for each expired or unused waiver."""
    result = [dict(one) for one in findings]
    waiver_findings: t.List[Finding] = []
    for waiver in waivers:
        if not fnmatch.fnmatchcase(host, waiver.get("host") or "*"):
            continue
        matching = [one for one in result if _matches(one, waiver)]
        evidence: t.Dict[str, t.Any] = {name: waiver.get(name) for name in ("finding", "host", "reason", "expires")}
        if _expires(waiver, "waiver") < today:
            waiver_findings.append(finding("waiver_expired", "", **evidence))
        elif matching:
            for one in matching:
                one["waived"] = {"reason": waiver["reason"], "expires": waiver["expires"]}
        else:
            waiver_findings.append(finding("waiver_unused", "", **evidence))
    return result + waiver_findings


def verdict(findings: t.Sequence[Finding]) -> str:
    """Return the worst severity among findings that are not waived: block or warn, else 'clear'."""
    severities = {one["severity"] for one in findings if not one["waived"]}
    return next((severity for severity in (BLOCK, WARN) if severity in severities), "clear")


def _kind(waiver: Waiver) -> str:
    """Return the pattern of finding IDs."""
    return str(waiver["finding"]).partition(":")[0]


def _matches(one: Finding, waiver: Waiver) -> bool:
    """Return whether a waiver covers a finding, by ID, or by ID and path: ``python_*:/opt/app/*``."""
    if one["id"] in NOT_WAIVABLE or not fnmatch.fnmatchcase(one["id"], _kind(waiver)):
        return False
    path = str(waiver["finding"]).partition(":")[2]
    return not path or fnmatch.fnmatchcase(str(one["evidence"].get("path", "")), path)


def _expires(waiver: Waiver, name: str) -> datetime.date:
    """Return the last day of a waiver; raise ValueError for an invalid date."""
    text = str(waiver.get("expires") or "")
    try:
        return parse_date(text)
    except ValueError:
        raise ValueError("%s: 'expires' is %r. Use a date such as 2027-01-31." % (name, text)) from None
