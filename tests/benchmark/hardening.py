# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""hardening.py [HOSTS]: compare the role with pings and with one task per step; write docs/benchmarks-hardening.md.

Runs inside tests/lab/enter, on test hosts of kind plain (namespaces with an SSH server). All subjects are measured in one
run, on the same hosts: a play before all others opens the SSH connections, so that no subject includes that time.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / "tests/hosts"), str(CHECKOUT / "tests/lab")]

import lab  # noqa: E402
from hosts import Site  # noqa: E402
from playing import CONTROLLER, Player, instance  # noqa: E402

PAGE = CHECKOUT / "docs/benchmarks-hardening.md"
# Tasks of the role on each host, see roles/hardening/tasks: probe, tooling, fence, verify.
TASKS = 4
ROLE: dict[str, dict[str, Any]] = {
    "harden": {},
    "second run": {},
    "undo": {"hardening_state": "absent"},
}
ENFORCE = {"hardening_fence": "enforce"}
UTILS = CHECKOUT / "plugins/module_utils"


def pings(number: int) -> list[dict[str, Any]]:
    return [{"ansible.builtin.ping": {}} for _number in range(number)]


def one_task_per_step(player: Player) -> list[dict[str, Any]]:
    """Return tasks with the same result from common modules: one for each file, command and API call; the library is one file."""
    api = {"api_endpoint": player.emulator.control_endpoint, "regions": ["cn-hangzhou"], "http_tokens": "required"}
    api |= {"instance_id": "i-{{ inventory_hostname }}", "record": str(player.folder / "naive.json")}
    copy = "ansible.builtin.copy"
    library = str(player.folder / "library.zip")
    shutil.make_archive(library[: -len(".zip")], "zip", UTILS)
    return [
        {"ansible.builtin.file": {"path": "/usr/local/lib/naive", "state": "directory", "mode": "0755"}},
        {copy: {"src": library, "dest": "/usr/local/lib/naive/library.zip", "mode": "0644"}},
        {copy: {"src": str(CHECKOUT / "command/ecs-metadata"), "dest": "/usr/local/bin/naive", "mode": "0755"}},
        {"ansible.builtin.file": {"path": "/etc/ansible/facts.d", "state": "directory", "mode": "0755"}},
        {copy: {"content": "{}", "dest": "/etc/ansible/facts.d/naive.fact", "mode": "0644"}},
        {copy: {"content": "table inet naive {}\n", "dest": "/etc/naive.nft", "mode": "0644"}},
        {copy: {"content": "[Service]\n", "dest": "/etc/systemd/system/naive.service", "mode": "0644"}},
        {"ansible.builtin.command": "nft -c -f /etc/naive.nft"},
        {"ansible.builtin.command": "nft -f /etc/naive.nft"},
        {"alicloud.imds.metadata_options": api, "delegate_to": "localhost"},
        {"ansible.builtin.uri": {"url": "http://100.100.100.200/", "status_code": [200, 403, 404]}},
        {"alicloud.imds.metadata_info": {"paths": ["instance-id"]}},
    ]


class Measured:
    """The duration in seconds and the API calls of one subject."""

    def __init__(self, seconds: float, reads: int, changes: int) -> None:
        self.seconds, self.reads, self.changes = seconds, reads, changes


def run(player: Player, tasks: list[dict[str, Any]]) -> float:
    """Return the duration in seconds of a play with only these tasks."""
    command = player.command(strategy={"roles": [], "tasks": tasks})
    began = time.monotonic()
    subprocess.run(command, env=player.environment(), check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def measure(player: Player) -> dict[str, Measured]:
    found: dict[str, Measured] = {}

    def note(name: str, seconds: float) -> None:
        calls = player.emulator.calls()
        player.emulator.admin("DELETE", "/calls")
        reads = sum(call["action"] == "DescribeInstances" for call in calls)
        changes = sum(call["action"] == "ModifyInstanceMetadataOptions" and call["status"] == 200 for call in calls)
        found[name] = Measured(seconds, reads, changes)
        print(f"{name}: {seconds:.1f} s, {reads} reads, {changes} changes", flush=True)

    run(player, pings(1))
    note("one ping", run(player, pings(1)))
    note(f"{TASKS} pings", run(player, pings(TASKS)))
    for name, variables in ROLE.items():
        began = time.monotonic()
        player.play(**ENFORCE, **variables).check()
        note(name, time.monotonic() - began)
    note(f"{TASKS} pings again", run(player, pings(TASKS)))
    note("one task per step", run(player, one_task_per_step(player)))
    return found


def render(hosts: int, load: float, found: dict[str, Measured], steps: int) -> str:
    base = min(found[f"{TASKS} pings"].seconds, found[f"{TASKS} pings again"].seconds)
    rows = [
        f"| {name} | {it.seconds:.1f} | {it.seconds / base:.2f} | {it.reads} | {it.changes} |"
        for name, it in found.items()
    ]
    return TEMPLATE.format(
        hosts=hosts,
        tasks=TASKS,
        steps=steps,
        today=datetime.date.today().isoformat(),
        python=platform.python_version(),
        load=load,
        rows="\n".join(rows),
        second=found["second run"].seconds / base,
        naive=found["one task per step"].seconds / found["harden"].seconds,
    )


TEMPLATE = """\
# Benchmarks: hardening many hosts

This benchmark measures the role `alicloud.imds.hardening` on {hosts} hosts with `forks: 20`. It compares the role
with the same number of `ping` tasks, and with a playbook that has one task per step. `make benchmark-hardening` wrote
this page on {today}; do not edit it. Durations depend on the machine, so compare only within one run.

- {hosts} test hosts (network namespaces with an SSH server each), the emulator and Ansible share 2 cores. Python
  {python}. Load average at the start: {load:.1f}. The SSH connections are open at the start.
- The role has {tasks} tasks on each host (probe, tooling, fence, verify), and one task for all hosts that calls the
  API. If the probe finds nothing to change, the role skips the verification. This is the case in the second run.
- *One task per step* copies each file with its own task (the library of the command as one archive) and calls the API
  for each host: {steps} tasks. It has no check of the rules before it loads them, no rollback, and no verification as
  another user.
- *Reads* and *changes* are calls of DescribeInstances and ModifyInstanceMetadataOptions.
  ModifyInstanceMetadataOptions changes one instance per call.

| | s | times {tasks} pings | reads | changes |
|---|---:|---:|---:|---:|
{rows}

A second run takes {second:.2f} times as long as {tasks} pings. One task per step takes {naive:.1f} times as long as
the role.
"""


def main() -> None:
    hosts = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    load = os.getloadavg()[0]
    with Site() as site, tempfile.TemporaryDirectory() as folder:
        made = [site.add(f"host{number}", "plain") for number in range(hosts)]
        config = {"instances": [*map(instance, made), CONTROLLER]}
        with lab.start_emulator(config, control=True) as emulator:
            player = Player(made, emulator, Path(folder))
            found = measure(player)
            steps = len(one_task_per_step(player))
    print(json.dumps({name: vars(it) for name, it in found.items()}, indent=2))
    if hosts >= 50:
        PAGE.write_text(render(hosts, load, found, steps))
        print("Written:", PAGE.relative_to(CHECKOUT))


if __name__ == "__main__":
    main()
