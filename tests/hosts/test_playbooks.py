# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the playbooks by their full names on four hosts, three of which have blocking findings."""

from __future__ import annotations

import hashlib
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
from waiting import PROCESS_SECONDS

pytestmark = pytest.mark.lab

# The last release of the vendor's credentials library that sends normal-mode requests. `make hosts` installs it.
OLD_SDK = CHECKOUT / ".cache/old-sdk"
EXPECTED = {
    "clean": set(),
    "oldinit": {"cloud_init_too_old"},
    "oldsdk": {"python_credentials_too_old"},
    "cron": {"script_normal_mode"},
}


class Fleet:
    """The four hosts, their emulator and their report."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.hosts: dict[str, Host] = {}
        for name in EXPECTED:
            self.hosts[name] = site.add(name, root="bookworm-cloud-init" if name == "oldinit" else "bookworm")
        packages = self.hosts["oldsdk"].root / "usr/local/lib/python3.11/dist-packages"
        shutil.copytree(OLD_SDK, packages, dirs_exist_ok=True)
        job = "7 0 30 2 * root curl -s http://100.100.100.200/latest/meta-data/ram/security-credentials/\n"
        (self.hosts["cron"].root / "etc/cron.d/plain").write_text(job)
        config = {"instances": [*map(instance, self.hosts.values()), CONTROLLER]}
        self.emulator = lab.start_emulator(config, control=True)
        self.player = Player(self.hosts.values(), self.emulator, folder)
        self.reports = folder / "reports"

    def play(self, name: str, *arguments: str, **variables: Any) -> Played:
        self.player.command()  # writes the inventory
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
            command, env=self.player.environment(), capture_output=True, text=True, timeout=PROCESS_SECONDS, check=False
        )
        return Played(done.returncode, done.stdout + done.stderr)

    def report(self) -> dict[str, dict[str, Any]]:
        return {it["host"]: it for it in json.loads((self.reports / "report.json").read_text())["hosts"]}

    def modified(self) -> list[str]:
        """Return the instances that require tokens, in the order of the hosts. All hosts start without."""
        return [f"i-{name}" for name, host in self.hosts.items() if self.player.options(host)[1] == "required"]


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    if not OLD_SDK.exists():
        pytest.fail("the old library is missing; run `make hosts`")
    with Site() as site:
        made = Fleet(site, tmp_path)
        yield made
        assert made.emulator.stop() == 0


def serious(host: dict[str, Any]) -> set[str]:
    return {it["id"] for it in host["findings"] if it["severity"] != "info"}


def test_audit_reports_exactly_the_expected_findings_and_changes_nothing(fleet: Fleet) -> None:
    played = fleet.play("audit").check()
    report = fleet.report()
    assert {name: serious(host) for name, host in report.items()} == EXPECTED
    for name, host in report.items():
        assert host["control_plane"]["http_tokens"] == "optional" and host["in_guest"]["verdict"] == "optional"
        assert host["instance_id"] == f"i-{name}" and host["mode"] == "optional"
    assert report["cron"]["findings"][0]["evidence"].startswith("path: /etc/cron.d/plain, line: 1")
    assert fleet.modified() == [] and {path.name for path in fleet.reports.iterdir()} >= {
        "report.html",
        "future.csv",
        "junit.xml",
        "report.sarif",
        "hosts.csv",
    }
    assert "changed=0" in played.output.split("PLAY RECAP")[1].split("oldinit")[1]


@pytest.mark.long
def test_audit_writes_its_report_also_if_the_api_does_not_answer(fleet: Fleet) -> None:
    played = fleet.play("audit", hardening_api_endpoint="http://127.0.0.1:9")
    assert played.status == 2
    said = " ".join(played.output.split())
    assert "http://127.0.0.1:9" in said and "imds_api" in said, said
    report = fleet.report()
    assert {name: serious(host) for name, host in report.items()} == EXPECTED
    for host in report.values():
        assert host["control_plane"] is None and host["in_guest"]["verdict"] == "optional"
    (fleet.reports / "report.json").unlink()
    played = fleet.play("audit", hardening_api_host="127.0.0.9")
    said = " ".join(played.output.split())
    assert played.status == 2 and "Cannot read the metadata options from the ECS API: " in said, said
    assert "Failed to connect to the host" in said
    assert {name: serious(host) for name, host in fleet.report().items()} == EXPECTED
    played = fleet.play("audit", hardening_api_endpoint="http://127.0.0.1:9", imds_api=False).check()
    assert fleet.report() == report


def offer_newer_cloud_init(host: Host) -> None:
    """Give the host an apt repository of its own, in which cloud-init supports tokens."""
    package, repository = host.root / "srv/package", host.root / "srv/repository"
    (package / "DEBIAN").mkdir(parents=True)
    repository.mkdir()
    control = "Package: cloud-init\nVersion: 23.2.2-1\nArchitecture: all\nMaintainer: Nobody <root@localhost>\nDescription: none\n"
    (package / "DEBIAN/control").write_text(control)
    built = repository / "new.deb"
    subprocess.run(["dpkg-deb", "--build", str(package), str(built)], capture_output=True, check=True)
    digest = hashlib.sha256(built.read_bytes()).hexdigest()
    listed = f"{control}Filename: ./{built.name}\nSize: {built.stat().st_size}\nSHA256: {digest}\n"
    (repository / "Packages").write_text(listed)
    (host.root / "etc/apt/sources.list").write_text("deb [trusted=yes] file:/srv/repository ./\n")
    for folder in (
        "etc/apt/sources.list.d",
        "var/lib/apt/lists/partial",
        "var/cache/apt/archives/partial",
        "var/log/apt",
    ):
        (host.root / folder).mkdir(parents=True, exist_ok=True)


@pytest.mark.long
def test_a_remedy_upgrades_an_installed_package_before_the_preflight_check_decides(fleet: Fleet) -> None:
    host = fleet.hosts["oldinit"]
    offer_newer_cloud_init(host)
    old = host.output("dpkg-query", "--show", "cloud-init")
    remedies = {"imds_hosts": "oldinit", "hardening_remedies": "cloud_init,cloud_assistant"}
    assert fleet.play("harden", "--check", **remedies).status == 2
    assert host.output("dpkg-query", "--show", "cloud-init") == old, "check mode upgrades nothing"
    host.output("apt-mark", "hold", "cloud-init")
    played = fleet.play("harden", **remedies)
    evidence = " ".join(str(it["evidence"]) for it in fleet.report()["oldinit"]["findings"])
    assert "Not remedied: the upgrade of cloud-init failed: " in evidence, evidence
    assert played.status == 2 and "Nothing was changed." in played.output and fleet.modified() == []
    host.output("apt-mark", "unhold", "cloud-init")
    fleet.play("harden", **remedies).check()
    assert host.output("dpkg-query", "--show", "cloud-init") == "cloud-init\t23.2.2-1\n"
    report = fleet.report()["oldinit"]
    assert fleet.modified() == ["i-oldinit"] and not serious(report) and report["outcome"]["result"] == "changed"


@pytest.mark.long
def test_harden_stops_at_the_first_blocked_host_before_any_api_call_for_it(fleet: Fleet) -> None:
    played = fleet.play("harden", imds_serial=[1, 1, 2])
    assert played.status == 2
    assert "1 of 4 hosts done. This batch of 1: 1 changed" in " ".join(played.output.split())
    assert "cloud-init does not support tokens" in played.output
    assert fleet.modified() == ["i-clean"], "no API call changes blocked hosts"
    report = fleet.report()
    assert {name: host["outcome"]["result"] for name, host in report.items()} == {
        "clean": "changed",
        "oldinit": "blocked",
        "oldsdk": "skipped",
        "cron": "skipped",
    }
    assert report["clean"]["state"] == "compliant" and report["clean"]["in_guest"]["verdict"] == "required"


def test_three_hosts_are_blocked_in_one_batch_and_a_waiver_unblocks_one(fleet: Fleet) -> None:
    waiver = {"finding": "script_normal_mode", "host": "cron", "reason": "removed next week", "expires": "2099-12-31"}
    played = fleet.play("harden", imds_serial=["100%"], hardening_waivers=[waiver])
    assert played.status == 2
    assert sorted(fleet.modified()) == ["i-clean", "i-cron"]
    report = fleet.report()
    waived = {it["id"]: it["waived"] for it in report["cron"]["findings"]}
    assert waived["script_normal_mode"] == {"reason": "removed next week", "expires": "2099-12-31"}
    assert {name for name, host in report.items() if host["outcome"]["result"] == "blocked"} == {"oldinit", "oldsdk"}
    assert fleet.player.options(fleet.hosts["oldsdk"])[1] == "optional"


@pytest.mark.long
def test_harden_undo_and_the_drift_between_them(fleet: Fleet) -> None:
    fleet.play("audit").check()
    limited = {"imds_hosts": "clean,cron", "hardening_preflight": "report", "hardening_fence": "enforce"}
    fleet.play("harden", **limited).check()
    assert sorted(fleet.modified()) == ["i-clean", "i-cron"]
    fleet.play("audit").check()
    assert sorted(fleet.modified()) == ["i-clean", "i-cron"]
    drift = json.loads((fleet.reports / "report.json").read_text())["drift"]
    assert drift is not None
    done = fleet.play("undo", **limited).check()
    assert "2 of 2 hosts done. This batch of 2: 2 changed" in " ".join(done.output.split())
    for host in fleet.hosts.values():
        assert fleet.player.options(host) == ("enabled", "optional", "disabled")


def test_check_mode_reports_the_changes_and_makes_none(fleet: Fleet) -> None:
    played = fleet.play("harden", "--check", "--limit", "clean").check()
    assert "1 of 1 hosts done. This batch of 1: 1 changed" in " ".join(played.output.split())
    assert fleet.modified() == [] == fleet.emulator.calls("ModifyInstanceMetadataOptions")
    assert not fleet.reports.exists()


def test_gather_prints_instance_and_region_of_each_host(fleet: Fleet) -> None:
    played = fleet.play("gather").check()
    for name in fleet.hosts:
        assert f"i-{name} in cn-" in played.output


def test_an_unreachable_host_is_in_the_report(fleet: Fleet) -> None:
    fleet.hosts["cron"].stop()
    played = fleet.play("audit")
    assert played.status == 4
    assert fleet.report()["cron"]["outcome"]["result"] == "unreachable"
    assert serious(fleet.report()["oldsdk"]) == EXPECTED["oldsdk"]
