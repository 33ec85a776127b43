# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the demo, and check that it requires tokens, restores the options, and shows the facts of the instances."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import demo
import lab
import pytest
from waiting import PROCESS_SECONDS

DEMO = Path(__file__).resolve().parents[1] / "demo"
IDS = sorted(config["instance_id"] for config in demo.INSTANCES.values())


@dataclass(frozen=True)
class Run:
    output: str
    report: dict[str, Any]
    record: dict[str, Any]


def run_demo(report: Path, *prefix: str) -> Run:
    command = [*prefix, sys.executable, str(DEMO / "demo.py"), str(report)]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PROCESS_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout
    return Run(done.stdout, json.loads(report.read_text()), json.loads(demo.record_of(report).read_text()))


def ids_of_changes(run: Run) -> list[str]:
    """Return the instances of the API calls that change options, in order."""
    calls = [call for call in run.report["calls"] if call["action"] == "ModifyInstanceMetadataOptions"]
    assert {call["status"] for call in calls} == {200}
    return [call["instance"] for call in calls]


@pytest.fixture(scope="module", params=["lab", "loopback"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run the demo in its own laboratory (which may be inside another one), and on loopback ports."""
    report = tmp_path_factory.mktemp("demo") / "report.json"
    if request.param == "loopback":
        return run_demo(report, "env", "--unset=IMDS_LAB")
    if not lab.in_lab():
        pytest.skip("not inside the network laboratory; run `make integration`")
    return run_demo(report, str(DEMO.parent / "lab" / "enter"))


@pytest.mark.parametrize("host", demo.INSTANCES)
def test_facts_are_those_of_the_instance(run: Run, host: str) -> None:
    config, facts = demo.INSTANCES[host], run.report["instances"][host]
    assert facts["available"] is True
    assert facts["instance_id"] == config["instance_id"]
    assert facts["zone_id"] == config["zone_id"]
    assert facts["instance"]["instance_type"] == config["instance_type"]
    assert facts["tags"] == config["tags"]
    (interface,) = facts["network_interfaces"]
    assert interface["mac"] == config["network_interfaces"][0]["mac"]
    assert interface["primary_ip_address"] == config["clients"][0]


def test_facts_hold_no_secrets(run: Run) -> None:
    for facts in run.report["instances"].values():
        assert not {"ram_credentials", "user_data", "vendor_data", "identity_signature"} & facts.keys()
    assert "SecurityToken" not in json.dumps(run.report)
    assert demo.ACCESS_KEY_ID[:6] not in run.output + json.dumps(run.report)


def test_chosen_items(run: Run) -> None:
    names = {host: chosen["instance/instance-name"] for host, chosen in run.report["chosen"].items()}
    assert names == {host: host for host in demo.INSTANCES}
    assert all(chosen["instance/spot/termination-time"] is None for chosen in run.report["chosen"].values())


def test_api_finds_all_instances_optional(run: Run) -> None:
    found = {item["instance_id"]: item["verdict"] for item in run.report["found"]}
    assert found == dict.fromkeys(IDS, "optional")


@pytest.mark.parametrize("moment, mode", [("before", "optional"), ("while", "required"), ("after", "optional")])
def test_access_modes_seen_from_inside(run: Run, moment: str, mode: str) -> None:
    modes = run.report["modes"][moment]
    assert {host: seen["verdict"] for host, seen in modes.items()} == dict.fromkeys(demo.INSTANCES, mode)
    normal_mode_read = {"status": 403, "answered": False} if mode == "required" else {"status": 200, "answered": True}
    assert [seen["checks"]["normal_mode_read"] for seen in modes.values()] == [normal_mode_read] * len(demo.INSTANCES)


def test_only_the_probes_send_normal_mode_requests(run: Run) -> None:
    expected = "9 normal-mode requests to test the access mode: 6 with status 200, 3 with status 403."
    assert expected in run.output


def test_three_changes_each_way(run: Run) -> None:
    changes = ids_of_changes(run)
    assert sorted(changes[:3]) == sorted(changes[3:]) == IDS
    assert "The ECS API received 6 calls that change options." in run.output
    for name, before, after in (("switched", "optional", "required"), ("restored", "required", "optional")):
        steps = {(item["before"]["http_tokens"], item["after"]["http_tokens"]) for item in run.report[name]}
        assert steps == {(before, after)}
        assert [item["instance_id"] for item in run.report[name] if item["changed"]] == IDS


def test_nothing_is_left_to_restore(run: Run) -> None:
    assert run.record["instances"] == {}


def test_lookup_reads_the_controllers_own_metadata(run: Run) -> None:
    first = next(iter(demo.INSTANCES.values()))
    assert run.report["controller"] == [first["instance_id"], first["zone_id"]]


def test_summary_has_a_row_for_each_instance(run: Run) -> None:
    for host, config in demo.INSTANCES.items():
        (row,) = [line for line in run.output.splitlines() if line.split()[:2] == [host, config["instance_id"]]]
        assert row.split()[-3:] == ["optional", "required", "optional"]
