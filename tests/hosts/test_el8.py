# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role on a host whose python3 is 3.6: with the oldest ansible-core, and with a newer interpreter for a newer ansible-core."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import el8
import lab
import lines
import matrix
import pytest
from host import Host
from hosts import Site
from playing import BIN, CONTROLLER, Player, instance
from snapshots import differences, snapshot
from waiting import wait_until

pytestmark = [
    pytest.mark.lab,
    pytest.mark.long,
    pytest.mark.skipif(el8.reason_not() is not None, reason=str(el8.reason_not())),
]

OLDEST = lines.LINES[0]
OLDEST_CORE = matrix.folder(OLDEST, OLDEST.pythons[0]) / "bin"
PROGRAM = "/usr/local/bin/ecs-metadata"


@pytest.fixture
def player_with(tmp_path: Path) -> Iterator[Callable[..., Player]]:
    """Return player_with(INTERPRETER, BIN), which returns a player for a new host with this interpreter in the inventory."""
    with Site() as site, lab.emulators() as start:

        def make(interpreter: str, controller: Path) -> Player:
            if not (controller / "ansible-playbook").exists():
                pytest.skip(f"{controller} does not exist; `make hosts` creates it")
            host = site.add("el8", furnish=el8.furnish)
            host.more_variables["ansible_python_interpreter"] = interpreter
            emulator = start({"instances": [instance(host), CONTROLLER]}, control=True)
            return Player([host], emulator, tmp_path, controller)

        yield make


def watching(host: Host) -> str:
    """Return the executable of the callers watch that runs on the host."""
    pid = host.output("systemctl", "show", "--property=MainPID", "--value", "alicloud-imds-watch").strip()
    return host.output("readlink", f"/proc/{pid}/exe").strip()


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
    before = snapshot(host)

    # Audit: install the tools, check, and record callers. Nothing is enforced.
    audit: dict[str, Any] = {"hardening_preflight": "report", "hardening_watch": "keep", "hardening_fence": "audit"}
    player.play(**audit, hardening_enforce=False).check()
    assert f"for python in {real} " in host.output("cat", PROGRAM)
    assert watching(host) == real
    host.output("curl", "-s", "http://100.100.100.200/latest/meta-data/instance-id", user="www-data")
    wait_until(lambda: "curl" in json.dumps(callers(host)))  # its executable, or only its command name
    assert json.loads(host.output("/etc/ansible/facts.d/alicloud_ecs.fact"))["instance_id"] == "i-el8"

    # Enforce, twice.
    wanted: dict[str, Any] = {"hardening_watch": "keep", "hardening_fence": "audit"}
    player.play(**wanted).check()
    assert player.options(host)[1] == "required"
    assert player.play(**wanted).check().changed == {"el8": 0}
    assert host.output(PROGRAM, "get", "instance-id").strip() == "i-el8"
    assert host.run("journalctl", "--unit=alicloud-imds-watch", "--priority=warning", "--quiet").stdout == ""

    player.play(hardening_state="absent").check()
    assert player.options(host)[1] == "optional"
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
