# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conditions under which a pipeline fails, and which of them a report meets. What is unknown meets a condition. No I/O."""

from __future__ import annotations

import difflib
import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._common._text import one_line, printable
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._catalog import CATALOG

from . import _future
from ._hosts import COMPLIANT, DISABLED, NON_COMPLIANT, UNKNOWN
from ._text import counted
from ._validation import DERIVED
from ._views import DISAGREE

Document = t.Mapping[str, t.Any]
Hosts = t.List[Document]
DRIFT, FUTURE, FINDING = "drift", "future", "finding:"
SIMPLE = (DRIFT, NON_COMPLIANT, FUTURE)
FINDINGS = (*CATALOG, DISAGREE, *(it["id"] for it in DERIVED))
_SHOWN = 5
_LONGEST = 200  # characters of a name or of an error


def check(conditions: t.Iterable[str]) -> None:
    """Raise ValueError for a condition that does not exist; the message suggests a similar one."""
    known = [*SIMPLE, *(FINDING + it for it in FINDINGS)]
    for given in conditions:
        if given in known:
            continue
        similar = difflib.get_close_matches(given, known, 1) or difflib.get_close_matches(FINDING + given, known, 1)
        hint = " Did you mean %s?" % similar[0] if similar else ""
        text = "%s is not a condition.%s Conditions are %s and finding:ID, with an ID of docs/preflight-findings.md."
        raise ValueError(text % (one_line(repr(given), _LONGEST), hint, ", ".join(SIMPLE)))


def met(document: Document, conditions: t.Iterable[str], first: bool) -> t.List[str]:
    """Return a message for each of the *conditions* that the report meets. *first*: there was no report before."""
    hosts = [it for it in document["hosts"] if it["in_run"] or not (it["managed"] or it["last_known"])]
    found = ((condition, _reasons(condition, document, hosts, first)) for condition in dict.fromkeys(conditions))
    return [printable("%s: %s." % (condition, "; ".join(reasons))) for condition, reasons in found if reasons]


def _reasons(condition: str, document: Document, hosts: Hosts, first: bool) -> t.List[str]:
    if condition == FUTURE:
        return _of_future(document["future"])
    if condition == DRIFT and first:
        return ["there was no earlier report to compare with; keep the folder of the report between runs"]
    if condition.startswith(FINDING):
        return _of_finding(condition[len(FINDING) :], [it for it in hosts if it["managed"]])
    if condition == DRIFT:
        hosts = [
            it for it in hosts if it["was_compliant"] or (it["last_known"] and it["state"] in (COMPLIANT, DISABLED))
        ]
        bad = "tokens were required in an earlier report, and normal-mode requests are accepted now, by %s"
    else:
        bad = "normal-mode requests are accepted by %s"
    failing = [it for it in hosts if it["state"] == NON_COMPLIANT]
    unknown = [it for it in hosts if _unknown(it)]
    return _lines((bad, failing), ("the mode of %s is unknown", unknown))


def _unknown(host: Document) -> bool:
    """Return whether this run did not find out the mode. A last known state is none, unless it is non-compliant."""
    return host["state"] == UNKNOWN or bool(host["last_known"] and host["state"] != NON_COMPLIANT)


def _of_finding(finding_id: str, hosts: Hosts) -> t.List[str]:
    bad = [it for it in hosts if any(f["id"] == finding_id and not f["waiver_holds"] for f in it["findings"])]
    unknown = [it for it in hosts if it not in bad and (it["last_known"] or not it["checked"])]
    return _lines(("the finding is on %s", bad), ("the preflight check has no results of %s", unknown))


def _of_future(part: t.Optional[Document]) -> t.List[str]:
    if part is None or part["last_known"]:
        return [
            "this run did not read the launch templates, scaling configurations and images; in the audit, set imds_regions"
        ]
    rows, unread = _future.failing(part), _future.unread(part)
    labels = ["%s %s" % (_future.label(it), _future.WORDS[it["verdict"]]) for it in rows]
    found = ["%s: %s" % (counted(len(rows), "resource"), _some(labels))] if rows else []
    return found + (["not everything could be read: %s" % _some(unread)] if unread else [])


def _lines(*groups: t.Tuple[str, Hosts]) -> t.List[str]:
    return [
        "%s (%s)" % (text % counted(len(hosts), "host"), _some([it["host"] for it in hosts]))
        for text, hosts in groups
        if hosts
    ]


def _some(texts: t.Sequence[str]) -> str:
    more = ["%s more" % format(len(texts) - _SHOWN, ",")] if len(texts) > _SHOWN else []
    return ", ".join([*(one_line(it.rstrip("."), _LONGEST) for it in texts[:_SHOWN]), *more])
