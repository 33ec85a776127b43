# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the records of a mixed load of real clients with the emulator's journal: mode and caller of every request."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import lab
import pytest
from conftest import Start
from machine import CHECKOUT, CONTAINER, POD_ADDRESS, Machine, together, totals

HERE = Path(__file__).resolve().parent
GET = HERE / "clients/get.sh"
INTEROP = CHECKOUT / "tests/interop/clients"
FETCHED = CHECKOUT / ".cache/interop"
PYTHON = os.path.realpath(sys.executable)
ZONE = "/latest/meta-data/zone-id"
SHORT = 16 * 320  # 16 shells at once, each of which starts 320 short-lived processes


def requests(caller: dict) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in caller["requests"]:
        found[row["mode"]] += row["count"]
    return found


class Expected(NamedTuple):
    """The names that the watch must record for a caller."""

    uid: int
    comm: str
    exe: str
    unit: str | None
    container: str | None = None
    source: str | None = None

    def records(self, content: dict) -> list[dict]:
        """Return the records with these names, except for the executable."""
        names = self._asdict()
        del names["exe"]
        return [caller for caller in content["callers"] if names.items() <= caller.items()]


def short_lived(machine: Machine, program: Callable[[str], Path]) -> Iterator[tuple[Expected, str, subprocess.Popen]]:
    """Start sixteen shells, as four users in sixteen units, that start a process for each request."""
    for number in range(16):
        uid, unit, agent = (0, 33, 1001, 65534)[number % 4], f"job{number}.service", f"short-{number}"
        shell = program(f"fetcher{number}")
        running = machine.start(shell, GET, ZONE, agent, str(SHORT // 16), uid=uid, cgroup=unit)
        yield Expected(uid, shell.name, str(shell), unit), agent, running


def others(machine: Machine, program: Callable[[str], Path]) -> Iterator[tuple[Expected, str, subprocess.Popen]]:
    """Start a program in a container, one that mixes modes on kept connections, and curl in a loop."""
    pod = program("in-a-pod")
    place = f"docker/{CONTAINER}"
    running = machine.start(pod, GET, ZONE, "pod", "40", uid=7, cgroup=place, pod=True)
    yield Expected(7, "in-a-pod", str(pod), None, "docker:" + CONTAINER[:12], POD_ADDRESS), "pod", running
    running = machine.start(PYTHON, HERE / "clients/mixed.py", "mixed", "200", uid=33, cgroup="mixed.service")
    yield Expected(33, Path(PYTHON).name[:15], PYTHON, "mixed.service"), "mixed", running
    curl = "for i in $(seq 20); do curl -sf -A curl -o /dev/null 100.100.100.200$0 || exit; done"
    running = machine.start("bash", "-c", curl, ZONE, uid=1001, cgroup="cron.service")
    yield Expected(1001, "curl", "/usr/bin/curl", "cron.service"), "curl", running


def test_every_request_of_a_mixed_load_is_attributed(
    machine: Machine, start: Start, program: Callable[[str], Path]
) -> None:
    machine.add_pod()
    watch = start()
    clients = [*short_lived(machine, program), *others(machine, program)]
    with together([process for _expected, _agent, process in clients]):
        pass
    content = watch.stop()
    assert totals(content) == machine.received()
    assert totals(content)["normal_mode"] >= 5000 and content["status"]["dropped"] == 0
    not_known = 0
    for expected, agent, _process in clients:
        mine = expected.records(content)
        assert sum((requests(caller) for caller in mine), Counter()) == machine.received(agent), agent
        assert {caller["exe"] for caller in mine} <= {expected.exe, None}
        not_known += sum(requests(caller).total() for caller in mine if caller["exe"] is None)
    ways: Counter[str] = sum((Counter(caller["exe_attributed_by"]) for caller in content["callers"]), Counter())
    print(f"{totals(content)}; executables: {dict(ways)}, not known: {not_known}")
    assert not_known <= 0.05 * totals(content).total()
    assert {way for caller in content["callers"] for way in caller["attributed_by"]} == {"connect"}


@pytest.mark.parametrize("tokens", ["optional", "required"])
def test_real_clients_are_recorded_like_in_the_journal(
    machine: Machine, start: Start, tmp_path: Path, tokens: str
) -> None:
    """Run new and old credentials clients and cloud-init at once, each in a unit of its own."""
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
        """Return the unit of the sender; only the old cloud-init sends requests without its user agent."""
        return next((name for name, agent in agents.items() if agent in entry["user_agent"]), "bookworm") + ".service"

    content = watch.stop()
    assert totals(content) == machine.received()
    for unit in commands:
        found = [caller for caller in content["callers"] if caller["unit"] == unit]
        journal = Counter(entry["mode"] for entry in machine.journal() if sender(entry) == unit)
        assert sum((requests(caller) for caller in found), Counter()) == journal, unit
        assert {(caller["uid"], caller["exe"]) for caller in found} == {(0, PYTHON)}
        assert ("normal_mode" in journal) == (unit in ("old.service", "bookworm.service"))


def test_expected_normal_mode_requests_are_marked_as_noise(machine: Machine, start: Start) -> None:
    """The current SDK repeats a failed request in normal mode; Cloud Assistant sends a normal-mode request first."""
    watch = start()
    code = "from alibabacloud_credentials.client import Client; from alibabacloud_credentials.models import Config; "
    code += "Client(Config(type='ecs_ram_role', role_name='NoSuchRole')).get_credential()"
    machine.start(sys.executable, "-c", code, cgroup="sdk.service", stderr=subprocess.DEVNULL).wait(60)
    assistant = Path(lab.scratch("assistant-")) / "aliyun-service"
    shutil.copy("/bin/bash", assistant)
    machine.run(assistant, GET, ZONE, "assistant", cgroup="aliyun.service")
    machine.run("curl", "-s", "100.100.100.200" + ZONE, cgroup="cron.service")
    assert machine.received("assistant") == {"normal_mode": 1}
    content = watch.stop()
    assert totals(content) == machine.received()
    noise = {
        (caller["unit"], row.get("noise"))
        for caller in content["callers"]
        for row in caller["requests"]
        if row["mode"] == "normal_mode"
    }
    assert noise == {("sdk.service", "retry"), ("aliyun.service", "cloud_assistant"), ("cron.service", None)}


def test_token_authenticated_requests_are_never_taken_for_normal_mode(machine: Machine, start: Start) -> None:
    """Send 100,000 token-authenticated requests on kept connections."""
    watch = start()
    running = [
        machine.start(PYTHON, HERE / "clients/many.py", "50000", uid=33, cgroup="many.service") for _number in "12"
    ]
    with together(running):
        pass
    content = watch.stop()
    assert content["status"]["dropped"] == 0
    assert totals(content) == {"token_request": 2, "token_authenticated": 100000}
