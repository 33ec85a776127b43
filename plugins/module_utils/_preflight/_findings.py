# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What does one finding look like, and which ones are waived? Pure; private to the collection."""

from __future__ import annotations

import datetime
import fnmatch
import typing as t

from .._common._utc import parse_date
from ._catalog import BLOCK, CATALOG, NOT_WAIVABLE, WARN

Finding = t.Dict[str, t.Any]
Waiver = t.Mapping[str, t.Any]
# Of one kind; a host with more has one problem, not hundreds.
MOST = 200


def finding(kind: str, detail: str = "", **evidence: t.Any) -> Finding:
    """A finding of *kind*; *detail* says in a sentence what is special about this one, and how sure it is."""
    known = CATALOG[kind]
    return {
        "id": kind,
        "severity": known.severity,
        "title": known.title,
        "detail": detail,
        "evidence": {name: value for name, value in evidence.items() if value is not None},
        "remedy": known.remedy,
        "waived": None,
    }


def bounded(findings: t.Iterable[Finding]) -> t.List[Finding]:
    """The findings without repetition, at most MOST of each kind, and one more that counts what is left out."""
    kept: t.List[Finding] = []
    counts: t.Dict[str, int] = {}
    seen: t.Set[str] = set()
    for one in findings:
        name = repr((one["id"], sorted(one["evidence"].items(), key=str)))
        if name in seen:
            continue
        seen.add(name)
        counts[one["id"]] = counts.get(one["id"], 0) + 1
        if counts[one["id"]] <= MOST:
            kept.append(one)
    return kept + [
        finding("more_of_the_same", finding=kind, count=count - MOST) for kind, count in counts.items() if count > MOST
    ]


def check_waivers(waivers: t.Sequence[Waiver]) -> None:
    """Raise ValueError for a waiver that says not what, why or until when."""
    for place, waiver in enumerate(waivers, 1):
        name = "waiver %d (%s)" % (place, waiver.get("finding"))
        if not str(waiver.get("finding") or "").strip():
            raise ValueError("%s: 'finding' must name a finding, such as python_oss2_plain" % name)
        if not any(fnmatch.fnmatchcase(kind, _kind(waiver)) for kind in CATALOG):
            raise ValueError("%s: no finding has that id; docs/preflight-findings.md lists them" % name)
        if not str(waiver.get("reason") or "").strip():
            raise ValueError("%s: 'reason' must say why the finding may stay" % name)
        _expires(waiver, name)


def apply_waivers(
    findings: t.Sequence[Finding], waivers: t.Sequence[Waiver], host: str, today: datetime.date
) -> t.List[Finding]:
    """The findings, those that are waived marked with the reason; a waiver that is expired or idle becomes a finding."""
    result = [dict(one) for one in findings]
    remarks: t.List[Finding] = []
    for waiver in waivers:
        if not fnmatch.fnmatchcase(host, waiver.get("host") or "*"):
            continue
        matching = [one for one in result if _matches(one, waiver)]
        about: t.Dict[str, t.Any] = {name: waiver.get(name) for name in ("finding", "host", "reason", "expires")}
        if _expires(waiver, "waiver") < today:
            remarks.append(finding("waiver_expired", "", **about))
        elif matching:
            for one in matching:
                one["waived"] = {"reason": waiver["reason"], "expires": waiver["expires"]}
        else:
            remarks.append(finding("waiver_unused", "", **about))
    return result + remarks


def verdict(findings: t.Sequence[Finding]) -> str:
    """The worst severity that is not waived, or 'clear'."""
    open_severities = {one["severity"] for one in findings if not one["waived"]}
    return next((severity for severity in (BLOCK, WARN) if severity in open_severities), "clear")


def _kind(waiver: Waiver) -> str:
    return str(waiver["finding"]).partition(":")[0]


def _matches(one: Finding, waiver: Waiver) -> bool:
    """By id, or by id and path: ``python_*:/opt/app/*``."""
    if one["id"] in NOT_WAIVABLE or not fnmatch.fnmatchcase(one["id"], _kind(waiver)):
        return False
    path = str(waiver["finding"]).partition(":")[2]
    return not path or fnmatch.fnmatchcase(str(one["evidence"].get("path", "")), path)


def _expires(waiver: Waiver, name: str) -> datetime.date:
    """A waiver holds on its last day, too."""
    text = str(waiver.get("expires") or "")
    try:
        return parse_date(text)
    except ValueError:
        raise ValueError("%s: 'expires' must be a date like 2027-01-31, not %r" % (name, text)) from None
