# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as JUnit XML for CI systems: a suite per region, a case per host and check. No I/O.

Failed: non-compliant hosts, and findings that block. Skipped: what is exempt, waived or was not checked.
"""

from __future__ import annotations

import itertools
import typing as t
from xml.etree import ElementTree

from ansible_collections.alicloud.imds.plugins.module_utils._common._text import printable

from ._document import CONTROL
from ._hosts import EXEMPT, NON_COMPLIANT, UNKNOWN, is_blocking
from ._views import DISAGREE

Document = t.Mapping[str, t.Any]
_Result = t.Tuple[str, str]  # "failure", "skipped", "system-out" or "" for passed; a text
_NON_COMPLIANT = "The metadata service accepts normal-mode requests, which carry no token."


def junit(document: Document) -> str:
    checks = sorted({it["id"] for host in document["hosts"] for it in host["findings"]} | {DISAGREE})
    root = ElementTree.Element("testsuites", {"name": printable(document["title"])})
    by_region = sorted(document["hosts"], key=lambda it: it["region_id"] or "")
    for region, hosts in itertools.groupby(by_region, key=lambda it: it["region_id"] or ""):
        suite = ElementTree.SubElement(root, "testsuite", {"name": printable(region) or "no region"})
        for host in hosts:
            _add_case(suite, host, CONTROL["id"], _compliance(host))
            for check in checks:
                _add_case(suite, host, check, _check(host, check))
        _count(suite, document["generated_at"])
    _count(root, None)
    return "<?xml version='1.0' encoding='utf-8'?>\n%s\n" % ElementTree.tostring(root, encoding="unicode")


def _compliance(host: Document) -> _Result:
    if host["state"] == NON_COMPLIANT:
        return "failure", _NON_COMPLIANT
    if host["state"] == EXEMPT:
        return "skipped", "Exempt: %s" % ((host["control_plane"] or {}).get("reason") or "no reason given")
    if host["state"] == UNKNOWN:
        return "skipped", "Neither the API nor the host reported a mode."
    if host["last_known"]:
        return "skipped", "Not examined in this run. The last known state is %s, of %s." % (
            host["state"],
            host["last_known"],
        )
    return "", ""


def _check(host: Document, check: str) -> _Result:
    found = [it for it in host["findings"] if it["id"] == check]
    if not found:
        unknown = host["mode"] == UNKNOWN if check == DISAGREE else not host["checked"]
        return ("skipped", "Not checked.") if unknown else ("", "")
    text = "\n\n".join(_described(it) for it in found)
    if any(is_blocking(it) for it in found):
        return "failure", text
    return "skipped" if all(it["waiver_holds"] for it in found) else "system-out", text


def _described(finding: Document) -> str:
    waived = finding["waived"]
    lines = ["%s: %s" % (finding["severity"], finding["title"])]
    lines += [finding[key] for key in ("evidence", "impact", "remedy")]
    if waived:
        until = "Waived until" if finding["waiver_holds"] else "The waiver expired on"
        lines.append("%s %s: %s" % (until, waived["expires"], waived["reason"]))
    return "\n".join(filter(None, lines))


def _add_case(suite: ElementTree.Element, host: Document, check: str, result: _Result) -> None:
    names = {"classname": printable(host["host"]), "name": printable(check)}
    case = ElementTree.SubElement(suite, "testcase", names)
    kind, text = result
    if not kind:
        return
    shown = printable(text, keep="\n")
    if kind == "system-out":
        ElementTree.SubElement(case, kind).text = shown
        return
    element = ElementTree.SubElement(case, kind, {"message": shown.split("\n")[0]})
    element.text = shown


def _count(element: ElementTree.Element, timestamp: t.Optional[str]) -> None:
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped")):
        element.set(name, str(sum(1 for _it in element.iter(tag))))
    element.set("errors", "0")
    if timestamp:
        element.set("timestamp", timestamp.rstrip("Z"))
