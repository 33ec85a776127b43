# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as CSV: one file of hosts, one of findings, one of what creates instances. No I/O."""

from __future__ import annotations

import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._common._text import csv_line

from . import _future
from ._hosts import normal_mode_callers

HOSTS = (
    *("host", "instance_id", "region_id", "name", "state", "next", "control", "api_http_tokens", "api_http_endpoint"),
    *("api_instance_metadata_tags", "api_verdict", "host_verdict", "block", "warn", "info", "waived"),
    *("normal_mode_callers", "normal_mode_last_seen", "fence", "outcome", "outcome_reason", "batch"),
    *("last_known", "managed"),
)
FINDINGS = (
    *("host", "instance_id", "region_id", "id", "severity", "title", "evidence", "impact", "remedy"),
    *("waiver_holds", "waiver_reason", "waiver_expires"),
)
FUTURE = (*_future.KEYS, "last_known")
Document = t.Mapping[str, t.Any]


def hosts(document: Document) -> str:
    return _written(HOSTS, (_host(it) for it in document["hosts"]))


def findings(document: Document) -> str:
    return _written(FINDINGS, (_finding(host, it) for host in document["hosts"] for it in host["findings"]))


def future(document: Document) -> str:
    part = document["future"] or {"resources": [], "last_known": None}
    rows = ({**it, "last_known": it["last_known"] or part["last_known"]} for it in part["resources"])
    return _written(FUTURE, rows)


def _host(host: Document) -> t.Dict[str, t.Any]:
    view, outcome = host["control_plane"] or {}, host["outcome"] or {}
    callers = normal_mode_callers(host)
    counts = dict.fromkeys(("block", "warn", "info", "waived"), 0)
    for finding in host["findings"]:
        counts["waived" if finding["waiver_holds"] else finding["severity"]] += 1
    return {
        **{key: host[key] for key in ("host", "instance_id", "region_id", "name", "state", "next", "control", "batch")},
        "last_known": host["last_known"],
        "managed": "yes" if host["managed"] else "no",
        **{
            "api_" + key: view.get(key) for key in ("http_tokens", "http_endpoint", "instance_metadata_tags", "verdict")
        },
        **counts,
        "host_verdict": (host["in_guest"] or {}).get("verdict"),
        "normal_mode_callers": len(callers),
        "normal_mode_last_seen": max((it["last_seen"] or "" for it in callers), default=""),
        "fence": (host["fence"] or {}).get("mode"),
        "outcome": outcome.get("result"),
        "outcome_reason": outcome.get("reason"),
    }


def _finding(host: Document, finding: Document) -> t.Dict[str, t.Any]:
    waived = finding["waived"] or {}
    return {
        **{key: host[key] for key in ("host", "instance_id", "region_id")},
        **{key: finding[key] for key in ("id", "severity", "title", "evidence", "impact", "remedy")},
        "waiver_holds": "yes" if finding["waiver_holds"] else "no",
        "waiver_reason": waived.get("reason"),
        "waiver_expires": waived.get("expires"),
    }


def _written(columns: t.Sequence[str], rows: t.Iterable[t.Mapping[str, t.Any]]) -> str:
    return "".join([csv_line(columns), *(csv_line([row[column] for column in columns]) for row in rows)])
