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

pytestmark = [pytest.mark.lab, pytest.mark.long]

ACK_TAGS = {"ack.aliyun.com": "c1234567890abcdef"}
WAIVER = {"finding": "callers_*", "reason": "These hosts are new", "expires": "2099-12-31", "host": "ready*"}
BOOTED = ("ready1", "ready2", "unwatched", "script", "done", "ack", "disabled", "pc")
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
READ = "curl -s -o /dev/null -w %{http_code} --max-time 30 http://100.100.100.200/latest/meta-data/instance-id"


class Journey:
    """The hosts, their emulator, and the report of the first controller."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.hosts: dict[str, Host] = {name: site.add(name) for name in BOOTED}
        job = "7 * * * * root curl -s http://100.100.100.200/latest/meta-data/ram/security-credentials/\n"
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

    def play(self, name: str, *arguments: str, **variables: Any) -> Played:
        self.player.command()  # writes the certificate
        hosts = {name: host.ansible_variables() for name, host in self.hosts.items()}
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
        command += ["--extra-vars", json.dumps({**common, **variables}), *arguments]
        done = subprocess.run(
            command, env=self.player.environment(), capture_output=True, text=True, timeout=900, check=False
        )
        return Played(done.returncode, done.stdout + done.stderr)

    def report(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads((self.reports / "report.json").read_text())
        return {**made, "by_name": {it["host"]: it for it in made["hosts"]}}

    def agree(self, **expected: str) -> dict[str, Any]:
        """Compare the report with the API and with a request from inside each host; *expected* are the states in the report."""
        report = self.report()
        assert {name: it["state"] for name, it in report["by_name"].items()} == expected
        for name, host in self.hosts.items():
            code = host.output("sh", "-c", READ + " || true")
            if name == "pc":
                assert (code, report["by_name"]["pc"]["control_plane"]) == ("000", None)
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
    **dict.fromkeys(("ready1", "ready2", "unwatched", "script", "i-forgotten", "i-controller"), OPEN),
    **{
        "done": "compliant",
        "ack": "exempt",
        "disabled": "disabled",
        "pc": "unknown",
        "down": "unknown",
        "win": "unknown",
    },
    "i-controller": "compliant",
    "i-disabled": "disabled",
}
HARDENED = {**AUDITED, "ready1": "compliant", "ready2": "compliant"}


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
        **{"ready1": "ready", "ready2": "ready", "unwatched": "not_watched", "script": "blocked"},
        "i-forgotten": "not_managed",
    }
    assert "ansible-playbook alicloud.imds.harden --limit ready1,ready2" in played.output
    assert "Add 3 instances to the inventory: i-controller, i-disabled, i-forgotten" in played.output
    assert "path: /etc/cron.d/plain, line: 1" in table(played, "script")
    assert "waiver key script_normal_mode:/etc/cron.d/plain" in table(played, "script")
    assert report["totals"]["outcomes"]["not_ecs"] == report["totals"]["outcomes"]["unsupported"] == 1

    checked = journey.play("harden", "--check", imds_skip_blocked=True)
    journey.agree(**AUDITED)
    real = journey.play("harden", imds_skip_blocked=True)
    assert checked.status == real.status == 4
    for name in (*BOOTED, "win"):
        assert table(checked, name) == table(real, name), "check mode predicts the real run"
    after = journey.agree(**HARDENED)
    outcomes = {name: (it["outcome"] or {}).get("result") for name, it in after["by_name"].items() if it["managed"]}
    assert outcomes == {
        **{"ready1": "changed", "ready2": "changed", "unwatched": "blocked", "script": "blocked"},
        **{"done": "changed", "ack": "exempt", "disabled": "disabled", "pc": "not_ecs", "win": "unsupported"},
        "down": "unreachable",
    }
    assert "hardening_allow_ack_nodes" in table(real, "ack")
    journey.untouched("ack", "disabled", "pc", "unwatched", "script")
    assert after["by_name"]["i-forgotten"]["last_known"] == report["generated_at"]

    again = journey.play("harden", "--limit", "ready1").check()
    limited = journey.agree(**HARDENED)
    assert limited["by_name"]["script"]["last_known"] == after["generated_at"]
    assert limited["by_name"]["ready1"]["last_known"] is None and "ready2 " not in again.output
    assert limited["totals"]["last_known"] == len(HARDENED) - 3, "not ready1, and nothing is known about down and win"

    records, journey.record = journey.record, journey.record.with_name("second")
    lost = journey.play("undo", "--limit", "ready1,ready2")
    assert lost.status == 2 and "There is no record of ready1" in lost.output
    journey.agree(**HARDENED)
    journey.record = records
    journey.play("undo", "--limit", "ready1,ready2").check()
    journey.agree(**AUDITED)
