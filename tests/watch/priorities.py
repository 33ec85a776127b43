# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what the high priority of the watch is for: the executables of short-lived processes that it can still read."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from machine import Machine, Watch, together, totals

GET = Path(__file__).resolve().parent / "clients/get.sh"
ZONE = "/latest/meta-data/zone-id"
SHELLS = 8
PRIORITIES = {"high": (), "normal": ("setpriv", "--bounding-set", "-sys_nice")}


class Known(NamedTuple):
    """Numbers of requests: all, those with the right command name and unit, and those whose executable is known.

    *read*: from the process itself. *same_name*: from another process with the same name, user and unit.
    """

    priority: str
    busy: int  # loops beside the measurement
    requests: int
    named: int
    read: int
    same_name: int


def measure(machine: Machine, start: Callable[..., Watch], each: int) -> list[Known]:
    """Let SHELLS shells start *each* short-lived processes, with each priority, without and with busy loops."""
    found = []
    for loops in (0, 2 * (os.cpu_count() or 1)):
        for priority, before in PRIORITIES.items():
            with busy(loops):
                found.append(_measure(machine, start(*before), each, priority, loops))
    return found


def _measure(machine: Machine, watch: Watch, each: int, priority: str, loops: int) -> Known:
    clients = {}
    with tempfile.TemporaryDirectory(dir="/run") as folder:
        Path(folder).chmod(0o755)
        for number in range(SHELLS):
            shell = Path(folder) / f"{priority}{loops}-{number}"
            shutil.copy(shutil.which("bash") or "/bin/bash", shell)
            unit = f"{shell.name}.service"
            clients[shell.name, unit] = machine.start(shell, GET, ZONE, "short", str(each), uid=33, cgroup=unit)
        with together(list(clients.values())):
            pass
        content = watch.stop()
    ways = sum((Counter(caller["exe_attributed_by"]) for caller in content["callers"]), Counter[str]())
    named = totals(content, lambda caller: (caller["comm"], caller["unit"]) in clients).total()
    return Known(priority, loops, SHELLS * each, named, ways["proc"], ways["same_name"])


@contextlib.contextmanager
def busy(loops: int) -> Iterator[None]:
    """Keep the processors busy with *loops* processes, each in a session of its own like services."""
    command = [sys.executable, "-c", "while True: pass"]
    running = [subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True) for _loop in range(loops)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()
