# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units whose control groups are removed before the watch looks at them, as on a busy host."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from conftest import Start
from machine import Machine

from plugins.module_utils._watch._bpf_groups import NewGroups  # `python -m pytest` adds the checkout to sys.path

GET = Path(__file__).resolve().parent / "clients/get.sh"
ZONE = "/latest/meta-data/zone-id"
UNITS = 20

# Runs a command in a control group, and removes the group while the process has ended and its parent has not waited for it yet.
WAIT_LATER = """
import os, subprocess, sys
group, *command = sys.argv[1:]
child = subprocess.Popen(["sh", "-c", 'echo 0 > "$0/cgroup.procs"; exec "$@"', group, *command])
assert os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT).si_status == 0
os.rmdir(group)
print(open("/proc/%d/cgroup" % child.pid).read(), flush=True)
sys.stdin.read()
child.wait()
"""


def units(content: dict[str, Any]) -> Counter[str | None]:
    found: Counter[str | None] = Counter()
    for caller in content["callers"]:
        found[caller["unit"]] += sum(row["count"] for row in caller["requests"])
    return found


def test_units_that_end_while_the_watch_is_suspended(machine: Machine, start: Start) -> None:
    watch = start()
    watch.process.send_signal(signal.SIGSTOP)
    for number in range(UNITS):
        unit = f"work.slice/short{number}.service"
        machine.run("bash", GET, ZONE, "ask", "1", uid=33, cgroup=unit)
        assert machine.cgroups
        (machine.cgroups / unit).rmdir()
    watch.process.send_signal(signal.SIGCONT)
    content = watch.stop()
    assert content["status"]["problems"] == []
    assert units(content) == {f"short{number}.service": 1 for number in range(UNITS)}


def test_a_unit_that_is_removed_before_its_process(machine: Machine, start: Start) -> None:
    """Systemd removes the group of a unit before it waits for the process, which still is in /proc."""
    watch = start()
    watch.process.send_signal(signal.SIGSTOP)
    assert machine.cgroups
    group = machine.cgroups / "work.slice/ended.service"
    group.mkdir(parents=True)
    command = machine.command(sys.executable, "-c", WAIT_LATER, group, "bash", GET, ZONE, "ask", "1")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdin and parent.stdout
        lines = iter(parent.stdout.readline, "\n")
        assert any(line.endswith("/work.slice/ended.service (deleted)\n") for line in lines)
        watch.process.send_signal(signal.SIGCONT)
        content = watch.stop()
        parent.stdin.close()
        assert parent.wait() == 0
    assert units(content) == {"ended.service": 1}


def test_only_groups_that_root_creates_are_reported(machine: Machine) -> None:
    assert machine.cgroups
    delegated = machine.cgroups / "mallory.service"
    groups = NewGroups()
    try:
        delegated.mkdir()
        os.chown(delegated, 33, 33)
        subprocess.run(["setpriv", "--reuid", "33", "--clear-groups", "mkdir", delegated / "nginx.service"], check=True)
        long = delegated / ("x" * 200) / ("y" * 200)
        long.mkdir(parents=True)
        begin = f"/{machine.cgroups.name}/"
        ours = {path.rpartition("/")[2]: number for number, path in groups.read() if path.startswith(begin)}
        # The path of the last one does not fit.
        assert ours == {path.name: path.stat().st_ino for path in (delegated, long.parent)}
    finally:
        groups.close()
