# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role on a host like those of EL8: with the oldest ansible-core, and with a newer interpreter for a newer ansible-core.

The host has Python 3.6, control groups v1, an RPM database and no nft. Kernel, systemd and dpkg are those of Debian.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import el8
import lab
import pytest
import roots
from host import Host
from hosts import Site
from oldest_core import OLDEST_CORE
from playing import BIN, CONTROLLER, Played, Player, instance
from snapshots import differences, snapshot
from waiting import wait_until

pytestmark = [
    pytest.mark.lab,
    pytest.mark.long,
    pytest.mark.skipif(el8.reason_not() is not None, reason=str(el8.reason_not())),
]

PROGRAM = "/usr/local/bin/ecs-metadata"
GET = "exec 3<>/dev/tcp/100.100.100.200/80; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3 >/dev/null"
JOB = ("systemd-run", "--quiet", "--wait", "--unit=job", "bash", "-c", f"for i in 1 2 3 4 5 6 7 8 9; do {GET}; done")


@pytest.fixture
def player_with(tmp_path: Path) -> Iterator[Callable[..., Player]]:
    """Return player_with(INTERPRETER, BIN), which returns a player for a new host with this interpreter in the inventory."""
    with Site() as site, lab.emulators() as start:

        def make(interpreter: str, controller: Path) -> Player:
            if not (controller / "ansible-playbook").exists():
                pytest.skip(f"{controller} does not exist; `make hosts` creates it")
            host = site.add("el8", "el8", "el8")
            host.more_variables["ansible_python_interpreter"] = interpreter
            host.more_variables["allowed_user"] = "daemon"
            emulator = start({"instances": [instance(host), CONTROLLER]}, control=True)
            return Player([host], emulator, tmp_path, controller)

        yield make


def watching(host: Host) -> str:
    """Return the executable of the callers watch that runs on the host."""
    pid = host.output("systemctl", "show", "--property=MainPID", "--value", "alicloud-imds-watch").strip()
    return host.output("readlink", f"/proc/{pid}/exe").strip()


def words(played: Played) -> str:
    return " ".join(played.output.split())


def callers(host: Host) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(host.output(PROGRAM, "callers", "--json"))["callers"]
    return found


@pytest.mark.parametrize(
    "interpreter, controller, real",
    [
        ("/usr/bin/python3", OLDEST_CORE, el8.PLATFORM_PYTHON),
        ("/usr/bin/python3.11", BIN, "/usr/bin/python3.11"),
    ],
    ids=["python3.6", "newer"],
)
def test_the_whole_journey(player_with: Callable[..., Player], interpreter: str, controller: Path, real: str) -> None:
    player = player_with(interpreter, controller)
    (host,) = player.hosts
    assert host.output("python3", "--version").startswith("Python 3.6.")
    assert " cgroup2 " not in host.output("cat", "/proc/mounts")
    before = snapshot(host)

    # Audit: install the tools, check, and record callers. Nothing is enforced, and nft is not needed.
    audit: dict[str, Any] = {"hardening_preflight": "report", "hardening_watch": "keep", "hardening_fence": "off"}
    said = words(player.play("-v", **audit, hardening_enforce=False).check())
    assert '"/var/lib/rpm"' in said and f'"0:{roots.RPM_PACKAGES["cloud-init"]}"' in said, said
    assert f"for python in {real} " in host.output("cat", PROGRAM)
    assert watching(host) == real
    status = json.loads(host.output(PROGRAM, "watch", "--status", "--json"))
    assert (status["attribution"], status["coverage"], status["problems"]) == ("connect", "full", [])
    host.output("curl", "-s", "http://100.100.100.200/latest/meta-data/instance-id", user="www-data")
    wait_until(lambda: "curl" in json.dumps(callers(host)))  # its executable, or only its command name
    # The kernel reports control groups v2 only, so the unit is known if the process still runs.
    wait_until(lambda: host.output(*JOB) == "" and "job.service" in {caller["unit"] for caller in callers(host)})
    assert json.loads(host.output("/etc/ansible/facts.d/alicloud_ecs.fact"))["instance_id"] == "i-el8"

    # Enforce. Before, a setting that needs control groups v2 is refused.
    wanted: dict[str, Any] = {"hardening_watch": "keep", "hardening_fence": "enforce"}
    wanted["hardening_fence_users"] = [
        "{{ allowed_user }}"
    ]  # a variable of the inventory, which old lines of ansible-core resolve late
    host.output("cp", el8.NFT, "/usr/sbin/nft")
    refused = player.play(**wanted, hardening_fence_services=["cron.service"])
    assert "needs control groups v2, and this host uses version 1" in words(refused) and refused.failed == {"el8": 1}
    assert player.options(host)[1] == "optional" and snapshot(host)["ruleset"] == before["ruleset"]
    player.play(**wanted).check()
    assert player.options(host)[1] == "required"
    assert player.play(**wanted).check().changed == {"el8": 0}
    assert host.output(PROGRAM, "get", "instance-id").strip() == "i-el8"
    assert host.output(PROGRAM, "get", "instance-id", user="daemon").strip() == "i-el8"
    assert host.run(PROGRAM, "get", "instance-id", user="www-data").returncode != 0
    assert host.run("journalctl", "--unit=alicloud-imds-watch", "--priority=warning", "--quiet").stdout == ""

    player.play(hardening_state="absent").check()
    assert player.options(host)[1] == "optional"
    host.output("rm", "/usr/sbin/nft")
    assert differences(before, snapshot(host)) == []


def test_another_interpreter_renews_what_is_installed(player_with: Callable[..., Player]) -> None:
    player = player_with("/usr/bin/python3.11", BIN)
    (host,) = player.hosts
    wanted: dict[str, Any] = {"hardening_watch": "keep", "hardening_enforce": False, "hardening_fence": "off"}
    player.play(**wanted).check()
    assert watching(host) == "/usr/bin/python3.11"
    player = Player([host], player.emulator, player.folder, OLDEST_CORE)
    host.more_variables["ansible_python_interpreter"] = "/usr/libexec/platform-python"
    player.play(**wanted).check()
    assert watching(host) == el8.PLATFORM_PYTHON
    # The system's interpreter takes over if this one is removed.
    host.output("mv", el8.PLATFORM_PYTHON, el8.PLATFORM_PYTHON + ".removed")
    host.output("ln", "--force", "--symbolic", "python3.11", "/usr/bin/python3")
    assert host.output(PROGRAM, "get", "instance-id").strip() == "i-el8"


def test_an_interpreter_that_cannot_run_the_command_is_rolled_back(player_with: Callable[..., Player]) -> None:
    """Modules run with a part of the standard library that the command does not find on its own."""
    player = player_with("/opt/broken/python3", BIN)
    (host,) = player.hosts
    code = 'case "$*" in *-IS*) echo "Illegal instruction" >&2; exit 1 ;; esac; exec -a "$0" /usr/bin/python3.11 "$@"'
    host.output("mkdir", "/opt/broken")
    host.output("sh", "-c", f"printf '#!/bin/bash\\n%s\\n' '{code}' >/opt/broken/python3")
    host.output("chmod", "755", "/opt/broken/python3")
    before = snapshot(host)
    played = player.play(hardening_watch="keep")
    assert played.failed == {"el8": 1}
    assert "Illegal instruction" in played.output and "does not run after its installation" in played.output
    assert player.options(host)[1] == "optional"
    assert differences(before, snapshot(host)) == []


@pytest.mark.parametrize("place, option", [("/usr/local", "ro"), ("/etc/ansible", "ro"), ("/usr/local", "noexec")])
def test_a_place_without_writing_or_execution_is_an_error(
    player_with: Callable[..., Player], place: str, option: str
) -> None:
    player = player_with("/usr/bin/python3", OLDEST_CORE)
    (host,) = player.hosts
    host.output("mkdir", "-p", place)
    host.output("mount", "--bind", place, place)
    host.output("mount", "-o", f"remount,bind,{option}", place)
    before = snapshot(host)
    played = player.play(hardening_watch="off", hardening_fence="off")
    assert played.failed == {"el8": 1}
    assert {"ro": "Read-only file system", "noexec": "Permission denied"}[option] in played.output
    assert ("noexec" in played.output) == (option == "noexec")
    assert player.options(host)[1] == "optional"
    assert differences(before, snapshot(host)) == []
