# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SARIF: valid by the public schema, complete, with stable fingerprints, and harmless whatever the texts are.

schema/sarif-2.1.0-rtm.5.json is the schema of SARIF 2.1.0 from the npm package @microsoft/jest-sarif 1.0.0-beta.0 (MIT).
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._catalog import CATALOG
from ansible_collections.alicloud.imds.plugins.plugin_utils._report import _future
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._sarif import sarif
from hypothesis import given, settings

from .entries import HOSTILE, finding, host, made, sample
from .test_files import hostile

RULE = "ecs-instance-meta-data-mode-check"
SCHEMA = Path(__file__).parent / "schema/sarif-2.1.0-rtm.5.json"
SCRIPT = "path: /etc/cron.daily/back up, line: 3, reads: credentials"


@functools.cache
def validator() -> Any:
    # this file's relative URIs, times and the rest are checked as formats as well, as far as packages for them are installed
    reason = "it comes with ansible-lint, which `make matrix` does not install"
    jsonschema = pytest.importorskip("jsonschema", reason=reason)
    return jsonschema.Draft4Validator(json.loads(SCHEMA.read_text()), format_checker=jsonschema.FormatChecker())


def run_of(report: dict[str, Any]) -> dict[str, Any]:
    log = json.loads(sarif(report))
    validator().validate(log)
    (run,) = log["runs"]
    rules = [it["id"] for it in run["tool"]["driver"]["rules"]]
    assert all(rules[it["ruleIndex"]] == it["ruleId"] for it in run["results"])
    prints = [it["partialFingerprints"]["hostFinding/v1"] for it in run["results"]]
    assert len(set(prints)) == len(prints)
    found: dict[str, Any] = run
    return found


def rows(report: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Rule, level, URI, line and whether suppressed, of each result."""
    found = []
    for it in run_of(report)["results"]:
        (location,) = it["locations"]
        place = location["physicalLocation"]
        line = place.get("region", {}).get("startLine")
        found.append((it["ruleId"], it["level"], place["artifactLocation"]["uri"], line, len(it["suppressions"])))
    return found


def test_results_have_level_place_line_and_suppression() -> None:
    waiver = {"reason": "Replaced soon", "expires": "2030-01-01"}
    report = made(
        host("ok", "required", findings=[]),
        host(
            "web1",
            "optional",
            findings=[
                finding("script_normal_mode", evidence=SCRIPT),
                finding(
                    "cloud_init_too_old", evidence={"path": "/usr/bin/cloud-init", "version": "20.4"}, waived=waiver
                ),
                finding("caller_noise", "warn", waived={**waiver, "expires": "2020-01-01"}),
                finding("not_ecs", "info", evidence="product_name: path: /x, y"),
            ],
        ),
        host("lost"),
    )
    assert sorted(rows(report), key=str) == sorted(
        [
            (RULE, "error", "web1", None, 0),
            ("script_normal_mode", "error", "web1/etc/cron.daily/back%20up", 3, 0),
            ("cloud_init_too_old", "error", "web1/usr/bin/cloud-init", None, 1),
            ("caller_noise", "warning", "web1", None, 0),
            ("not_ecs", "note", "web1", None, 0),
            (RULE, "none", "lost", None, 0),
        ],
        key=str,
    )
    run = run_of(report)
    by_rule = {it["ruleId"]: it for it in run["results"] if it["level"] != "none"}
    assert by_rule["cloud_init_too_old"]["suppressions"][0]["justification"] == "Waived until 2030-01-01: Replaced soon"
    assert "The waiver expired on 2020-01-01" in by_rule["caller_noise"]["message"]["text"]
    assert [it["kind"] for it in run["results"] if it["level"] == "none"] == ["open"]
    # what was not checked is said
    (notification,) = run["invocations"][0]["toolExecutionNotifications"]
    assert "lost" in notification["message"]["text"] and "unknown" in notification["message"]["text"]


def test_rules_are_the_catalog() -> None:
    rules = {it["id"]: it for it in run_of(made())["tool"]["driver"]["rules"]}
    assert set(CATALOG) < set(rules)
    old = rules["cloud_init_too_old"]
    assert old["defaultConfiguration"] == {"level": "error"} and "Upgrade cloud-init to 23.2.2" in old["help"]["text"]
    assert not run_of(made())["results"]


def test_fingerprints_survive_what_changes_from_run_to_run() -> None:
    def prints(*found: dict[str, Any]) -> list[str]:
        run = run_of(made(host("web1", "required", findings=list(found))))
        return [it["partialFingerprints"]["hostFinding/v1"] for it in run["results"]]

    before = prints(
        finding("script_normal_mode", evidence=SCRIPT),
        finding("caller_normal_mode", evidence="exe: /usr/bin/curl, uid: 0, last_seen: 2026-11-20T08:00:00Z, count: 3"),
    )
    after = prints(
        finding(
            "caller_normal_mode", evidence="exe: /usr/bin/curl, uid: 0, last_seen: 2026-11-24T08:00:00Z, count: 99"
        ),
        finding("script_normal_mode", evidence=SCRIPT.replace("line: 3", "line: 7")),
    )
    other = prints(finding("script_normal_mode", evidence=SCRIPT.replace("back up", "backup")))
    assert sorted(before) == sorted(after) and not set(other) & set(before)
    # the same kind twice in one file
    assert len(set(prints(*[finding("script_normal_mode", evidence=SCRIPT)] * 2))) == 2


def test_what_creates_instances_has_results() -> None:
    rows_ = [{"kind": "launch_template", "id": "lt-1", "region_id": "cn-hangzhou", "version": 2, "verdict": "optional"}]
    report = {**made(), "future": _future.future({"resources": rows_}, None)}
    assert rows(report) == [("future_instances_non_compliant", "error", "cn-hangzhou/launch_template/lt-1/2", None, 0)]


@pytest.mark.slow
def test_a_fleet_is_valid() -> None:
    report = made(*sample.fleet(50, 0.5))
    assert len(run_of(report)["results"]) > len(report["hosts"])


@pytest.mark.parametrize(
    ("name", "path", "uri"),
    [
        ("..", "/../etc/./passwd", "..~/..~/etc/.~/passwd"),
        ("a/b", "//evil.example/x", "a%2Fb/evil.example/x"),
        ("http://evil", "/x?y#z", "http%3A%2F%2Fevil/x%3Fy%23z"),
        ("\ud800", "/\u202e%41\\", "%ED%A0%80/%E2%80%AE%2541%5C"),
    ],
)
def test_no_name_and_no_path_leaves_its_host(name: str, path: str, uri: str) -> None:
    report = made(host(name, "required", findings=[finding("script_normal_mode", evidence={"path": path})]))
    assert [row[2] for row in rows(report)] == [uri]


@settings(max_examples=50)
@given(HOSTILE)
@pytest.mark.slow
def test_hostile_texts_harm_no_file(text: str) -> None:
    report = made({**hostile("[x](https://evil) {0}" + text), "host": text or "x"}, title=text)
    for result in run_of(report)["results"]:
        message = result["message"]["text"]
        assert not re.search(r"\]\(", message) and not re.search(r"(?<!\{)\{(\{\{)*\d", message)
        assert message.replace("\n", "").isprintable()
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"([A-Za-z0-9_.~-]|%[0-9A-F]{2})+(/([A-Za-z0-9_.~-]|%[0-9A-F]{2})+)*", uri)
        assert not {".", ".."} & set(uri.split("/"))
