# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mixed load of real clients: is every request of the right mode, and of the right caller? The journal is the truth."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from conftest import Start
from machine import CHECKOUT, CONTAINER, POD_ADDRESS, Machine, together, totals

HERE = Path(__file__).resolve().parent
GET = HERE / "clients/get.sh"
INTEROP = CHECKOUT / "tests/interop/clients"
FETCHED = CHECKOUT / ".cache/interop"
PYTHON = os.path.realpath(sys.executable)
ZONE = "/latest/meta-data/zone-id"
SHORT = 16 * 4 * 70  # processes that live for milliseconds: at once, users, each


def requests(caller: dict) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in caller["requests"]:
        found[row["mode"]] += row["count"]
    return found


def test_mixed_load(machine: Machine, start: Start, program: Callable[[str], Path]) -> None:
    machine.add_pod()
    watch = start()
    running, expected = [], {}

    def client(key: tuple, agent: str, *words: str | Path, **where) -> None:
        """*key*: what the watch must say of it."""
        expected[key] = agent
        running.append(machine.start(*words, **where))

    users = (0, 33, 1001, 65534)
    for number in range(16):
        uid, unit = users[number % 4], f"job{number}.service"
        shell = program(f"fetcher{number}")
        key = (uid, shell.name, str(shell), unit, None, None)
        client(key, f"short-{number}", shell, GET, ZONE, f"short-{number}", str(SHORT // 16), uid=uid, cgroup=unit)
    pod = program("in-a-pod")
    place = f"docker/{CONTAINER}"
    client((7, "in-a-pod", str(pod), None, "docker:" + CONTAINER[:12], POD_ADDRESS), "pod",
        pod, GET, ZONE, "pod", "40", uid=7, cgroup=place, pod=True)  # fmt: skip
    client((33, Path(PYTHON).name[:15], PYTHON, "mixed.service", None, None), "mixed",
        PYTHON, HERE / "clients/mixed.py", "mixed", "200", uid=33, cgroup="mixed.service")  # fmt: skip
    curl = "for i in $(seq 20); do curl -sf -A curl -o /dev/null 100.100.100.200$0 || exit; done"
    client((1001, "curl", "/usr/bin/curl", "cron.service", None, None), "curl",
        "bash", "-c", curl, ZONE, uid=1001, cgroup="cron.service")  # fmt: skip
    with together(running):
        pass
    content = watch.stop()
    assert totals(content) == machine.asked()
    assert totals(content)["without_token"] >= 4000 and content["status"]["dropped"] == 0
    wrong_exe = 0
    for (uid, comm, exe, unit, container, source), agent in expected.items():
        mine = [caller for caller in content["callers"]
            if [caller[name] for name in ("uid", "comm", "unit", "container", "source")] == [uid, comm, unit, container, source]]  # fmt: skip
        found = sum((requests(caller) for caller in mine), Counter())
        assert found == machine.asked(agent), agent
        wrong_exe += sum(requests(caller).total() for caller in mine if caller["exe"] != exe)
        assert {caller["exe"] for caller in mine} <= {exe, None}
    ways: Counter[str] = Counter()
    for caller in content["callers"]:
        ways.update(caller["exe_found_by"])
    print(f"{totals(content)}; executables: {dict(ways)}, not known: {wrong_exe}")
    assert wrong_exe <= 0.05 * totals(content).total()
    assert {way for caller in content["callers"] for way in caller["found_by"]} == {"connect"}
