# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create an isolated host for tests of roles, which changes nothing on the machine and has no network connection to it.

Ansible runs on the host itself.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import waiting
from dumping import dump

BIN = Path(sys.executable).parent
# By default, Ansible polls for finished tasks every millisecond, which takes more time than it saves.
SETTINGS = "[defaults]\ninternal_poll_interval = 0.01\n"
PROGRAM, DATA = "/run/imds-emulator/program", "/run/imds-emulator/data"
FURNITURE = """
mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /sys && mkdir -p /sys/class/dmi/id && ip link set lo up &&
echo ready && exec sleep infinity
"""

# Prints the state of the host as JSON. Arguments: two directories of the emulator, and an optional URL.
INSPECT = r"""
import glob, json, os, re, subprocess, sys, urllib.request

def get(url):
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=60).read().decode()

def command_line(path):
    try:
        with open(path, "rb") as stream:
            return stream.read().replace(b"\0", b" ").decode()
    except OSError:  # it has ended
        return ""

directories, urls = sys.argv[1:3], sys.argv[3:]
lines = map(command_line, glob.glob("/proc/[0-9]*/cmdline"))
addresses = subprocess.run(["ip", "address", "show", "lo"], stdout=subprocess.PIPE, check=True).stdout.decode()
print(json.dumps({
    "files": [path for path in directories if os.path.lexists(path)],
    "processes": [line for line in lines if "-m imds_emulator serve" in line],
    "address": "100.100.100.200/32" in addresses,
    "body": get(urls[0]) if urls else None,
    "health": json.loads(get("http://127.0.0.1:8101/health")) if urls else None,
}))
"""


class Host:
    """A host with its own mounts, network and processes. It has no systemd, and its /run and /sys are empty."""

    def __init__(self, folder: Path, collections: Path) -> None:
        self._folder, self._collections = folder, collections
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
            [*self._enter, *command],
            env=env,
            capture_output=True,
            text=True,
            timeout=waiting.PROCESS_SECONDS,
            check=False,
        )

    def play(
        self,
        plays: list[dict[str, Any]],
        *arguments: str,
        account: dict[str, str] | None = None,
        names: dict[str, dict[str, Any]] | None = None,
        **variables: Any,
    ) -> subprocess.CompletedProcess[str]:
        """Run *plays*; *account* are environment variables.

        The inventory contains this host as `emulated`, or under several *names*, each with its own variables.
        """
        host = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "emulator_python": sys.executable,
            "emulator_install_dir": PROGRAM,
            "emulator_data_dir": DATA,
        }
        inventory, playbook = self._folder / "inventory.json", self._folder / "playbook.json"
        inventory.write_text(json.dumps({"all": {"hosts": names or {"emulated": {}}, "vars": {**host, **variables}}}))
        playbook.write_text(json.dumps(plays))
        command = [str(BIN / "ansible-playbook"), "--inventory", str(inventory), *arguments, str(playbook)]
        return self.run(*command, environment={**(account or {}), **self.environment()})

    def environment(self) -> dict[str, str]:
        """Return the environment in which Ansible uses the collection under test."""
        (self._folder / "ansible.cfg").write_text(SETTINGS)
        return {
            "ANSIBLE_COLLECTIONS_PATH": str(self._collections),
            "ANSIBLE_CONFIG": str(self._folder / "ansible.cfg"),
            "ANSIBLE_HOME": str(self._folder / "home"),
            "ANSIBLE_PIPELINING": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def get(self, url: str) -> str:
        """Return the body of an answer, using only Python."""
        code = "import sys, urllib.request as u; print(u.build_opener(u.ProxyHandler({})).open(sys.argv[1], timeout=60).read().decode())"
        return self.run(sys.executable, "-c", code, url).stdout.strip()

    def inspection(self, url: str | None) -> dict[str, Any]:
        """Return a task that prints the state of this host for `dumped`, and the answer of *url* if it is given."""
        script = self._folder / "inspect-host.py"
        script.write_text(INSPECT)
        command = shlex.join([sys.executable, str(script), PROGRAM, DATA, *([url] if url else [])])
        return dump("lookup('ansible.builtin.pipe', '%s') | from_json" % command)

    def processes(self) -> list[str]:
        """Return the command lines of running emulators."""
        lines = self.run("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0\\n' ' \\n'").stdout
        return re.findall(r"-m imds_emulator serve", lines)

    def files(self) -> list[str]:
        """Return the files of the emulator."""
        return self.run("find", PROGRAM, DATA).stdout.splitlines()

    def has_address(self) -> bool:
        return "100.100.100.200/32" in self.run("ip", "address", "show", "lo").stdout

    def stop(self) -> None:
        self._holder.kill()  # unshare ignores SIGTERM; --kill-child ends all processes inside
        self._holder.wait(waiting.GIVE_UP_SECONDS)
