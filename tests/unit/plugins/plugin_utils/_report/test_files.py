# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSV and JUnit: complete, and well-formed whatever the texts are."""

from __future__ import annotations

import csv
import io
from xml.etree import ElementTree

import pytest
from ansible_collections.alicloud.imds.plugins.plugin_utils._report import _csv
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._junit import junit
from hypothesis import given, settings

from .entries import HOSTILE, finding, host, made, sample

pytestmark = pytest.mark.slow

RULE = "ecs-instance-meta-data-mode-check"


def cases(report: dict) -> dict[tuple[str, str], str]:
    """(host, check) -> failure, skipped, system-out or passed."""
    found = {}
    for case in ElementTree.fromstring(junit(report)).iter("testcase"):
        found[case.get("classname"), case.get("name")] = case[0].tag if len(case) else "passed"
    return found


def test_junit_fails_what_is_non_compliant_or_blocks() -> None:
    waived = finding("lib", waived={"reason": "Replaced soon", "expires": "2030-01-01"})
    report = made(
        host("a", "required", findings=[]),
        host("b", "optional", findings=[finding("lib"), finding("note", "warn")]),
        host("c", "optional", findings=[waived]),
        host("d"),
    )
    assert cases(report) == {
        ("a", RULE): "passed",
        ("a", "lib"): "passed",
        ("a", "note"): "passed",
        ("a", "views_disagree"): "passed",
        ("b", RULE): "failure",
        ("b", "lib"): "failure",
        ("b", "note"): "system-out",
        ("b", "views_disagree"): "passed",
        ("c", RULE): "failure",
        ("c", "lib"): "skipped",
        ("c", "note"): "passed",
        ("c", "views_disagree"): "passed",
        ("d", RULE): "skipped",
        ("d", "lib"): "skipped",
        ("d", "note"): "skipped",
        ("d", "views_disagree"): "skipped",
    }


def test_junit_has_a_suite_per_region_and_counts() -> None:
    far = dict(host("far", "optional", findings=[finding()]), region_id="us-west-1")
    root = ElementTree.fromstring(junit(made(host("a", "required", findings=[]), far)))
    assert root.tag == "testsuites" and [it.get("name") for it in root] == ["cn-hangzhou", "us-west-1"]
    assert {name: root[1].get(name) for name in ("tests", "failures", "skipped", "errors", "timestamp")} == {
        "tests": "3",
        "failures": "2",
        "skipped": "0",
        "errors": "0",
        "timestamp": "2026-11-24T09:30:00",
    }
    failure = root[1].find(".//testcase[@name='old']/failure")
    assert failure.get("message") == "block: Too old" and failure.text.endswith("0.1\nUpgrade.")


def test_csv_has_a_row_per_host_and_per_finding() -> None:
    report = made(*sample.fleet(50, 0.5))
    hosts = list(csv.DictReader(io.StringIO(_csv.hosts(report))))
    findings = list(csv.DictReader(io.StringIO(_csv.findings(report))))
    assert [it["host"] for it in hosts] == [it["host"] for it in report["hosts"]]
    assert len(findings) == sum(report["totals"]["findings"].values()) > 10
    assert {it["state"] for it in hosts} >= {"non_compliant", "compliant"}


def hostile(text: str) -> dict:
    return {
        **dict.fromkeys(("host", "instance_id", "region_id", "name", "batch"), text),
        "control_plane": {"http_tokens": "optional", "reason": text},
        "in_guest": {"verdict": "optional", "problems": [text]},
        "findings": [{"id": text, "severity": "block", "title": text, "evidence": text, "remedy": text}],
        "callers": [{"mode": "normal_mode", **dict.fromkeys(("user", "exe", "unit", "path_class", "last_seen"), text)}],
        "fence": {"mode": "audit", "counters": {text: text}},
        "outcome": {"result": "failed", "reason": text},
    }


@settings(max_examples=50)
@given(HOSTILE)
def test_hostile_texts_harm_no_file(text: str) -> None:
    report = made(hostile(text))
    ElementTree.fromstring(junit(report).encode())
    for written in (_csv.hosts(report), _csv.findings(report)):
        rows = list(csv.reader(io.StringIO(written.encode().decode())))
        assert len(rows) == 2 and len(rows[0]) == len(rows[1])
        assert not any(cell[:1] in tuple("=+-@\t\r") for cell in rows[1] if cell)
