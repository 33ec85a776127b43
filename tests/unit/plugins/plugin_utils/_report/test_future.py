# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Future instances: what a run could not read stays in the report, is named everywhere, and is never clear."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.alicloud.imds.plugins.plugin_utils._report import _csv, _future, _language, _sarif, _words
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._document import document
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._page import page

from .entries import HOSTILE, made

NOW = "2026-11-25T09:30:00Z"
FAILED = {"region_id": "far", "error": "Connection refused (gave up after 8 tries in 23 s)"}


def row(ident: str = "lt-1", region: str = "near", verdict: str = "optional", **more: Any) -> dict[str, Any]:
    return {"kind": "launch_template", "id": ident, "region_id": region, "version": 1, "verdict": verdict, **more}


def unread(kind: str, region: str) -> dict[str, Any]:
    reason = (
        "The resources of this kind could not be read. Forbidden.RAM. RequestId: F6FFD128-6AB0-4195-9E9A-BA51B9BE45E0"
    )
    return {"kind": kind, "id": None, "region_id": region, "verdict": "unknown", "reason": reason}


def report(given: Any, before: dict[str, Any] | None = None) -> dict[str, Any]:
    return {**made(), "future": _future.future(given, before), "generated_at": NOW}


def places(part: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    return [(it["region_id"], it["id"], it["last_known"]) for it in part["resources"]]


def lines(given: dict[str, Any]) -> list[str]:
    return _future.summary(given["future"], _language.ENGLISH, _words.time)


BEFORE = report(
    {"resources": [row(), row("lt-2", "far"), row("asc-1", "far", kind="scaling_configuration"), row("lt-3", "far")]}
)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"resources": [row()], "failed_regions": [FAILED]}, {"lt-2", "lt-3", "asc-1"}),
        ({"resources": [row(), unread("launch_template", "far")]}, {"lt-2", "lt-3"}),
        ({"resources": [unread("scaling_configuration", "far")]}, {"asc-1"}),
        ({"resources": [row("lt-2", "far", version=7)], "failed_regions": [FAILED]}, {"lt-3", "asc-1"}),
        ({"failed": True, "msg": "No credentials"}, {"lt-1", "lt-2", "lt-3", "asc-1"}),
        ("text", {"lt-1", "lt-2", "lt-3", "asc-1"}),
        ({"resources": [row()]}, set()),
        ({"resources": [unread("image", "far"), unread("launch_template", "near")]}, {"lt-1"}),
    ],
)
def test_resources_that_could_not_be_read_are_kept_with_the_time(given: Any, kept: set[str]) -> None:
    after = report(given, BEFORE)
    assert {it["id"] for it in after["future"]["resources"] if it["last_known"] == NOW} == kept
    assert after["future"]["totals"]["optional"] == len(after["future"]["resources"])
    assert after["future"]["last_known"] is None
    # and by the next run that cannot read them, with the same time
    again = report(given, {**after, "generated_at": "2026-11-26T09:30:00Z"})
    assert again["future"] == after["future"]
    skipped = report(None, {**after, "generated_at": "2026-11-26T09:30:00Z"})
    assert places(skipped["future"]) == places(after["future"])
    assert skipped["future"]["last_known"] == "2026-11-26T09:30:00Z"


def test_a_resource_that_was_removed_is_not_kept() -> None:
    after = report({"resources": [row("lt-4", "far")]}, BEFORE)
    assert places(after["future"]) == [("far", "lt-4", None)]
    forged = {"resources": [row("lt-5", "far", last_known=NOW)]}
    assert places(report(forged, BEFORE)["future"]) == [("far", "lt-5", None)]


def test_each_form_shows_what_was_kept() -> None:
    after = report({"resources": [], "failed_regions": [FAILED]}, BEFORE)
    assert _csv.future(after).count('"2026-11-25T09:30:00Z"') == 3
    assert page(after).count("last known on 2026-11-25 09:30") == 3
    (run,) = json.loads(_sarif.sarif(after))["runs"]
    levels = {it["partialFingerprints"]["hostFinding/v1"]: it["level"] for it in run["results"]}
    assert sorted(levels.values()) == ["error", "error", "error", "none"]
    (before,) = json.loads(_sarif.sarif(BEFORE))["runs"]
    # of the three that were kept: code scanning neither closes their alerts nor opens new ones
    common = levels.keys() & {it["partialFingerprints"]["hostFinding/v1"] for it in before["results"]}
    assert len(common) == 3


def test_what_differs_from_run_to_run_is_no_difference() -> None:
    """A second report with other request IDs and times would hide what changed before it."""
    given = {"resources": [unread("launch_template", "far")], "failed_regions": [FAILED]}
    first, _differs = document("t", [], NOW, None, future=_future.future(given, None))
    text = json.dumps(given).replace("F6FFD128", "AAAAAAAA").replace("8 tries in 23 s", "9 tries in 21 s")
    _second, differs = document("t", [], NOW, first, future=_future.future(json.loads(text), first))
    assert text != json.dumps(given) and not differs
    assert first["future"]["failed_regions"] == [{"region_id": "far", "error": "Connection refused"}]


def test_the_summary_for_a_terminal() -> None:
    assert lines(report(None)) == []
    assert lines(report({"resources": [row(), row("lt-2", verdict="compliant")]})) == [
        *("", "Future instances"),
        "   1 of 2 resources create instances that accept normal-mode requests, or may do so.",
    ]
    shown = lines(report({"resources": [], "failed_regions": [FAILED], "errors": [HOSTILE, *map(str, range(9))]}))
    assert shown[3:5] == ["   Not everything could be read, so there may be others:", "   far: Connection refused"]
    assert len(shown) == 10 and shown[-1] == "and 6 more" and all(it.isprintable() for it in shown)
    assert lines(report(None, BEFORE))[1] == "Future instances (last known on 2026-11-25 09:30)"


def test_a_long_name_does_not_hide_version_and_verdict() -> None:
    part = _future.future({"resources": [row("i" * 9000, name="n" * 9000)]}, None)
    assert part is not None
    label = _future.label(part["resources"][0])
    assert label.endswith("... version 1") and len(label) < 200


def test_what_exceeds_the_limit_is_named_and_never_a_failing_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_future, "MOST", 3)
    resources = [row(f"lt-{number}", verdict="compliant") for number in range(4)] + [row("lt-bad")]
    part = _future.future({"resources": resources, "errors": [f"error {number}" for number in range(5)]}, None)
    assert part is not None
    assert [it["id"] for it in part["resources"]] == ["lt-bad", "lt-0", "lt-1"]
    assert part["errors"][-2:] == [
        "2 errors were omitted from the report.",
        "2 resources were omitted from the report.",
    ]
    earlier = {"generated_at": "2026-01-01T00:00:00Z", "future": part}
    down = {
        "resources": [row(f"lt-far-{number}", "far") for number in range(3)],
        "failed_regions": [{"region_id": "near", "error": "x"}],
    }
    merged = _future.future(down, earlier)
    assert merged is not None
    assert len(merged["resources"]) == 3 and "3 resources were omitted from the report." in merged["errors"]
