# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role `emulator` on a host with systemd: its unit, which users run for weeks, and what remains after its removal."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import el8
import pytest
from host import Host
from playing import BIN, CHECKOUT
from snapshots import differences, snapshot
from waiting import PROCESS_SECONDS, wait_until

UNIT = "imds-emulator.service"
INSTANCE = {"instance_id": "i-own", "default": True, "http_tokens": "optional"}
REAL = {"emulator_real_address": True, "emulator_keep_changes": True, "emulator_instances": [INSTANCE]}
# useradd and userdel keep the previous version of each file that they change.
BACKUPS = re.compile(r"files: /etc/(passwd|shadow|group|gshadow|subuid|subgid)-:")


class Emulated:
    """A host on which the role `emulator` runs."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host, self.folder = host, folder

    def play(self, *arguments: str, **variables: Any) -> int:
        """Run the role and return the number of changed tasks; fail the test if it fails."""
        done = self.run(*arguments, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        (changed,) = re.findall(r"^\S+ +: ok=\d+ +changed=(\d+) ", done.stdout, re.MULTILINE)
        return int(changed)

    def run(self, *arguments: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        inventory = {"all": {"hosts": {self.host.name: self.host.ansible_variables()}, "vars": variables}}
        play = {"hosts": "all", "gather_facts": False, "roles": ["alicloud.imds.emulator"]}
        (self.folder / "inventory.json").write_text(json.dumps(inventory))
        (self.folder / "play.json").write_text(json.dumps([play]))
        return subprocess.run(
            [str(BIN / "ansible-playbook"), "--inventory", "inventory.json", "play.json", *arguments],
            cwd=self.folder,
            env={"PATH": f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.folder), "LANG": "C.UTF-8"}
            | {"ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".cache/collections"), "ANSIBLE_PIPELINING": "1"},
            capture_output=True,
            text=True,
            timeout=PROCESS_SECONDS,
            check=False,
        )

    def reads(self, address: str = "100.100.100.200", path: str = "meta-data/instance-id") -> str:
        """Return metadata that was read with a token; an empty string without a connection."""
        url, ttl = f"http://{address}/latest", "X-aliyun-ecs-metadata-token-ttl-seconds: 60"
        token = self.host.run("curl", "-s", "-X", "PUT", "-H", ttl, f"{url}/api/token").stdout
        return self.host.run("curl", "-s", "-H", f"X-aliyun-ecs-metadata-token: {token}", f"{url}/{path}").stdout

    def requires_tokens(self) -> bool:
        """Return whether the emulator refuses a normal-mode request with status 403."""
        url = "http://100.100.100.200/latest/meta-data/instance-id"
        return self.host.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url).stdout == "403"

    def shows(self, name: str) -> str:
        return self.host.output("systemctl", "show", "--value", f"--property={name}", UNIT).strip()

    def addresses(self) -> str:
        return self.host.output("ip", "-brief", "address", "show", "lo")


@pytest.fixture
def emulated(new_host: Callable[..., Host], tmp_path: Path) -> Emulated:
    return Emulated(new_host(), tmp_path)


def test_the_unit_serves_after_a_crash_and_a_reboot(emulated: Emulated) -> None:
    host, before = emulated.host, snapshot(emulated.host)
    loopback = emulated.addresses()
    planned = emulated.play("--check", "--diff", **REAL)
    assert planned > 0 and differences(before, snapshot(host)) == [], "check mode changes nothing"

    assert emulated.play(**REAL) > 0
    assert emulated.reads() == "i-own" and emulated.reads("[fd00:100::100:200]") == "i-own"
    assert emulated.shows("User") == "imds-emulator"
    assert host.output("ps", "-o", "user:20=", "-p", emulated.shows("MainPID")).strip() == "imds-emulator"
    assert emulated.play(**REAL) == 0

    assert emulated.reads(path="dynamic/instance-identity/pkcs7").startswith("MII") and not emulated.requires_tokens()
    host.output("/opt/imds-emulator/imds-emulator", "ctl", "set", "i-own", "http_tokens=required")
    killed = emulated.shows("MainPID")
    host.output("kill", "-KILL", killed)
    wait_until(lambda: emulated.shows("MainPID") not in (killed, "0") and emulated.reads() == "i-own", "a restart")
    host.reboot()
    emulated.host.output("systemctl", "is-active", UNIT)
    assert emulated.reads() == "i-own" and emulated.requires_tokens(), "a change by the admin API is kept"

    changed = {"emulator_instances": [{"instance_id": "i-new", "default": True}], "emulator_listen": ["127.0.0.1:8100"]}
    # A value of the command line is a string.
    assert emulated.play("--extra-vars", "emulator_real_address=false", **changed) > 0
    assert emulated.reads("127.0.0.1:8100") == "i-new" and emulated.addresses() == loopback

    assert emulated.play(emulator_state="absent") > 0
    assert [it for it in differences(before, snapshot(host)) if not BACKUPS.match(it)] == []
    assert emulated.play(emulator_state="absent") == 0


def test_nothing_remains_of_a_unit_that_failed(emulated: Emulated) -> None:
    """Its configuration is broken by hand, so that systemd gives up. The role repairs it, and removes it."""
    host, loopback = emulated.host, emulated.addresses()

    def fail() -> None:
        limit = host.root / f"etc/systemd/system/{UNIT}.d/limit.conf"
        limit.parent.mkdir()
        # The limit of systemd, five starts in ten seconds, is only reached if the host is fast enough.
        limit.write_text("[Unit]\nStartLimitBurst=1\nStartLimitIntervalSec=1h\n")
        host.output("systemctl", "daemon-reload")
        (host.root / "opt/imds-emulator/config.json").write_text("{")
        host.run("systemctl", "restart", UNIT)
        wait_until(lambda: emulated.shows("ActiveState") == "failed", "the failure")
        limit.unlink()
        limit.parent.rmdir()
        host.output("systemctl", "daemon-reload")

    emulated.play(**REAL)
    fail()
    assert emulated.addresses() == loopback, "the unit has removed them"
    assert emulated.play(**REAL) > 0 and emulated.reads() == "i-own"
    fail()
    assert emulated.play(emulator_state="absent") > 0
    assert not host.output("systemctl", "--failed", "--no-legend")
    assert host.output("systemctl", "is-system-running").strip() == "running"
    assert emulated.addresses() == loopback


@pytest.mark.skipif(el8.reason_not() is not None, reason=str(el8.reason_not()))
def test_an_old_python_is_refused_before_any_change(new_host: Callable[..., Host], tmp_path: Path) -> None:
    emulated = Emulated(new_host("el8", "el8"), tmp_path)
    before = snapshot(emulated.host)
    refused = emulated.run()
    said = " ".join(refused.stdout.split())
    assert refused.returncode == 2 and "emulator_python is python3: Python 3.6." in said, said
    assert "Set emulator_python to the path of a newer one on this host." in said
    assert differences(before, snapshot(emulated.host)) == []
