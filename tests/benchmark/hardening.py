# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure the role hardening on several numbers of hosts, beside pings and one task per step.

Runs inside tests/lab/enter, on test hosts of kind plain: namespaces with an SSH server each, which share one root file
system. Each number of hosts has new hosts. A play before all others opens the SSH connections, so that no subject
includes that time.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / name) for name in ("tests/hosts", "tests/lab", "roles/emulator/files")]

import hardening_page  # noqa: E402
import lab  # noqa: E402
from hardening_page import COMPARED, TASKS, Measured, Results  # noqa: E402
from hosts import Site  # noqa: E402
from playing import CONTROLLER, Player, instance  # noqa: E402

PAGE = CHECKOUT / "docs/benchmarks-hardening.md"
OTHER_PAGE = CHECKOUT / ".cache/benchmark/benchmarks-hardening.md"
# The number with all subjects comes first, so that the page of a run that is stopped later has all of its parts.
SIZES = (COMPARED, 10, 200, 1000)
MOST = 1000  # a bridge has 1,024 ports
# Seconds for each host on an idle machine with 2 cores. Only the estimate at the start uses them.
USUAL = {"creation": 0.2, "connections": 0.3, "one ping": 0.14, "harden": 1.3, "second run": 0.9}
USUAL_COMPARED = {"undo": 0.7, "pings": 1.1, "one task per step": 2.5}
PROGRESS_SECONDS = 60
RESULT = re.compile(r"^(?:ok|changed|skipping): ", re.MULTILINE)
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


def run(player: Player, command: list[str]) -> float:
    """Return the duration in seconds of a playbook, which may take longer than tests wait for a process.

    Raises: RuntimeError with the end of the output if the playbook fails.
    """
    output = player.folder / "output"
    began = time.monotonic()
    with output.open("wb") as log_file:
        process = subprocess.Popen(command, env=player.environment(), stdout=log_file, stderr=log_file)
    while True:
        try:
            status = process.wait(PROGRESS_SECONDS)
            break
        except subprocess.TimeoutExpired:
            log(f"  {len(RESULT.findall(output.read_text()))} results of tasks so far")
    seconds = time.monotonic() - began
    if status:
        raise RuntimeError(f"ansible-playbook failed with status {status}: {output.read_text()[-4000:]}")
    return seconds


def measure(player: Player, compare: bool) -> Iterator[tuple[str, Measured]]:
    """Yield each subject with its costs, as soon as it is measured. *compare* adds those of one number of hosts only."""

    def tasks(wanted: list[dict[str, Any]]) -> list[str]:
        return player.command(strategy={"roles": [], "tasks": wanted})

    def role(**variables: Any) -> list[str]:
        return player.command(**ENFORCE, **variables)

    subjects = {"one ping": lambda: tasks(pings(1))}
    if compare:
        subjects[f"{TASKS} pings"] = lambda: tasks(pings(TASKS))
    subjects |= {"harden": role, "second run": role}
    if compare:
        subjects["undo"] = lambda: role(hardening_state="absent")
        subjects[f"{TASKS} pings again"] = lambda: tasks(pings(TASKS))
        subjects["one task per step"] = lambda: tasks(one_task_per_step(player))
    log(f"{len(player.hosts)} hosts: opening the connections")
    run(player, tasks(pings(1)))
    for name, command in subjects.items():
        player.emulator.admin("DELETE", "/calls")
        seconds = run(player, command())
        calls = player.emulator.calls()
        reads = sum(call["action"] == "DescribeInstances" for call in calls)
        changes = sum(call["action"] == "ModifyInstanceMetadataOptions" and call["status"] == 200 for call in calls)
        yield name, Measured(seconds, reads, changes)


@contextmanager
def hosts_of(number: int) -> Iterator[tuple[Player, int]]:
    """Create *number* hosts and an emulator with their instances; yield a player for them and the number of its steps."""
    with Site() as site, tempfile.TemporaryDirectory() as folder:
        made = []
        for count in range(1, number + 1):
            made.append(site.add(f"host{count}", "plain"))
            if not count % 100:
                log(f"{count} hosts created")
        config = {"instances": [*map(instance, made), CONTROLLER]}
        with lab.start_emulator(config, control=True) as emulator:
            player = Player(made, emulator, Path(folder))
            for host in made:
                # One task on 1,000 hosts takes minutes, and the connections must survive it.
                ssh = host.ansible_variables()["ansible_ssh_args"].replace("ControlPersist=300", "ControlPersist=3600")
                player.variables[host.name] = {"ansible_ssh_args": ssh}
            yield player, len(one_task_per_step(player))


def estimate(sizes: list[int]) -> float:
    """Return the minutes that the run usually takes."""
    seconds = sum(sizes) * sum(USUAL.values())
    return (seconds + sizes.count(COMPARED) * COMPARED * sum(USUAL_COMPARED.values())) / 60


BEGAN = time.monotonic()


def log(text: str) -> None:
    print(f"{time.monotonic() - BEGAN:6.0f} s  {text}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = " ".join(map(str, SIZES))
    more = f"default: {default}; with others that include {COMPARED}, writes {OTHER_PAGE.relative_to(CHECKOUT)}"
    parser.add_argument("sizes", metavar="HOSTS", type=int, nargs="*", help=f"numbers of hosts ({more})")
    sizes: list[int] = parser.parse_args().sizes or list(SIZES)
    if not all(0 < size <= MOST for size in sizes):
        parser.error(f"a number of hosts is between 1 and {MOST}, because a bridge has 1,024 ports")
    page = PAGE if sizes == list(SIZES) else OTHER_PAGE
    page.parent.mkdir(exist_ok=True)
    log(f"{', '.join(map(str, sizes))} hosts: about {estimate(sizes):.0f} minutes on an idle machine with 2 cores")
    load, results = os.getloadavg()[0], Results()
    for size in sizes:
        with hosts_of(size) as (player, results.steps):
            log(f"{size} hosts are ready")
            for name, found in measure(player, compare=size == COMPARED):
                results.sizes.setdefault(size, {})[name] = found
                each = f"{found.seconds / size:.2f} s for each host"
                log(
                    f"{size} hosts, {name}: {found.seconds:.1f} s ({each}), {found.reads} reads, {found.changes} changes"
                )
                if results.complete():
                    page.write_text(hardening_page.render(results, load, page))
        if results.complete():
            log(f"wrote {page.relative_to(CHECKOUT)}")


if __name__ == "__main__":
    main()
