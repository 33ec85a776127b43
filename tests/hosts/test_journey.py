# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Audit, harden and undo a fleet in which each host has another state. After each run the report, the API and the hosts agree."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lab
import pytest
from host import Host
from hosts import Site
from playing import BIN, CONTROLLER, Played, Player, instance
from waiting import GIVE_UP_SECONDS, PROCESS_SECONDS, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.long]

ACK_TAGS = {"ack.aliyun.com": "c1234567890abcdef"}
WAIVER = {"finding": "callers_*", "reason": "These hosts are new", "expires": "2099-12-31", "host": "ready*"}
LOST = "ready3"  # becomes unreachable between the change of its options and the verification
BOOTED = ("ready1", "ready2", LOST, "unwatched", "script", "old", "done", "ack", "disabled", "pc", "mistyped")
ROOTS = {"old": "bookworm-cloud-init"}  # with cloud-init 22.4, which does not support tokens
UNKNOWN = {"pc": "000", "mistyped": "200"}  # the status of a request from these hosts, whose state is unknown
NOT_BOOTED: dict[str, dict[str, Any]] = {
    "down": {"ansible_host": "10.255.255.1", "ansible_ssh_common_args": "-o ConnectTimeout=2"},
    "win": {
        "ansible_host": "10.255.255.2",
        "ansible_connection": "ansible.builtin.winrm",
        "ansible_shell_type": "powershell",
    },
}
FORGOTTEN = {
    "instance_id": "i-forgotten",
    "region_id": "cn-hangzhou",
    "clients": ["10.255.255.3"],
    "http_tokens": "optional",
    "http_endpoint": "enabled",
    "instance_metadata_tags": "disabled",
}
CONFIGS: dict[str, dict[str, Any]] = {
    "done": {"http_tokens": "required"},
    "ack": {"tags": ACK_TAGS},
    "disabled": {"http_endpoint": "disabled"},
}
OTHER_PRODUCT = (
    "mount -t tmpfs dmi /sys/class && mkdir -p /sys/class/dmi/id && echo Standard PC >/sys/class/dmi/id/product_name"
)
VERIFY = "TASK [alicloud.imds.hardening : Verify access"
READ = "curl -s -o /dev/null -w %{http_code} --max-time 30 http://100.100.100.200/latest/meta-data/instance-id"


class Journey:
    """The hosts, their emulator, and the report of the first controller."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.hosts: dict[str, Host] = {name: site.add(name, root=ROOTS.get(name, "bookworm")) for name in BOOTED}
        job = "7 0 30 2 * root curl -s http://100.100.100.200/latest/meta-data/ram/security-credentials/\n"
        (self.hosts["script"].root / "etc/cron.d/plain").write_text(job)
        for version, address in (("-4", "100.100.100.200"), ("-6", "fd00:100::100:200")):
            self.hosts["pc"].run("ip", version, "route", "add", "unreachable", address)
        self.hosts["pc"].output("sh", "-c", OTHER_PRODUCT)
        ecs = [host for name, host in self.hosts.items() if name != "pc"]
        instances = [instance(host, **CONFIGS.get(host.name, {})) for host in ecs]
        self.emulator = lab.start_emulator({"instances": [*instances, FORGOTTEN, CONTROLLER]}, control=True)
        self.player = Player(self.hosts.values(), self.emulator, folder)
        self.reports = folder / "reports"
        self.record = self.player.record

    def command(self, name: str, *arguments: str, **variables: Any) -> list[str]:
        self.player.command()  # writes the certificate
        hosts = {name: host.ansible_variables() for name, host in self.hosts.items()}
        hosts["mistyped"]["hardening_watch"] = "never"
        inventory = self.player.folder / "fleet.json"
        inventory.write_text(json.dumps({"all": {"hosts": {**hosts, **NOT_BOOTED}}}))
        common = {
            "hardening_api_endpoint": self.emulator.control_endpoint,
            "hardening_record_dir": str(self.record),
            "hardening_wait_timeout": 5,
            "hardening_waivers": [WAIVER],
            "imds_report_dir": str(self.reports),
            "imds_become": False,
            "imds_serial": ["100%"],
        }
        command = [str(BIN / "ansible-playbook"), "--inventory", str(inventory), f"alicloud.imds.{name}"]
        return [*command, "--extra-vars", json.dumps({**common, **variables}), *arguments]

    def play(self, name: str, *arguments: str, **variables: Any) -> Played:
        command = self.command(name, *arguments, **variables)
        done = subprocess.run(
            command, env=self.player.environment(), capture_output=True, text=True, timeout=PROCESS_SECONDS, check=False
        )
        return Played(done.returncode, done.stdout + done.stderr)

    def harden_and_lose_a_host(self) -> Played:
        """Stop the SSH server of the host `LOST` during the verification, which waits for the changes until then."""
        self.emulator.admin("PATCH", "/control", {"delay_seconds": 3600})
        command = self.command("harden", imds_skip_blocked=True, hardening_wait_timeout=GIVE_UP_SECONDS)
        log = self.player.folder / "harden.log"
        with log.open("w") as file:
            process = subprocess.Popen(command, env=self.player.environment(), stdout=file, stderr=file)
        wait_until(lambda: VERIFY in log.read_text() or process.poll() is not None, "the verification", PROCESS_SECONDS)
        self.hosts[LOST].output("systemctl", "stop", "ssh.service")
        self.hosts[LOST].run("pkill", "-KILL", "sshd")
        self.emulator.admin("PATCH", "/control", {"delay_seconds": 0})
        for name in ("ready1", "ready2"):  # the end of the delay
            self.emulator.admin("PATCH", f"/instances/i-{name}", {"http_tokens": "required"})
        status = process.wait(PROCESS_SECONDS)
        self.hosts[LOST].output("systemctl", "start", "ssh.service")
        return Played(status, log.read_text())

    def report(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads((self.reports / "report.json").read_text())
        return {**made, "by_name": {it["host"]: it for it in made["hosts"]}}

    def agree(self, **expected: str) -> dict[str, Any]:
        """Compare the report with the API and with a request from inside each host; *expected* are the states in the report."""
        report = self.report()
        assert {name: it["state"] for name, it in report["by_name"].items()} == expected
        for name, host in self.hosts.items():
            code = host.output("sh", "-c", READ + " || true")
            if name in UNKNOWN:
                assert (code, report["by_name"][name]["control_plane"]) == (UNKNOWN[name], None)
                continue
            endpoint, tokens, _tags = self.player.options(host)
            assert (code == "200") is (endpoint == "enabled" and tokens == "optional"), (name, code, endpoint, tokens)
            state = expected[name]
            real = "disabled" if endpoint == "disabled" else "compliant" if tokens == "required" else "non_compliant"
            assert state == ("exempt" if name == "ack" else real), (name, state, real)
            view = report["by_name"][name]["control_plane"]
            if view is not None and endpoint == "enabled":
                assert view["http_tokens"] == tokens, (name, view)
        assert not [it for it in report["hosts"] for one in it["findings"] if one["id"] == "views_disagree"]
        return report

    def untouched(self, *names: str) -> None:
        for name in names:
            assert not (self.hosts[name].root / "usr/local/bin/ecs-metadata").exists(), name


@pytest.fixture
def journey(tmp_path: Path) -> Iterator[Journey]:
    with Site() as site:
        made = Journey(site, tmp_path)
        yield made
        assert made.emulator.stop() == 0


OPEN = "non_compliant"
AUDITED = {
    **dict.fromkeys(("ready1", "ready2", LOST, "unwatched", "script", "old", "i-forgotten", "i-mistyped"), OPEN),
    **{
        "done": "compliant",
        "ack": "exempt",
        "disabled": "disabled",
        "pc": "unknown",
        "mistyped": "unknown",
        "down": "unknown",
        "win": "unknown",
    },
    "i-controller": "compliant",
    "i-disabled": "disabled",
}
HARDENED = {**AUDITED, "ready1": "compliant", "ready2": "compliant"}


MISTYPED = "hardening_watch must be one of observe, keep, off, not 'never'."


def table(played: Played, name: str) -> str:
    """Return the line of a host in the last table of a run."""
    lines = [line.strip().strip('",') for line in played.output.partition("PLAY RECAP")[0].splitlines()]
    rows = [line for line in lines if line.startswith(name + " ")]
    assert rows, played.output
    return " ".join(rows[-1].split())


def test_every_run_tells_the_truth(journey: Journey) -> None:
    played = journey.play("audit", imds_regions=["cn-hangzhou"])
    assert played.status == 4, played.output  # the host down
    report = journey.agree(**AUDITED)
    following = {name: it["next"] for name, it in report["by_name"].items() if it["next"]}
    assert following == {
        **dict.fromkeys(("ready1", "ready2", LOST), "ready"),
        **{"unwatched": "not_watched", "script": "blocked", "old": "blocked"},
        **{"i-forgotten": "not_managed", "i-mistyped": "not_managed"},
    }
    assert "ansible-playbook alicloud.imds.harden --limit ready1,ready2,ready3" in played.output
    assert "Add 4 instances to the inventory: i-controller, i-disabled, i-forgotten, i-mistyped" in played.output
    assert "path: /etc/cron.d/plain, line: 1" in table(played, "script")
    assert "waiver key script_normal_mode:/etc/cron.d/plain" in table(played, "script")
    assert "cloud_init_too_old" in table(played, "old")
    assert table(played, "mistyped").endswith("unknown failed review " + MISTYPED)
    outcomes = report["totals"]["outcomes"]
    assert outcomes["not_ecs"] == outcomes["unsupported"] == outcomes["failed"] == outcomes["unreachable"] == 1

    checked = journey.play("harden", "--check", imds_skip_blocked=True)
    journey.agree(**AUDITED)
    real = journey.harden_and_lose_a_host()
    assert checked.status == real.status == 2
    for name in {*BOOTED, "win"} - {LOST}:
        assert table(checked, name) == table(real, name), "check mode predicts the real run"
    after = journey.agree(**HARDENED)
    restored = "The metadata options were restored through the API."
    assert restored in table(real, LOST) and real.output.count(restored) == 1, "one failure appears once"
    assert "hardening_watch must be one of" in table(real, "mistyped")
    outcomes = {name: (it["outcome"] or {}).get("result") for name, it in after["by_name"].items() if it["managed"]}
    assert outcomes == {
        **{"ready1": "changed", "ready2": "changed", LOST: "failed", "mistyped": "failed"},
        **dict.fromkeys(("unwatched", "script", "old"), "blocked"),
        **{"done": "changed", "ack": "exempt", "disabled": "disabled", "pc": "not_ecs", "win": "unsupported"},
        "down": "unreachable",
    }
    assert "hardening_allow_ack_nodes" in table(real, "ack")
    journey.untouched("ack", "disabled", "pc", "unwatched", "script", "old", "mistyped")
    assert after["by_name"]["i-forgotten"]["last_known"] == report["generated_at"]

    again = journey.play("harden", "--limit", "ready1").check()
    limited = journey.agree(**HARDENED)
    assert limited["by_name"]["script"]["last_known"] == after["generated_at"]
    assert limited["by_name"]["ready1"]["last_known"] is None and "ready2 " not in again.output
    assert limited["totals"]["last_known"] == len(HARDENED) - 4, (
        "not ready1, and nothing is known about down, win and mistyped"
    )

    records, journey.record = journey.record, journey.record.with_name("second")
    lost = journey.play("undo", "--limit", "ready1,ready2")
    assert lost.status == 2 and lost.output.count("There is no record of ready1") == 1
    journey.agree(**HARDENED)
    journey.record = records
    journey.play("undo", "--limit", f"ready1,ready2,{LOST}").check()
    journey.agree(**AUDITED)
    journey.untouched("ready1", "ready2", LOST)
