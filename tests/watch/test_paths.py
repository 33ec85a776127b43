# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each method of attribution: short-lived processes of several users in several units and containers, and what is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Start
from machine import CONTAINER, Machine, together, totals
from paths import ATTRIBUTION, EXACT, METHODS, after
from waiting import wait_until

HERE = Path(__file__).resolve().parent
GET = HERE / "clients/get.sh"
ZONE = "/latest/meta-data/zone-id"
PYTHON = os.path.realpath(sys.executable)
SHELLS, EACH = 20, 50  # 1,000 processes
KEPT_USER = 4711
PLACES = (
    "job.service",
    "cron.service",
    "docker/" + CONTAINER,
    "user.slice/session-7.scope",
    "kubepods/pod1/" + CONTAINER,
)


@pytest.mark.parametrize("method", METHODS)
def test_a_thousand_short_lived_processes(
    machine: Machine, start: Start, program: Callable[[str], Path], method: str
) -> None:
    watch = start(*METHODS[method])
    clients = {}
    for number in range(SHELLS):
        uid, place = (0, 33, 1001, 65534)[number % 4], PLACES[number % len(PLACES)]
        shell = program(f"fetcher{number}")
        running = machine.start(shell, GET, ZONE, f"short-{number}", str(EACH), uid=uid, cgroup=place)
        clients[shell] = (uid, place.rpartition("/")[2], running)
    with together([running for _uid, _place, running in clients.values()]):
        pass
    with machine.kept(1, uid=KEPT_USER, cgroup="kept.service"):  # this process lives until the watch has stopped
        content = watch.stop()
    assert content["status"]["attribution"] == ATTRIBUTION[method]
    assert totals(content) == machine.received() == {"normal_mode": SHELLS * EACH + 1}
    (kept,) = [caller for caller in content["callers"] if caller["uid"] == KEPT_USER]
    assert (kept["unit"], kept["exe"]) == ("kept.service", PYTHON)
    right, executables = 0, Counter[str]()
    for caller in content["callers"]:
        executables.update(caller["exe_attributed_by"])
        names = (caller["uid"], caller["comm"], caller["unit"] or (CONTAINER if caller["container"] else None))
        candidates = [shell for shell, (uid, place, _running) in clients.items() if names == (uid, shell.name, place)]
        if candidates:
            right += sum(row["count"] for row in caller["requests"])
            assert caller["exe"] in (str(candidates[0]), None)
        elif method in EXACT and caller is not kept:  # a process that had ended before the watch could read its names
            assert any(
                all(own in (name, None) for own, name in zip(names, (uid, shell.name, place)))
                for shell, (uid, place, _running) in clients.items()
            ), caller
    print(f"{method}: {right} of {SHELLS * EACH} attributed correctly; executables: {dict(executables)}")
    if ATTRIBUTION[method] == "connect":  # the kernel reports all names
        assert right == SHELLS * EACH
    if method in EXACT:
        assert content["status"]["problems"] == []
    else:
        assert "partial coverage" in content["status"]["problems"][0]


def test_the_session_of_the_watch_has_high_priority(start: Start) -> None:
    """The nice value alone would count only among the processes of the session."""
    watch = start()
    assert Path(f"/proc/{watch.process.pid}/autogroup").read_text().split()[1:] == ["nice", "-20"]
    watch.stop()


def instances() -> list[str]:
    """Return the tracing instances of watches, in a tracefs that only this call mounts."""
    listing = subprocess.run(
        [*after("mount -t tracefs tracefs /mnt"), "ls", "/mnt/instances"], check=True, capture_output=True, text=True
    )
    return [name for name in listing.stdout.split() if name.startswith("alicloud-imds-")]


def test_the_tracing_instance_is_removed(machine: Machine, start: Start) -> None:
    before = set(instances())
    watch = start(*METHODS["tracepoint"])
    (mine,) = set(instances()) - before
    watch.stop()
    assert mine not in instances()


def test_the_instance_of_a_killed_watch_is_removed_by_the_next_one(machine: Machine, start: Start) -> None:
    before = set(instances())
    watch = start(*METHODS["tracepoint"])
    (left,) = set(instances()) - before
    watch.process.kill()
    watch.process.wait()
    wait_until(lambda: left in instances())
    again = start(*METHODS["tracepoint"])
    with machine.kept(3, uid=33):
        content = again.stop()
    assert left not in instances()
    assert [caller["attributed_by"] for caller in content["callers"]] == [{"tracepoint": 3}]


def test_two_watches_have_an_instance_each(machine: Machine, start: Start, tmp_path: Path) -> None:
    before = set(instances())
    first = start(*METHODS["tracepoint"], state=tmp_path / "first")
    second = start(*METHODS["tracepoint"], state=tmp_path / "second")
    assert len(set(instances()) - before) == 2
    with machine.kept(3, uid=33):
        contents = [watch.stop() for watch in (first, second)]
    for content in contents:
        assert [caller["attributed_by"] for caller in content["callers"]] == [{"tracepoint": 3}]


def test_the_kernel_drops_records_of_other_connections(machine: Machine, start: Start) -> None:
    """Connections of a busy proxy to port 80 of other servers do not even wake up the watch."""
    before = set(instances())
    watch = start(*METHODS["tracepoint"])
    (mine,) = set(instances()) - before
    code = "import socket\nfor _ in range(500): socket.socket().connect_ex(('10.77.0.1', 80))"
    machine.run(PYTHON, "-c", code)
    script = f"mount -t tracefs tracefs /mnt; cat /mnt/instances/{mine}/per_cpu/cpu*/stats"
    stats = subprocess.run([*after(script), "true"], check=True, capture_output=True, text=True).stdout
    lines = [line.split(": ") for line in stats.splitlines()]
    records = sum(int(value) for name, value in lines if name in ("entries", "read events"))
    assert lines and records < 500  # of programs that were started meanwhile on this machine
    watch.stop()


@pytest.mark.parametrize("method", EXACT)
def test_the_privilege_to_mount_is_dropped(machine: Machine, start: Start, method: str) -> None:
    watch = start(*METHODS[method])
    lines = Path(f"/proc/{watch.process.pid}/status").read_text().splitlines()
    effective, permitted = (int(line.split()[1], 16) for line in lines if line.startswith(("CapEff", "CapPrm")))
    assert not (effective | permitted) & 1 << 21  # CAP_SYS_ADMIN
    watch.stop()


@pytest.mark.parametrize("method", EXACT)
def test_another_program_in_the_same_process(
    machine: Machine, start: Start, program: Callable[[str], Path], method: str
) -> None:
    """A process connects, and starts another program that connects, too, within the time for which a process is remembered."""
    watch = start(*METHODS[method])
    first, second = program("first"), program("second")
    request = f"exec 3<>/dev/tcp/100.100.100.200/80; printf 'GET {ZONE} HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3 >/dev/null"
    request += "; read -r -t 1 <> <(:)"  # wait, so that the watch can read the executable
    machine.run(first, "-c", request + '; exec "$0" -c "$1"', second, request + "; :", uid=33)
    found = {caller["comm"]: caller["exe"] for caller in watch.stop()["callers"]}
    assert found == {"first": str(first), "second": str(second)}
