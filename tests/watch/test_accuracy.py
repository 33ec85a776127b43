# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mixed load of real clients: is every request of the right mode, and of the right caller? The journal is the truth."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Start
from machine import CHECKOUT, CONTAINER, MODES, POD_ADDRESS, Machine, lab, together, totals

HERE = Path(__file__).resolve().parent
GET = HERE / "clients/get.sh"
INTEROP = CHECKOUT / "tests/interop/clients"
FETCHED = CHECKOUT / ".cache/interop"
PYTHON = os.path.realpath(sys.executable)
ZONE = "/latest/meta-data/zone-id"
SHORT = 16 * 320  # processes that live for milliseconds: at once, each


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
    assert totals(content)["without_token"] >= 5000 and content["status"]["dropped"] == 0
    wrong_exe = 0
    for (uid, comm, exe, unit, container, source), agent in expected.items():
        names = {"uid": uid, "comm": comm, "unit": unit, "container": container, "source": source}
        mine = [caller for caller in content["callers"] if names.items() <= caller.items()]
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


@pytest.mark.parametrize("tokens", ["optional", "required"])
def test_real_clients(machine: Machine, start: Start, tmp_path: Path, tokens: str) -> None:
    """Credentials clients, new and old, and cloud-init, new and old, all at once, each in a unit of its own."""
    machine.emulator.admin("PATCH", f"/instances/{machine.instance_id}", {"http_tokens": tokens})
    old = FETCHED / "python/bin/python"
    if not old.exists():
        pytest.skip("the clients have not been fetched; run `make watch`")
    watch = start()
    boot = {suite: FETCHED / "cloud-init" / suite / "usr/lib/python3/dist-packages" for suite in ("trixie", "bookworm")}
    commands = {
        "new.service": [sys.executable, INTEROP / "role_keys.py"],
        "old.service": [old, INTEROP / "role_keys.py", "WatchedRole"],
        "trixie.service": ["env", f"PYTHONPATH={boot['trixie']}", old, INTEROP / "cloud_init.py", tmp_path / "1", "1"],
        "bookworm.service": [
            "env",
            f"PYTHONPATH={boot['bookworm']}",
            old,
            INTEROP / "cloud_init.py",
            tmp_path / "2",
            "1",
        ],
    }
    for number in "12":
        (tmp_path / number).mkdir()
    agents = {"new": "Credentials/1.", "old": "Credentials/0.3.5", "trixie": "Cloud-Init/25"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for process in [machine.start(*words, cgroup=unit, **quiet) for unit, words in commands.items()]:
        process.wait(120)

    def sender(entry: dict) -> str:
        """Only the old cloud-init does not always say who it is."""
        return next((name for name, agent in agents.items() if agent in entry["user_agent"]), "bookworm") + ".service"

    content = watch.stop()
    assert totals(content) == machine.asked()
    for unit in commands:
        found = [caller for caller in content["callers"] if caller["unit"] == unit]
        journal = Counter(MODES[entry["mode"]] for entry in machine.journal() if sender(entry) == unit)
        assert sum((requests(caller) for caller in found), Counter()) == journal, unit
        assert {(caller["uid"], caller["exe"]) for caller in found} == {(0, PYTHON)}
        assert ("without_token" in journal) == (unit in ("old.service", "bookworm.service"))


def test_known_noise(machine: Machine, start: Start) -> None:
    """The current SDK asks again without a token when there is no such role; Cloud Assistant asks without one first."""
    watch = start()
    code = "from alibabacloud_credentials.client import Client; from alibabacloud_credentials.models import Config; "
    code += "Client(Config(type='ecs_ram_role', role_name='NoSuchRole')).get_credential()"
    machine.start(sys.executable, "-c", code, cgroup="sdk.service", stderr=subprocess.DEVNULL).wait(60)
    assistant = Path(lab.scratch("assistant-")) / "aliyun-service"
    shutil.copy("/bin/bash", assistant)
    machine.run(assistant, GET, ZONE, "assistant", cgroup="aliyun.service")
    machine.run("curl", "-s", "100.100.100.200" + ZONE, cgroup="cron.service")
    assert machine.asked("assistant") == {"without_token": 1}
    content = watch.stop()
    assert totals(content) == machine.asked()
    noise = {(caller["unit"], row.get("noise")) for caller in content["callers"] for row in caller["requests"]
        if row["mode"] == "without_token"}  # fmt: skip
    assert noise == {("sdk.service", "retry"), ("aliyun.service", "cloud_assistant"), ("cron.service", None)}


def test_no_false_alarm_of_token_users(machine: Machine, start: Start) -> None:
    """100,000 requests with a token, on kept connections."""
    watch = start()
    running = [machine.start(PYTHON, HERE / "clients/many.py", "50000", uid=33, cgroup="many.service") for _ in "12"]
    with together(running):
        pass
    content = watch.stop()
    assert content["status"]["dropped"] == 0
    assert totals(content) == {"token_request": 2, "with_token": 100000}
