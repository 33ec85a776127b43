# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that were not part of a run keep their last known data, read back from the report before as hostile input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ansible_collections.alicloud.imds.plugins.action.report import validate
from ansible_collections.alicloud.imds.plugins.plugin_utils._report import _report, _validation, _writer
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._text import cut
from hypothesis import given, settings
from hypothesis import strategies as st

from .entries import HOSTILE, finding
from .test_validation import LISTS

pytestmark = pytest.mark.slow

FIRST, SECOND, THIRD = "2026-11-24T09:30:00Z", "2026-11-25T09:30:00Z", "2026-11-26T09:30:00Z"
ACK = {"http_tokens": "optional", "http_endpoint": "enabled", "verdict": "exempt", "reason": "It is an ACK node."}
CALLER = {"mode": "normal_mode", "uid": 33, "comm": "curl", "count": 3, "last_seen": "2026-11-20T08:00:00Z"}
LONG = {"id": "made_up", "severity": "block", "title": "T", "evidence": "e" * 5000}
OPEN: dict[str, Any] = {"in_guest": {"verdict": "optional"}, "control_plane": {"http_tokens": "optional"}}
TEN: list[dict[str, Any]] = [
    *({"host": f"open{number}", **OPEN, "instance_id": f"i-{number}", "findings": []} for number in range(4)),
    {"host": "blocked", **OPEN, "findings": [finding("script_normal_mode"), LONG], "callers": [CALLER]},
    {"host": "ack", "in_guest": {"verdict": "optional"}, "control_plane": ACK, "findings": []},
    {"host": "bad", **OPEN, "findings": [7], "callers": "x"},
    *({"host": f"done{number}", "in_guest": {"verdict": "required"}} for number in range(3)),
]
NAMES = [it["host"] for it in TEN]


class Folder:
    """A folder with a report, to which runs are added."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, hosts: list[Any], now: str = SECOND, **more: Any) -> dict[str, Any]:
        params = {
            "path": str(self.path),
            "title": "t",
            "mode": "0600",
            "language": "en",
            **LISTS,
            "inventory": NAMES,
            **more,
        }
        result = _report.report({**params, "hosts": hosts}, now, False, validate)
        made: dict[str, Any] = json.loads((self.path / "report.json").read_text())
        return {**made, "result": result, "by_name": {it["host"]: it for it in made["hosts"]}}

    def change(self, **keys: Any) -> None:
        """Change keys of the first host in the stored report."""
        made = json.loads((self.path / "report.json").read_text())
        made["hosts"][0].update(keys)
        (self.path / "report.json").write_text(json.dumps(made))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "report")
    first = made.run(TEN, FIRST)
    assert all(it["last_known"] is None for it in first["hosts"])
    return made


def test_a_limited_run_keeps_every_host_with_its_date(folder: Folder) -> None:
    before = {it["host"]: it for it in json.loads((folder.path / "report.json").read_text())["hosts"]}
    hardened = {"host": "open0", "instance_id": "i-0", "in_guest": {"verdict": "required"}}
    after = folder.run([hardened], skipped=["open1"], unreachable=["open2"])
    assert list(after["by_name"]) == sorted(NAMES) and after["totals"]["last_known"] == 9
    assert after["totals"]["states"]["non_compliant"] == 5 and after["by_name"]["open0"]["state"] == "compliant"
    for name in set(NAMES) - {"open0", "open1", "open2", "bad"}:
        assert after["by_name"][name] == {**before[name], "last_known": FIRST, "in_run": False}
    assert [line.split()[0] for line in after["result"]["table"]] == ["HOST", "open2", "open1", "open0"]
    for name, how in (("open1", "skipped"), ("open2", "unreachable")):
        kept = after["by_name"][name]
        assert (kept["state"], kept["last_known"], kept["outcome"]["result"]) == ("non_compliant", FIRST, how)
    assert after["drift"]["vanished_hosts"] == [] and after["drift"]["solved_findings"] == []
    page = (folder.path / "report.html").read_text()
    assert "<strong>5 of 10 hosts</strong>" in page and "by the last known state of 9 hosts" in page
    assert page.count("last known on 2026-11-24 09:30") == 9
    third = folder.run([hardened], THIRD, skipped=["open1"], unreachable=["open2"])
    assert third["hosts"] == after["hosts"] and not third["result"]["changed"], "dates of the last known data stay"


def test_a_host_that_failed_before_it_was_examined_keeps_its_data(folder: Folder) -> None:
    failed = {"host": "open0", "outcome": {"result": "failed", "reason": "No settings."}}
    made = folder.run([failed])
    host = made["by_name"]["open0"]
    assert (host["state"], host["last_known"], host["outcome"]["reason"]) == ("non_compliant", FIRST, "No settings.")
    assert made["result"]["table"][1].endswith("No settings.")


def test_a_part_that_was_invalid_stays_invalid(folder: Folder) -> None:
    kept = folder.run([])["by_name"]["bad"]
    assert [it["id"] for it in kept["findings"]] == [_validation.NOT_UNDERSTOOD]
    assert not kept["checked"] and kept["next"] == "blocked" and {"findings", "callers"} <= set(kept["not_understood"])


def test_a_host_that_left_the_inventory_leaves_the_report(folder: Folder) -> None:
    after = folder.run([], inventory=["ack"])
    assert list(after["by_name"]) == ["ack"] and "open0" in after["drift"]["vanished_hosts"]


def test_a_last_known_host_is_not_passed_in_ci(folder: Folder) -> None:
    folder.run([])
    cases = ElementTree.parse(folder.path / "junit.xml").getroot().iter("testcase")
    rule = {it.get("classname"): it[0] for it in cases if it.get("name") == "ecs-instance-meta-data-mode-check"}
    assert rule["done0"].tag == "skipped" and "compliant, of 2026-11-24" in str(rule["done0"].text)
    assert rule["open0"].tag == "failure"


@pytest.mark.parametrize("view", [None, {"http_tokens": "optional", "http_endpoint": "enabled"}])
def test_an_exempt_host_stays_exempt_after_a_run_without_a_verdict(folder: Folder, view: Any) -> None:
    host = folder.run([{"host": "ack", "in_guest": {"verdict": "optional"}, "control_plane": view}])["by_name"]["ack"]
    assert (host["state"], host["last_known"]) == ("exempt", None)
    assert host["control_plane"]["reason"] == "It is an ACK node."
    fresh = {"host": "ack", "in_guest": {"verdict": "optional"}, "control_plane": {"verdict": "optional"}}
    assert folder.run([fresh])["by_name"]["ack"]["state"] == "non_compliant"
    done = {"host": "ack", "in_guest": {"verdict": "required"}}
    assert folder.run([done])["by_name"]["ack"]["state"] == "compliant"


def test_a_host_without_any_data_stays_unknown(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "report")
    folder.run([], FIRST, unreachable=["new"], inventory=["new"])
    host = folder.run([], inventory=["new"])["by_name"]["new"]
    assert (host["state"], host["last_known"]) == ("unknown", None)


ROWS = [
    {
        "instance_id": "i-0",
        "region_id": "cn-a",
        "name": "n",
        "options": {"http_tokens": "optional"},
        "verdict": "optional",
    },
    {
        "instance_id": "i-forgotten",
        "region_id": "cn-b",
        "name": "old",
        "options": None,
        "verdict": "optional",
        "reason": None,
    },
    7,
    {"instance_id": ["i"]},
]


def test_instances_of_the_account_that_no_host_is_are_not_managed(folder: Folder) -> None:
    made = folder.run(TEN, instances=ROWS)
    found = [it for it in made["hosts"] if not it["managed"]]
    assert [(it["host"], it["state"], it["next"]) for it in found] == [("i-forgotten", "non_compliant", "not_managed")]
    steps = "\n".join(made["result"]["next_steps"])
    assert "Add 1 instance to the inventory: i-forgotten" in steps
    assert "6 hosts without a known instance ID may be among them." in steps
    assert made["totals"]["not_managed"] == 1 and "i-forgotten" not in "\n".join(made["result"]["table"])
    kept = folder.run(TEN, THIRD)["by_name"]["i-forgotten"]
    assert (kept["last_known"], kept["managed"]) == (SECOND, False), "this run did not read the account"
    assert "i-forgotten" in folder.run(TEN, instances=[], unread_regions=["cn-b"])["by_name"]
    assert "i-forgotten" not in folder.run(TEN, instances=[])["by_name"]


def test_a_limited_run_does_not_call_known_hosts_unmanaged(folder: Folder) -> None:
    assert folder.run([], instances=ROWS[:1])["totals"]["not_managed"] == 0


@pytest.mark.parametrize(
    "keys",
    [
        {"host": 7},
        {"host": ["a"]},
        {"control_plane": {"verdict": ["x"]}},
        {"control_plane": "x"},
        {"in_guest": {"verdict": 7}},
        {"findings": [{"id": "a", "severity": "block", "title": ["x"]}]},
        {"checked": "yes"},
        {"last_known": 7},
        {"not_understood": 7},
        {"region_id": {}},
    ],
)
def test_a_report_that_cannot_be_compared_is_an_error(folder: Folder, keys: dict[str, Any]) -> None:
    folder.change(**keys)
    with pytest.raises(_writer.ReportError, match="is not a fleet report"):
        folder.run([])


@pytest.mark.parametrize(
    ("keys", "state"),
    [
        ({"control_plane": {"http_tokens": "always"}}, "unknown"),
        ({"findings": [{"id": "a", "severity": "none", "title": "x"}]}, "exempt"),
        ({"callers": [7], "instance_id": ["x"]}, "exempt"),
        ({"outcome": {"result": "great"}, "fence": 7}, "exempt"),
    ],
)
def test_stored_values_with_an_invalid_form_block(folder: Folder, keys: dict[str, Any], state: str) -> None:
    folder.change(in_guest={"verdict": "required"} if "control_plane" in keys else {"verdict": "optional"}, **keys)
    kept = folder.run([])["by_name"]["ack"]
    assert (kept["state"], kept["checked"]) == (state, False)
    assert _validation.NOT_UNDERSTOOD in [it["id"] for it in kept["findings"]]


def test_a_stored_comparison_with_an_invalid_form_is_dropped(folder: Folder) -> None:
    folder.run([TEN[0]])
    made = json.loads((folder.path / "report.json").read_text())
    for drift in (
        [],
        {"since": 7},
        {**made["drift"], "new_hosts": [{}]},
        {**made["drift"], "changed_modes": [{"host": 1}]},
    ):
        (folder.path / "report.json").write_text(json.dumps({**made, "drift": drift}))
        assert folder.run([TEN[0]])["drift"] is None


def test_a_nested_bomb_is_no_report(folder: Folder) -> None:
    (folder.path / "report.json").write_text("[" * 200_000)
    with pytest.raises(_writer.ReportError, match="is not a fleet report"):
        folder.run([])


ANY = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.lists(HOSTILE, max_size=3)
    | st.dictionaries(HOSTILE, HOSTILE, max_size=3)
)


@settings(max_examples=30)
@given(st.sampled_from([*_validation.HOST, "last_known", "managed", "checked", "not_understood"]), ANY | HOSTILE)
def test_no_stored_value_makes_the_report_fail_or_a_host_look_better(tmp_path_factory, key: str, value: Any) -> None:
    folder = Folder(tmp_path_factory.mktemp("reports"))
    folder.run(TEN, FIRST)
    folder.change(**{key: value})
    try:
        made = folder.run([])
    except _writer.ReportError:
        return
    assert made["totals"]["states"]["compliant"] <= 3
    assert all(char.isprintable() for line in made["result"]["next_steps"] + made["result"]["table"] for char in line)


def test_a_text_is_cut_once() -> None:
    once = cut("e" * 5000)
    assert cut(once) == once
