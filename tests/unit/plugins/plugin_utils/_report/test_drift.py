# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What changed since the last report."""

from __future__ import annotations

import json

import pytest
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._document import document, dumped, loaded

from .entries import NOW, entries, finding, host, made

pytestmark = pytest.mark.slow

LATER = "2026-11-25T09:30:00Z"


def drift(before: list[dict], after: list[dict]) -> dict:
    found = made(*after, before=loaded(dumped(made(*before))), now=LATER)["drift"]
    return {key: value for key, value in found.items() if value}


OLD = {"id": "old", "severity": "block", "title": "Too old"}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([host("a")], [host("a"), host("b")], {"new_hosts": ["b"]}),
        ([host("a"), host("b")], [host("a")], {"vanished_hosts": ["b"]}),
        (
            [host(control="optional", guest="optional")],
            [host(control="required", guest="required")],
            {
                "changed_modes": [
                    {"host": "web1", "view": "control_plane", "before": "optional", "after": "required"},
                    {"host": "web1", "view": "in_guest", "before": "optional", "after": "required"},
                ]
            },
        ),
        # a host that could not be reached this time has not changed its mode
        ([host(guest="optional")], [host(guest="unreachable")], {}),
        ([host(findings=[])], [host(findings=[finding()])], {"new_findings": [{"host": "web1", **OLD}]}),
        ([host(findings=[finding()])], [host(findings=[])], {"solved_findings": [{"host": "web1", **OLD}]}),
        # not looked at is not solved, and what was never looked for is not new
        ([host(findings=[finding()])], [host()], {}),
        ([host()], [host(findings=[finding()])], {}),
        # other evidence of the same finding is nothing new
        ([host(findings=[finding()])], [host(findings=[finding(evidence="0.2")])], {}),
        (
            [host(findings=[])],
            [host("other", findings=[finding()])],
            {"new_hosts": ["other"], "vanished_hosts": ["web1"]},
        ),
    ],
)
def test_drift(before, after, expected) -> None:
    assert drift(before, after) == {"since": NOW, **expected}


def test_a_new_disagreement_is_a_new_finding_even_unchecked() -> None:
    found = drift([host(control="required", guest="required")], [host(control="required", guest="optional")])
    assert [it["id"] for it in found["new_findings"]] == ["views_disagree"]


def test_the_first_report_is_compared_with_nothing() -> None:
    assert made(host())["drift"] is None


def test_the_same_again_keeps_what_changed_before() -> None:
    first = made(host("a"))
    second = made(host("a"), host("b"), before=first, now=LATER)
    third, differs = document("Fleet", entries([host("a"), host("b")]), "2026-11-26T00:00:00Z", loaded(dumped(second)))
    assert not differs and third["drift"] == second["drift"] and third["generated_at"] == "2026-11-26T00:00:00Z"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no"),
        ("[]", "no"),
        ("{}", "no"),
        ('{"format": 3}', "format 3"),
        ('{"format": 1, "generated_at": "x", "drift": null, "hosts": [{"host": "a"}]}', "no"),
        ("\x00", "no"),
    ],
)
def test_what_is_no_report_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match="format 3" if problem == "format 3" else "is not a fleet report"):
        loaded(text)


def test_a_report_of_format_1_can_be_compared() -> None:
    before = loaded(dumped(dict(made(host(findings=[finding()])), format=1)))
    assert made(host(findings=[]), before=before, now=LATER)["drift"]["solved_findings"] == [{"host": "web1", **OLD}]


def test_the_json_form_says_its_version() -> None:
    report = json.loads(dumped(made(host())))
    assert report["format"] == 2
    assert set(report) == {
        "format",
        "generated_at",
        "title",
        "control",
        "totals",
        "regions",
        "hosts",
        "future",
        "drift",
    }
