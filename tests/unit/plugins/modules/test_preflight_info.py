# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""preflight_info with the real AnsibleModule, on this machine and on small directory trees."""

from __future__ import annotations

import functools
import importlib
import json

import pytest
import yaml
from ansible_collections.alicloud.imds.plugins.module_utils._preflight import _catalog, _options, _run

MODULE = "ansible_collections.alicloud.imds.plugins.modules.preflight_info"


@pytest.fixture
def module(run_module):
    return functools.partial(run_module, "preflight_info")


@pytest.fixture
def jobs(tmp_path):
    """The path of a directory with a script that sends a normal-mode request, and a file with a hostile name."""
    (tmp_path / "report.sh").write_text("#!/bin/sh\ncurl http://100.100.100.200/latest/meta-data/mac?key=hush\n")
    (tmp_path / "b\n\udcff.sh").write_text("x")
    return str(tmp_path)


def test_only_the_requested_check_runs(module, jobs) -> None:
    result = module(checks=["scripts"], script_directories=[jobs])
    [one] = result["findings"]
    assert (one["id"], one["severity"], one["waived"]) == ("script_normal_mode", "block", None)
    assert one["evidence"] == {"path": jobs + "/report.sh", "line": 2, "reads": "metadata"}
    assert (result["verdict"], result["complete"], result["changed"]) == ("block", True, False)
    assert list(result["examined"]) == ["scripts"] and result["examined"]["scripts"]["texts"] == 2
    assert "hush" not in json.dumps(result)
    assert (
        module(checks=["scripts"], script_directories=[jobs], _ansible_check_mode=True)["findings"]
        == result["findings"]
    )


def test_a_waived_finding_does_not_count(module, jobs) -> None:
    one = {"finding": "script_normal_mode", "reason": "It is gone next week", "expires": "2999-12-31"}
    result = module(checks=["scripts"], script_directories=[jobs], waivers=[one])
    assert result["verdict"] == "clear"
    assert result["findings"][0]["waived"] == {"reason": "It is gone next week", "expires": "2999-12-31"}
    elsewhere = module(checks=["scripts"], script_directories=[jobs], waivers=[{**one, "host": "db*"}], host="web1")
    assert elsewhere["verdict"] == "block"


def test_all_checks_run_on_this_machine(module, jobs) -> None:
    result = module(search_directories=[jobs], script_directories=[jobs], deadline=60)
    assert set(result["examined"]) == {*_run.CHECKS, _run.SEARCH}
    assert {one["id"] for one in result["findings"]} <= set(_catalog.CATALOG)
    assert all(
        set(one) == {"id", "severity", "title", "detail", "evidence", "impact", "remedy", "waived"}
        for one in result["findings"]
    )


def test_a_passed_deadline_is_a_finding(module) -> None:
    result = module(checks=["scripts", "python"], script_directories=["/"], search_directories=["/"], deadline=0.000001)
    assert result["complete"] is False and result["verdict"] != "clear"
    cut = [one for one in result["findings"] if one["id"] == "search_incomplete"]
    assert {one["evidence"]["check"] for one in cut} >= {"scripts", "search"}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"deadline": 0}, "deadline: 0.0 is invalid"),
        ({"quiet_period": -1}, "quiet_period: -1 is invalid"),
        ({"script_directories": ["bin"]}, "'bin' is not an absolute path"),
        ({"callers_since": "soon"}, "callers_since: 'soon' is not a time"),
        ({"checks": ["everything"]}, "value of checks must be one or more of"),
        ({"waivers": [{"finding": "ack_node", "reason": "x"}]}, "missing required arguments: expires"),
        ({"waivers": [{"finding": "ack_node", "reason": "", "expires": "2999-01-01"}]}, "'reason' is empty"),
        ({"waivers": [{"finding": "ack", "reason": "x", "expires": "2999-01-01"}]}, "docs/preflight-findings.md"),
    ],
)
def test_invalid_options_fail(module, args, message) -> None:
    result = module(**{"checks": ["platform"], **args})
    assert result["failed"] is True and message in result["msg"]


@pytest.mark.parametrize("since", ["1800000000", "2027-01-15T08:00:00Z"])
def test_given_callers_are_judged(module, since) -> None:
    args = {"checks": ["callers"], "callers": [{"mode": "normal_mode", "exe": "/usr/bin/curl"}], "callers_since": since}
    assert [one["id"] for one in module(**args)["findings"]] == ["caller_normal_mode", "callers_watched_too_briefly"]


def test_documentation_agrees_with_the_argument_spec() -> None:
    documented = yaml.safe_load(importlib.import_module(MODULE).DOCUMENTATION)["options"]
    spec = _options.argument_spec()
    assert set(documented) == set(spec)
    for name, option in spec.items():
        for key in ("type", "elements", "default", "choices"):
            assert documented[name].get(key) == option.get(key), (name, key)
    assert set(documented["waivers"]["suboptions"]) == set(spec["waivers"]["options"])


@pytest.mark.parametrize(("option", "default"), [("script_directories", 0), ("search_directories", 1)])
def test_documented_directories_are_the_defaults(option, default) -> None:
    request = _run.Request()
    documented = yaml.safe_load(importlib.import_module(MODULE).DOCUMENTATION)["options"][option]
    for word in " ".join(documented["description"]).split("V(")[1:]:
        assert word.split(")")[0] in (request.script_directories, request.search_directories)[default]
