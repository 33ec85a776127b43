# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the role `emulator` install, change and remove the emulator, as a plain process and at the real address?

It runs in namespaces made here for it: nothing of the machine is touched, and no address leaves them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PLAYBOOK = [{"hosts": "all", "gather_facts": False, "roles": ["alicloud.imds.emulator"]}]
PROGRAM, DATA = "/run/imds-emulator/program", "/run/imds-emulator/data"
FURNITURE = """
mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /sys && mkdir -p /sys/class/dmi/id && ip link set lo up &&
echo ready && exec sleep 600
"""


class Host:
    """A host of its own: mounts, network and processes. It has no systemd, and its /run and /sys are empty."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        command = [
            "unshare",
            "--mount",
            "--net",
            "--pid",
            "--fork",
            "--mount-proc",
            "--kill-child",
            "sh",
            "-c",
            FURNITURE,
        ]
        self._holder = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self._holder.stdout is not None
        self.problem = "" if (said := self._holder.stdout.readline()) == "ready\n" else said or "unshare failed"
        if not self.problem:
            (inside,) = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children").read_text().split()
            self._enter = ["nsenter", f"--target={inside}", "--mount", "--net", "--pid"]

    def run(self, *command: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, **(environment or {})}
        return subprocess.run(
            [*self._enter, *command], env=env, capture_output=True, text=True, timeout=60, check=False
        )

    def play(self, *arguments: str, **variables: Any) -> tuple[int, str]:
        """Run the role; the number of changed tasks and the output. Fails when the playbook does."""
        result = self.try_play(*arguments, **variables)
        assert result.returncode == 0, result.stdout + result.stderr
        (changed,) = re.findall(r"changed=(\d+)", result.stdout)
        return int(changed), result.stdout

    def try_play(self, *arguments: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        host = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "emulator_python": sys.executable,
            "emulator_install_dir": PROGRAM,
            "emulator_data_dir": DATA,
        }
        (self._folder / "inventory.json").write_text(
            json.dumps({"all": {"hosts": {"emulated": {**host, **variables}}}})
        )
        (self._folder / "playbook.json").write_text(json.dumps(PLAYBOOK))
        (self._folder / "ansible.cfg").touch()
        environment = {
            "ANSIBLE_COLLECTIONS_PATH": str(self._folder),
            "ANSIBLE_CONFIG": str(self._folder / "ansible.cfg"),
            "ANSIBLE_HOME": str(self._folder / "home"),
            "ANSIBLE_PIPELINING": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "--inventory", "inventory.json", *arguments]
        command = [str(self._folder / word) if word == "inventory.json" else word for word in command]
        return self.run(*command, str(self._folder / "playbook.json"), environment=environment)

    def get(self, url: str) -> str:
        """The body of an answer, by Python alone."""
        code = "import sys, urllib.request as u; print(u.build_opener(u.ProxyHandler({})).open(sys.argv[1], timeout=5).read().decode())"
        return self.run(sys.executable, "-c", code, url).stdout.strip()

    def processes(self) -> list[str]:
        """Command lines of emulators."""
        lines = self.run("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0\\n' ' \\n'").stdout
        return re.findall(r"-m imds_emulator serve", lines)

    def files(self) -> list[str]:
        """What there is of the emulator."""
        return self.run("find", PROGRAM, DATA).stdout.splitlines()

    def has_address(self) -> bool:
        return "100.100.100.200/32" in self.run("ip", "address", "show", "lo").stdout

    def stop(self) -> None:
        self._holder.kill()  # unshare is deaf to SIGTERM; --kill-child ends everything inside
        self._holder.wait(10)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    missing = [tool for tool in ("unshare", "nsenter", "ip") if not shutil.which(tool)]
    if os.geteuid() != 0 or missing:
        pytest.skip("a host of its own needs root" + "".join(f" and {tool}" for tool in missing))
    collection = tmp_path / "ansible_collections" / "alicloud" / "imds"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CHECKOUT / "roles" / "emulator", collection / "roles" / "emulator", ignore=ignore)
    shutil.copytree(CHECKOUT / "meta", collection / "meta")
    shutil.copy(CHECKOUT / "galaxy.yml", collection)
    made = Host(tmp_path)
    if made.problem:
        pytest.skip("no host of its own can be made here: " + made.problem.strip())
    yield made
    made.stop()


def test_the_life_of_an_emulator(host: Host) -> None:
    planned, output = host.play("--check", "--diff", emulator_real_address=True)
    assert '+            "instance_id": "i-bp1example0000000001"' in output
    assert host.files() == [] and not host.has_address()

    changed, _output = host.play(emulator_real_address=True)
    assert changed == planned > 0
    assert host.has_address() and len(host.processes()) == 1
    assert host.get("http://100.100.100.200/latest/meta-data/instance-id") == "i-bp1example0000000001"

    assert host.play(emulator_real_address=True)[0] == 0, "a second run changes nothing"

    instances = [{"instance_id": "i-changed", "default": True}]
    changed, _output = host.play(emulator_instances=instances, emulator_listen=["127.0.0.1:8200"])
    assert changed > 0
    assert not host.has_address() and len(host.processes()) == 1
    assert host.get("http://127.0.0.1:8200/latest/meta-data/instance-id") == "i-changed"
    assert json.loads(host.get("http://127.0.0.1:8101/health"))["listen"] == ["127.0.0.1:8200"]

    changed, _output = host.play(emulator_state="absent")
    assert changed > 0
    assert host.files() == [] and host.processes() == []
    assert host.play(emulator_state="absent")[0] == 0


def test_what_the_role_refuses(host: Host) -> None:
    """Each with a reason, before anything is changed."""
    name = "/sys/class/dmi/id/product_name"
    host.run("sh", "-c", f"echo Alibaba Cloud ECS > {name}")
    refused = host.try_play(emulator_real_address=True)
    assert refused.returncode != 0
    assert "the emulator would hide its real metadata service" in " ".join(refused.stdout.split())

    for variables, reason in (
        ({"emulator_data_dir": "/var"}, "/var cannot be a directory of the emulator"),
        ({"emulator_listen": ["127.0.0.1:0"]}, "each address needs a port from 1 on"),
    ):
        refused = host.try_play(**variables)
        assert refused.returncode != 0 and reason in refused.stdout
    assert host.files() == []
