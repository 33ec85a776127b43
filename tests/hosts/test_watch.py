# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the callers watch as a sandboxed service on hosts with systemd, and attribute requests of units and containers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lab
import pytest
from containers import Container
from host import Host
from waiting import wait_until

CHECKOUT = Path(__file__).resolve().parents[2]
UNIT = "alicloud-imds-watch.service"
STATE = "/var/lib/alicloud-imds"
KEPT = "/usr/local/bin/kept"
ZONE = f"http://{lab.SERVICE}/latest/meta-data/zone-id"
GET = f"exec 3<>/dev/tcp/{lab.SERVICE}/80; printf 'GET /latest/meta-data/%s HTTP/1.0\\r\\n\\r\\n' $0 >&3; "
GET += "read -r -t 20 version status rest <&3; [ $status = 200 ]"

NewHost = Callable[..., Host]


def install(host: Host, folder: Path) -> None:
    """Install the watch with the module tooling, as the role does."""
    (folder / "inventory.json").write_text(json.dumps({"all": {"hosts": {host.name: host.ansible_variables()}}}))
    (folder / "ansible.cfg").touch()
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".cache/collections"), "HOME": str(folder)}
    environment["ANSIBLE_CONFIG"] = str(folder / "ansible.cfg")
    command = [str(Path(sys.executable).parent / "ansible"), "all", "--inventory", str(folder / "inventory.json")]
    command += ["--module-name", "alicloud.imds.tooling", "--args", "watch=true"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    # Control groups of test hosts have no weights, so the kernel shares processor time among sessions: give this one the same.
    script = f"pid=$(systemctl show --value --property=MainPID {UNIT}); [ ! -e /proc/$pid/autogroup ] || echo -20 >/proc/$pid/autogroup"
    host.output("sh", "-c", script)


def report(host: Host, *options: str) -> Any:
    return json.loads(host.output("ecs-metadata", "callers", "--json", *options))


def found(host: Host) -> Counter[tuple[Any, ...]]:
    """Stop the watch, and return the numbers of requests by unit, user, command name and mode."""
    host.output("systemctl", "stop", UNIT)
    requests: Counter[tuple[Any, ...]] = Counter()
    for caller in report(host)["callers"]:
        for row in caller["requests"]:
            requests[caller["unit"], caller["user"], caller["comm"], row["mode"]] += row["count"]
    return requests


def send_and_wait(host: Host, container: Container | None = None, user: str = "root") -> None:
    """Send a request from a unit and one from a container, by processes that live until they are recorded."""
    host.output("cp", "/usr/bin/bash", KEPT)
    script = f"{GET} && {{ sleep 3600; true; }}"
    host.output(
        "systemd-run", "--quiet", "--collect", "--unit=kept", f"--property=User={user}", KEPT, "-c", script, "mac"
    )
    if container:
        begun = container.run("sh", "-c", '"$@" >/dev/null 2>&1 & echo $!', "sh", KEPT, "-c", script, "mac")

    def seen() -> bool:
        return [caller["comm"] for caller in report(host)["callers"]].count("kept") == (2 if container else 1)

    wait_until(seen, "the records of the processes")
    host.output("systemctl", "stop", "kept.service")
    if container:
        host.output("kill", "-KILL", begun.stdout.strip())


@pytest.mark.parametrize("root", ["bookworm", "trixie"])
def test_units_users_and_containers(
    new_host: NewHost, start_emulator: Callable[..., lab.Emulator], root: str, tmp_path: Path
) -> None:
    host = new_host("systemd", root)
    emulator = start_emulator({"instances": [{"host": host.name, "http_tokens": "optional"}]})
    install(host, tmp_path)
    emulator.admin("DELETE", "/journal")  # the requests of the self-test, before the watch started
    status = json.loads(host.output("ecs-metadata", "watch", "--status", "--json"))
    assert (status["running"], status["attribution"], status["problems"]) == (True, "connect", [])
    run = ["systemd-run", "--quiet", "--wait", "--collect"]
    host.start_living_unit()
    for number in range(20):  # each unit lives as long as its process: some milliseconds
        host.output(*run, f"--unit=short{number}", "--property=User=www-data", "bash", "-c", GET, "mac")
    host.output("systemctl", "kill", "--signal=STOP", UNIT)
    for number in range(5):
        host.output(*run, f"--unit=late{number}", "bash", "-c", GET, "mac")
    host.output("systemctl", "kill", "--signal=CONT", UNIT)
    loop = f"for i in $(seq 50); do bash -c '{GET.replace(chr(39), chr(34))}' mac || exit; done"
    host.output(*run, "--unit=loop", "--property=DynamicUser=yes", "bash", "-c", loop)
    host.output("curl", "--silent", "--fail", ZONE)
    container = host.container()
    assert container.run("curl", "--silent", "--fail", ZONE).returncode == 0
    send_and_wait(host, container)
    requests = found(host)
    assert sum(requests.values()) == len(emulator.journal()) == 79
    for number in range(20):
        assert requests[f"short{number}.service", "www-data", "bash", "normal_mode"] == 1
    for number in range(5):  # they had ended before the watch could read anything about them
        assert requests[f"late{number}.service", "root", "bash", "normal_mode"] == 1
    callers = report(host)["callers"]
    (loop_caller,) = [caller for caller in callers if caller["unit"] == "loop.service"]
    assert loop_caller["modes"] == {"normal_mode": 50} and loop_caller["uid"] >= 61184
    executables = {caller["comm"]: set[str | None]() for caller in callers}
    for caller in callers:  # a process that lives for some milliseconds may end before its executable is read
        executables[caller["comm"]].add(caller["exe"])
        assert (caller["exe"] is None) == (set(caller["exe_attributed_by"]) == {"none"}), caller
    print(executables)
    assert executables["bash"] <= {"/usr/bin/bash", None} and executables["curl"] <= {"/usr/bin/curl", None}
    assert sorted((caller["source"] or "", caller["exe"]) for caller in callers if caller["comm"] == "kept") == [
        ("", KEPT),
        (container.ip, KEPT),
    ]
    forwarded = [caller for caller in callers if caller["source"] == container.ip and caller["comm"] == "curl"]
    assert len(forwarded) == 1
    check_support_bundle(host)


def check_support_bundle(host: Host) -> None:
    """Compare the report for issues with the host: as root, and as a user who cannot read everything."""
    text = host.output("ecs-metadata", "support-bundle")
    bundle = json.loads(text)
    assert (bundle["modes"]["verdict"], bundle["fence"]["mode"], bundle["versions"]["system"]) == (
        "optional",
        "off",
        "debian",
    )
    unit = bundle["units"][UNIT]  # `found` stopped it
    assert (unit["ActiveState"], unit["UnitFileState"], unit["Result"]) == ("inactive", "enabled", "success")
    assert bundle["installed"]["unchanged"] > 50 and not bundle["installed"]["changed"] + bundle["installed"]["missing"]
    assert not bundle["callers"]["watch"]["running"] and {"curl", "other"} <= {
        one["program"] for one in bundle["callers"]["callers"]
    }
    assert bundle["messages"] is not None
    for name in (host.name, "www-data", "172.30.0.2", "loop.service", host.output("hostname").strip()):
        assert name not in text
    limited = json.loads(host.output("ecs-metadata", "support-bundle", user="www-data"))
    assert limited["callers"] is limited["messages"] is None
    assert {"callers", "messages"} <= {one["part"] for one in limited["unknown"]}


def test_a_host_that_hides_processes_of_other_users(
    new_host: NewHost, start_emulator: Callable[..., lab.Emulator], tmp_path: Path
) -> None:
    """With hidepid, /proc has only the own processes for a program that lacks the capability to trace others."""
    host = new_host()
    host.output("mount", "-o", "remount,hidepid=2", "/proc")
    start_emulator({"instances": [{"host": host.name, "http_tokens": "optional"}]})
    install(host, tmp_path)
    assert host.run("cat", "/proc/1/stat", user="www-data").returncode != 0
    send_and_wait(host, host.container(), user="www-data")
    found(host)
    kept = [caller for caller in report(host)["callers"] if caller["comm"] == "kept"]
    assert sorted((caller["unit"] or "", caller["exe"]) for caller in kept) == [("", KEPT), ("kept.service", KEPT)]
    assert [caller["user"] for caller in kept if caller["unit"]] == ["www-data"]


def test_a_host_with_control_groups_of_version_1(
    new_host: NewHost,
    start_emulator: Callable[..., lab.Emulator],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The watch mounts cgroup2 for itself, and drops the privilege to mount."""
    monkeypatch.setenv("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "0")
    host = new_host()
    assert " cgroup2 " not in host.output("cat", "/proc/mounts")
    start_emulator({"instances": [{"host": host.name, "http_tokens": "optional"}]})
    install(host, tmp_path)
    status = json.loads(host.output("ecs-metadata", "watch", "--status", "--json"))
    assert (status["attribution"], status["coverage"], status["problems"]) == ("connect", "full", [])
    pid = host.output("systemctl", "show", "--value", "--property=MainPID", UNIT).strip()
    lines = host.output("cat", f"/proc/{pid}/status").splitlines()
    capabilities = {line.split()[0]: int(line.split()[1], 16) for line in lines if line.startswith("Cap")}
    assert not capabilities["CapEff:"] & 1 << 21 and not capabilities["CapPrm:"] & 1 << 21  # CAP_SYS_ADMIN
    assert " cgroup2 " not in host.output("cat", "/proc/mounts")
    run = ["systemd-run", "--quiet", "--wait", "--collect"]
    for number in range(5):
        host.output(*run, f"--unit=short{number}", "--property=User=www-data", "bash", "-c", GET, "mac")
    loop = f"for i in $(seq 20); do bash -c '{GET.replace(chr(39), chr(34))}' mac || exit; done"
    host.output(*run, "--unit=loop", "bash", "-c", loop)
    send_and_wait(host)
    requests = found(host)
    # The kernel reports groups of version 2 only, so the unit of a process that has ended remains unknown. No unit is wrong.
    print(requests)
    assert {comm for _unit, _user, comm, _mode in requests} == {"bash", "kept"} and sum(requests.values()) == 26
    assert requests["kept.service", "root", "kept", "normal_mode"] == 1
    units = {user: {unit for unit, its_user, *_rest in requests if its_user == user} for user in ("root", "www-data")}
    assert units["root"] <= {"kept.service", "loop.service", None}
    assert units["www-data"] <= {None, *(f"short{number}.service" for number in range(5))}
    assert host.output("journalctl", "--no-pager", "--quiet", "--priority=warning", "--unit", UNIT).strip() == ""


@pytest.mark.long
def test_the_service_is_sandboxed_and_survives_a_kill_and_a_reboot(
    new_host: NewHost, start_emulator: Callable[..., lab.Emulator], tmp_path: Path
) -> None:
    host = new_host()
    start_emulator({"instances": [{"host": host.name, "http_tokens": "optional"}]})
    install(host, tmp_path)
    exposure = host.output("systemd-analyze", "security", "--no-pager", UNIT)
    print(exposure)
    overall = re.search(r"Overall exposure level for .*: ([0-9.]+)", exposure)
    assert overall and float(overall.group(1)) < 4.0
    assert host.output("stat", "--format=%a %U", STATE, STATE + "/callers.json").split("\n")[:2] == [
        "700 root",
        "600 root",
    ]
    assert host.run("ecs-metadata", "callers", user="www-data").returncode == 1
    pid = host.output("systemctl", "show", "--value", "--property=MainPID", UNIT).strip()
    assert host.output("systemctl", "show", "--value", "--property=CPUWeight", UNIT).strip() == "10000"
    assert host.output("curl", "--silent", "--fail", ZONE)
    host.output("kill", "-KILL", pid)
    assert host.output("curl", "--silent", "--fail", ZONE)  # callers are not blocked while the watch is down
    wait_until(lambda: host.run("ecs-metadata", "watch", "--status").returncode == 0, "the watch")
    host.reboot()
    assert host.run("ecs-metadata", "watch", "--status").returncode == 0
    host.output("curl", "--silent", "--fail", ZONE)
    host.output("systemctl", "disable", "--now", UNIT)
    assert host.run("ecs-metadata", "watch", "--status").returncode == 1
    assert report(host)["totals"]["normal_mode"] >= 1
    assert host.output("systemctl", "--failed", "--no-legend") == ""
    assert "Traceback" not in host.output("journalctl", "--no-pager", "--unit", UNIT)
