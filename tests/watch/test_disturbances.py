# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The watch recovers from disturbances, or reports them: signals, a full disk, a changed clock, missing privileges."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import interpreters
import lab
import pytest
from conftest import Start
from machine import CHECKOUT, POD_ADDRESS, Machine, Watch, launcher, totals
from waiting import wait_until

HERE = Path(__file__).resolve().parent
GET = HERE / "clients/get.sh"
ZONE = "/latest/meta-data/zone-id"
PYTHON = os.path.realpath(sys.executable)


def send(machine: Machine, times: int, **where) -> None:
    """Send normal-mode requests from a shell; all must be answered."""
    machine.run("bash", GET, ZONE, "ask", str(times), **where)


def counted(watch: Watch) -> int:
    """Return the number of normal-mode requests in the file."""
    return totals(watch.content())["normal_mode"] if (watch.state / "callers.json").exists() else 0


def test_ready_and_readable_by_root_only(machine: Machine, start: Start) -> None:
    watch = start()
    assert watch.ready.startswith("READY=1\nSTATUS=Recording: the kernel reports connecting processes")
    wait_until((watch.state / "callers.json").exists)
    assert (watch.state / "callers.json").stat().st_mode & 0o777 == 0o600
    assert watch.state.stat().st_mode & 0o777 == 0o700
    content = watch.stop()
    assert content["callers"] == [] and content["status"]["problems"] == []


@pytest.mark.parametrize("version", interpreters.VERSIONS)
def test_every_python(machine: Machine, start: Start, version: str) -> None:
    python = interpreters.find().get(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    watch = start(python=str(python))
    send(machine, 5, uid=33, cgroup="ask.service")
    (caller,) = watch.stop()["callers"]
    assert (caller["uid"], caller["comm"], caller["unit"], caller["attributed_by"]) == (
        33,
        "bash",
        "ask.service",
        {"connect": 5},
    )


def test_killed_and_started_again(machine: Machine, start: Start) -> None:
    watch = start()
    send(machine, 5)
    wait_until(lambda: counted(watch) == 5)
    since = watch.content()["periods"][-1][0]
    watch.process.kill()
    watch.process.wait()
    send(machine, 3)  # without a watch: not recorded, but answered
    again = start()
    send(machine, 7)
    content = again.stop()
    assert totals(content) == {"normal_mode": 12}
    assert [period[0] for period in content["periods"]] == [since]  # a short gap does not end the period


def test_a_second_watch_is_refused(machine: Machine, start: Start, tmp_path: Path) -> None:
    watch = start()
    done = subprocess.run(
        machine.command(launcher(tmp_path), "watch", "--state-dir", watch.state),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "Another watch is running" in done.stderr
    watch.stop()


def test_a_suspended_watch_delays_no_request_and_misses_none(machine: Machine, start: Start) -> None:
    watch = start()
    watch.process.send_signal(signal.SIGSTOP)
    send(machine, 50, uid=33)
    watch.process.send_signal(signal.SIGCONT)
    content = watch.stop()
    assert totals(content) == {"normal_mode": 50}
    assert {caller["uid"] for caller in content["callers"]} == {33}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k,mode=700", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk(machine: Machine, start: Start, small_disk: Path) -> None:
    watch = start(state=small_disk)
    send(machine, 2)
    wait_until(lambda: counted(watch) == 2)
    with (small_disk / "ballast").open("wb", buffering=0) as ballast, pytest.raises(OSError, match="No space"):
        while True:
            ballast.write(b"x" * 512)
    send(machine, 3)
    wait_until(lambda: "The watch continues in memory" in watch.log.read_text())
    assert "No space left on device" in watch.log.read_text()
    assert counted(watch) == 2  # the earlier file is complete
    send(machine, 4)
    (small_disk / "ballast").unlink()
    wait_until(lambda: counted(watch) == 9)
    wait_until(lambda: "Writing the records works again" in watch.log.read_text())
    assert watch.stop()["status"]["problems"] == []
    assert sorted(path.name for path in small_disk.iterdir()) == ["callers.json", "lock"]


def test_an_invalid_file_is_renamed(machine: Machine, start: Start, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    for text in ("garbage", '{"format":1,"status":{},"periods":[],"callers":[{"uid":1}],"other":{}}'):
        (state / "callers.json").write_text(text)
        watch = start()
        send(machine, 1)
        content = watch.stop()
        assert totals(content) == {"normal_mode": 1}
        assert "was renamed to" in content["status"]["problems"][0]
        assert (state / "callers.json.unreadable").read_text() == text


def test_the_clock_is_set_back(machine: Machine, tmp_path: Path) -> None:
    """Only the watch gets another time, because other processes use this host, too."""
    offset, state = tmp_path / "offset", tmp_path / "state"
    offset.write_text("0")
    code = "import sys, time, types; real = time.time; time.time = lambda: real() + int(open(sys.argv[1]).read()); "
    code += "package = types.ModuleType('x'); package.__path__ = [sys.argv[2]]; sys.modules['x'] = package; "
    code += "from x._command._main import main; sys.exit(main(['watch', '--state-dir', sys.argv[3]]))"
    command = machine.command(PYTHON, "-c", code, offset, CHECKOUT / "plugins/module_utils", state)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    wait_until((state / "callers.json").exists)
    send(machine, 1)
    wait_until(lambda: "normal_mode" in (state / "callers.json").read_text())
    offset.write_text("-1000000")
    send(machine, 1)
    wait_until(lambda: "set back" in (state / "callers.json").read_text())
    process.send_signal(signal.SIGTERM)
    _out, err = process.communicate(timeout=30)
    assert process.returncode == 0 and "Traceback" not in err
    content = json.loads((state / "callers.json").read_text())
    now = int(time.time()) - 1000000
    for row in content["callers"][0]["requests"]:
        assert row["count"] == 2 and row["first"] <= row["last"] <= now + 1
    assert all(begin <= end <= now + 1 for begin, end in content["periods"])
    assert content["status"]["running_since"] <= content["status"]["updated"] <= now + 1
    assert any(
        "set back by 1000000 s" in problem or "set back by 999999 s" in problem
        for problem in content["status"]["problems"]
    )


def test_a_network_device_is_removed_and_added_again(machine: Machine, start: Start, emulator: lab.Emulator) -> None:
    watch = start()
    send(machine, 2)

    def batch(*commands: str, where: tuple[str, ...] = ()) -> None:
        subprocess.run(["ip", *where, "-batch", "-"], input="\n".join(commands), text=True, check=True)

    inside = ("-n", machine.name)
    batch("link set eth0 down", where=inside)
    batch("link set eth0 up", f"route add default via {lab.GATEWAY}", where=inside)
    send(machine, 3)
    port = "port" + "-".join(machine.ip.split(".")[2:])
    batch(f"link del {port}")
    batch(
        f"link add {port} type veth peer name eth0 address {lab.mac_of(machine.ip)} netns {machine.name}",
        f"link set {port} master br0 up",
    )
    batch(
        f"addr add {machine.ip}/16 dev eth0", "link set eth0 up", f"route add default via {lab.GATEWAY}", where=inside
    )
    send(machine, 4)
    content = watch.stop()
    assert totals(content) == {"normal_mode": 9} and content["status"]["problems"] == []


def test_a_connection_that_is_older_than_the_watch(machine: Machine, start: Start) -> None:
    watches: list[Watch] = []
    with machine.kept(3, before=lambda: watches.append(start()), uid=33, cgroup="kept.service"):
        (caller,) = watches[0].stop()["callers"]
    assert (caller["uid"], caller["exe"], caller["unit"]) == (33, PYTHON, "kept.service")
    assert caller["attributed_by"] == {"socket": 3} and caller["requests"][0]["count"] == 3


def test_an_ipv6_socket_with_an_ipv4_address(machine: Machine, start: Start) -> None:
    """Java connects IPv6 sockets to IPv4-mapped addresses."""
    watch = start()
    with machine.kept(2, "--ipv6", uid=33):
        (caller,) = watch.stop()["callers"]
    assert (caller["uid"], caller["exe"], caller["attributed_by"]) == (33, PYTHON, {"connect": 2})


def test_without_bpf_processes_are_found_by_their_sockets(machine: Machine, start: Start) -> None:
    machine.add_pod("ip saddr 172.30.0.0/24")
    watch = start("setpriv", "--bounding-set", "-bpf,-sys_admin")
    assert "looked up by their open sockets" in watch.ready
    where = {"uid": 33, "cgroup": "kept.service"}
    with machine.kept(3, **where), machine.kept(3, pod=True, **where):
        send(machine, 20, uid=1001)
        content = watch.stop()
    assert (
        content["status"]["attribution"] == "socket"
        and "BPF programs cannot be loaded" in content["status"]["problems"][0]
    )
    assert totals(content) == machine.received()
    assert totals(
        content, lambda caller: caller["source"] == POD_ADDRESS and caller["attributed_by"] == {"address": 3}
    ) == {"normal_mode": 3}
    assert totals(content, lambda caller: caller["exe"] == PYTHON and caller["unit"] == "kept.service") == {
        "normal_mode": 3
    }


def test_without_cap_perfmon_command_names_may_be_missing(machine: Machine, start: Start) -> None:
    watch = start("setpriv", "--bounding-set", "-all,+net_raw,+net_admin,+bpf,+sys_ptrace")
    send(machine, 20, uid=1001, cgroup="ask.service")
    content = watch.stop()
    assert content["status"]["attribution"] == "connect" and "CAP_PERFMON" in content["status"]["problems"][0]
    assert {(caller["uid"], caller["unit"]) for caller in content["callers"]} == {(1001, "ask.service")}
    assert {caller["comm"] for caller in content["callers"]} <= {"bash", None}


def test_without_cap_net_raw_the_watch_fails(machine: Machine, tmp_path: Path) -> None:
    command = machine.command(
        "setpriv", "--bounding-set", "-net_raw", launcher(tmp_path), "watch", "--state-dir", tmp_path / "state"
    )
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and "needs CAP_NET_RAW" in done.stderr


def processor_time(watch: Watch) -> float:
    """Return the processor time of the watch, in seconds."""
    fields = Path(f"/proc/{watch.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(watch: Watch) -> int:
    """Return the resident memory of the watch, in bytes."""
    lines = Path(f"/proc/{watch.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


HOSTILE = {"garbage": 300, "tls": 100, "huge": 60, "many": 60, "half": 300, "smuggle": 100, "syn": 40000}


def queued(machine: Machine) -> int:
    """Return the size of the packets that wait to be read: the column Rmem."""
    lines = [line.split() for line in machine.run("cat", "/proc/net/packet").splitlines()]
    return sum(int(line[lines[0].index("Rmem")]) for line in lines[1:])


def test_hostile_traffic_is_counted_in_bounded_memory(machine: Machine, start: Start) -> None:
    watch = start()
    used = []
    for _round in range(3):
        for kind, times in HOSTILE.items():
            machine.run(PYTHON, HERE / "clients/flood.py", kind, str(times), cgroup=f"{kind}.service")
        used.append(memory(watch))
    wait_until(lambda: not queued(machine), "the watch to read what is queued")
    send(machine, 10, uid=33)
    content = watch.stop()
    print(f"memory after each round: {used}; {totals(content)}")
    assert used[2] - used[1] < 4 << 20
    assert totals(content, lambda caller: caller["uid"] == 33) == {"normal_mode": 10}
    connections = 3 * sum(times for kind, times in HOSTILE.items() if kind != "syn")
    if not content["status"]["dropped"]:
        assert totals(content, lambda caller: caller["uid"] == 0) == {"unparsable": connections}


def test_the_watch_stops_during_a_flood_that_does_not_end(machine: Machine, start: Start) -> None:
    """More packets arrive than the watch can read with half of a processor, so it never has read all of them."""
    watch = start()
    flood = machine.start(PYTHON, HERE / "clients/flood.py", "syn", str(10**9))
    session = Path(f"/proc/{watch.process.pid}/autogroup")
    try:
        wait_until(lambda: session.read_text().endswith("nice 0\n"), "normal priority")
        began, used = time.monotonic(), processor_time(watch)
        wait_until(lambda: time.monotonic() - began > 5)
        assert processor_time(watch) - used < 0.6 * (time.monotonic() - began)
        wait_until(lambda: watch.content()["status"]["dropped"], "lost packets")
        content = watch.stop()
    finally:
        flood.kill()
        flood.wait()
    assert content["status"]["dropped"] and content["status"]["last_loss"]
    assert "stopped while more packets arrived than it could read" in content["status"]["problems"][-1]


NAMES = [
    r"\x1b]0;owned\x07",
    r"\x1b[2J\x1b[31m",
    "<script>x(1)",
    r"a\\nb",
    r"a\nb",
    r"\xff\xfe\xe2\x80\xae",
    '"}],x',
    "{{ 1 / 0 }}",
]


def test_hostile_command_names_are_recorded_and_printed_safely(machine: Machine, start: Start, tmp_path: Path) -> None:
    watch = start()
    for name in NAMES:
        machine.run(PYTHON, HERE / "clients/rename.py", name)
    content = watch.stop()
    assert totals(content) == {"normal_mode": len(NAMES)}
    expected = {
        name.encode().decode("unicode_escape").encode("latin-1").decode("utf-8", "backslashreplace") for name in NAMES
    }
    assert {caller["comm"] for caller in content["callers"]} == expected
    assert {caller["exe"] for caller in content["callers"]} == {PYTHON}
    output = machine.run(launcher(tmp_path), "callers", "--state-dir", watch.state)
    assert len(output.splitlines()) == 2 * len(NAMES) + 6  # each caller, and what it would lose
    assert all(char.isprintable() for line in output.splitlines() for char in line)
