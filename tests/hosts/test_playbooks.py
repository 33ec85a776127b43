# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks, by their full names, on four hosts of which three would break."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lab
import pytest
from host import Host
from hosts import Site
from playing import BIN, CHECKOUT, CONTROLLER, Played, Player, instance

pytestmark = pytest.mark.lab

# `make hosts` fetches it from the package index: the last release of the credentials library that reads without a token
OLD_SDK = CHECKOUT / ".cache/old-sdk"
EXPECTED = {
    "clean": set(),
    "oldinit": {"cloud_init_too_old"},
    "oldsdk": {"python_credentials_too_old"},
    "cron": {"script_normal_mode"},
}


class Fleet:
    """The four hosts and their report."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.hosts: dict[str, Host] = {}
        for name in EXPECTED:
            self.hosts[name] = site.add(name, root="bookworm-cloud-init" if name == "oldinit" else "bookworm")
        packages = self.hosts["oldsdk"].root / "usr/local/lib/python3.11/dist-packages"
        shutil.copytree(OLD_SDK, packages, dirs_exist_ok=True)
        job = "7 * * * * root curl -s http://100.100.100.200/latest/meta-data/ram/security-credentials/\n"
        (self.hosts["cron"].root / "etc/cron.d/plain").write_text(job)
        config = {"instances": [*map(instance, self.hosts.values()), CONTROLLER]}
        self.emulator = lab.start_emulator(config, control=True)
        self.player = Player(self.hosts.values(), self.emulator, folder)
        self.reports = folder / "reports"

    def play(self, name: str, *arguments: str, **variables: Any) -> Played:
        self.player.command()  # the inventory
        common = {
            "hardening_api_endpoint": self.emulator.control_endpoint,
            "hardening_record_dir": str(self.player.record),
            "hardening_wait_timeout": 5,
            "imds_report_dir": str(self.reports),
            "imds_become": False,
        }
        command = [str(BIN / "ansible-playbook"), "--inventory", str(self.player.folder / "inventory.json")]
        command += [f"alicloud.imds.{name}", "--extra-vars", json.dumps({**common, **variables}), *arguments]
        done = subprocess.run(
            command, env=self.player.environment(), capture_output=True, text=True, timeout=600, check=False
        )
        return Played(done.returncode, done.stdout + done.stderr)

    def report(self) -> dict[str, dict[str, Any]]:
        return {it["host"]: it for it in json.loads((self.reports / "report.json").read_text())["hosts"]}

    def modified(self) -> list[str]:
        """Which instances the API was asked to change, in order."""
        return [call["instance"] for call in self.emulator.calls("ModifyInstanceMetadataOptions")]


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    if not OLD_SDK.exists():
        pytest.fail("the old library is not there; run `make hosts`")
    with Site() as site:
        made = Fleet(site, tmp_path)
        yield made
        assert made.emulator.stop() == 0


def serious(host: dict[str, Any]) -> set[str]:
    return {it["id"] for it in host["findings"] if it["severity"] != "info"}


def test_audit_finds_exactly_what_would_break_and_changes_nothing(fleet: Fleet) -> None:
    played = fleet.play("audit").must()
    report = fleet.report()
    assert {name: serious(host) for name, host in report.items()} == EXPECTED
    for name, host in report.items():
        assert host["control_plane"]["http_tokens"] == "optional" and host["in_guest"]["verdict"] == "optional"
        assert host["instance_id"] == f"i-{name}" and host["mode"] == "optional"
    assert report["cron"]["findings"][0]["evidence"].startswith("path: /etc/cron.d/plain, line: 1")
    assert fleet.modified() == [] and {path.name for path in fleet.reports.iterdir()} >= {
        "report.html",
        "junit.xml",
        "hosts.csv",
    }
    assert "changed=0" in played.output.split("PLAY RECAP")[1].split("oldinit")[1]


def test_audit_writes_its_report_also_where_the_api_is_silent(fleet: Fleet) -> None:
    played = fleet.play("audit", hardening_api_endpoint="http://127.0.0.1:9")
    assert played.status == 2
    said = " ".join(played.output.split())
    assert "http://127.0.0.1:9" in said and "imds_api" in said, said
    report = fleet.report()
    assert {name: serious(host) for name, host in report.items()} == EXPECTED
    for host in report.values():
        assert host["control_plane"] is None and host["in_guest"]["verdict"] == "optional"
    played = fleet.play("audit", hardening_api_endpoint="http://127.0.0.1:9", imds_api=False).must()
    assert fleet.report() == report


def test_harden_stops_at_the_first_host_that_would_break_before_any_call(fleet: Fleet) -> None:
    played = fleet.play("harden", imds_serial=[1, 1, 2])
    assert played.status == 2
    assert "1 of 4 hosts done. This batch of 1: 1 changed" in " ".join(played.output.split())
    assert "cloud-init does not support tokens" in played.output
    assert fleet.modified() == ["i-clean"], "nothing was asked of the API for the hosts that would break"
    report = fleet.report()
    assert {name: host["outcome"]["result"] for name, host in report.items()} == {
        "clean": "changed",
        "oldinit": "failed",
        "oldsdk": "skipped",
        "cron": "skipped",
    }
    assert report["clean"]["state"] == "closed" and report["clean"]["in_guest"]["verdict"] == "required"


def test_all_three_are_held_up_at_once_and_a_waiver_lets_one_pass(fleet: Fleet) -> None:
    waiver = {"finding": "script_normal_mode", "host": "cron", "reason": "goes next week", "expires": "2099-12-31"}
    played = fleet.play("harden", imds_serial=["100%"], hardening_waivers=[waiver])
    assert played.status == 2
    assert sorted(fleet.modified()) == ["i-clean", "i-cron"]
    report = fleet.report()
    waived = {it["id"]: it["waived"] for it in report["cron"]["findings"]}
    assert waived["script_normal_mode"] == {"reason": "goes next week", "expires": "2099-12-31"}
    assert {name for name, host in report.items() if host["outcome"]["result"] == "failed"} == {"oldinit", "oldsdk"}
    assert fleet.player.options(fleet.hosts["oldsdk"])[1] == "optional"


def test_the_way_there_and_back_with_drift(fleet: Fleet) -> None:
    fleet.play("audit").must()
    limited = {"imds_hosts": "clean,cron", "hardening_preflight": "report", "hardening_fence": "enforce"}
    fleet.play("harden", **limited).must()
    assert sorted(fleet.modified()) == ["i-clean", "i-cron"]
    fleet.play("audit").must()
    drift = json.loads((fleet.reports / "report.json").read_text())["drift"]
    assert drift is not None
    done = fleet.play("undo", **limited).must()
    assert "2 of 2 hosts done. This batch of 2: 2 changed" in " ".join(done.output.split())
    for host in fleet.hosts.values():
        assert fleet.player.options(host) == ("enabled", "optional", "disabled")


def test_check_mode_says_the_same_and_changes_nothing(fleet: Fleet) -> None:
    played = fleet.play("harden", "--check", "--limit", "clean").must()
    assert "1 of 1 hosts done. This batch of 1: 1 changed" in " ".join(played.output.split())
    assert fleet.modified() == [] and not fleet.reports.exists()


def test_gather_says_where_each_host_is(fleet: Fleet) -> None:
    played = fleet.play("gather").must()
    for name in fleet.hosts:
        assert f"i-{name} in cn-" in played.output


def test_a_host_that_cannot_be_reached_is_in_the_report(fleet: Fleet) -> None:
    fleet.hosts["cron"].stop()
    played = fleet.play("audit")
    assert played.status == 4
    assert fleet.report()["cron"]["outcome"]["result"] == "unreachable"
    assert serious(fleet.report()["oldsdk"]) == EXPECTED["oldsdk"]
