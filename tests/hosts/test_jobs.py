# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role on a host with jobs that read metadata once a day: each is a reason to block the host, and no harmless job is one.

All jobs of a kind are on the host at once. The role lists each reason, and a host with one reason is blocked.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lab
import pytest
from host import Host
from jobs import HARMLESS, READS, URL
from playing import CONTROLLER, Player, instance
from waiting import wait_until

WATCH = "alicloud-imds-watch.service"


def run_once(host: Host, kind: str, jobs: dict[str, str]) -> None:
    """Install the jobs, and run each in a unit of its own."""
    folder = host.root / "srv/jobs"
    folder.mkdir(exist_ok=True)
    (folder / "elsewhere").write_text(URL + "\n")
    for name, text in jobs.items():
        job = host.root / f"etc/cron.daily/{kind}-{name}"
        job.write_text("#!/bin/bash\n%s\n" % text.replace("FOLDER", "/srv/jobs"))
        job.chmod(0o755)
        host.run(
            "systemd-run", "--quiet", "--wait", "--collect", f"--unit={kind}-{name}", f"/etc/cron.daily/{kind}-{name}"
        )


def findings(player: Player) -> list[dict[str, Any]]:
    """Return all findings of the preflight check; the role prints the first of them only."""
    files = ["--inventory", str(player.folder / "inventory.json"), "--module-name", "alicloud.imds.preflight_info"]
    done = subprocess.run(
        [str(player.bin / "ansible"), "all", *files],
        env=player.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[dict[str, Any]] = json.loads(done.stdout.partition("=> ")[2])["findings"]
    return found


@pytest.mark.long
def test_the_role_blocks_for_each_job_that_reads_and_for_no_other(
    new_host: Callable[..., Host], start_emulator: Callable[..., lab.Emulator], tmp_path: Path
) -> None:
    host = new_host()
    player = Player([host], start_emulator({"instances": [instance(host), CONTROLLER]}, control=True), tmp_path)
    player.play(hardening_enforce=False).check()
    host.start_living_unit()
    run_once(host, "read", READS)
    host.output("systemd-run", "--quiet", "--wait", "--collect", "--unit=last", "curl", "-s", "-o", "/dev/null", URL)

    def last_is_recorded() -> bool:
        callers = json.loads(host.output("ecs-metadata", "callers", "--json"))["callers"]
        return "last.service" in [caller["unit"] for caller in callers]

    wait_until(last_is_recorded, "the records of the watch")
    blocked = player.play(hardening_preflight="block")
    assert blocked.failed == {host.name: 1} and player.options(host)[1] == "optional"
    evidence = [one["evidence"] for one in findings(player) if one["severity"] == "block"]
    by_script = {one["path"].partition("read-")[2] for one in evidence if "/cron.daily/read-" in one.get("path", "")}
    by_watch = {
        one["unit"][len("read-") : -len(".service")] for one in evidence if one.get("unit", "").startswith("read-")
    }
    print(f"{len(READS)} jobs read: {len(by_script)} found by the script check, {len(by_watch)} by the watch")
    print("only by the watch:", sorted(by_watch - by_script), "only by the script check:", sorted(by_script - by_watch))
    assert by_script | by_watch == set(READS)

    for name in READS:
        (host.root / f"etc/cron.daily/read-{name}").unlink()
    host.output("systemctl", "stop", WATCH)
    (host.root / "var/lib/alicloud-imds/callers.json").unlink()
    host.output("systemctl", "start", WATCH)
    run_once(host, "safe", HARMLESS)
    played = player.play(hardening_preflight="block").check()
    assert not [one for one in findings(player) if one["severity"] == "block"], played.output
    assert player.options(host)[1] == "required"
    player.play(hardening_state="absent").check()
