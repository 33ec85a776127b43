# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One emulator at the service's own address, and for each test an instance, in a network namespace, to ask it from.

`make interop` fetches the clients (tests/tools/interop.py) and runs this folder on several workers, each in a laboratory of its
own.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
FETCHED = CHECKOUT / ".cache" / "interop"

import lab  # noqa: E402
import waiting  # noqa: E402

ROLE_KEYS = {"access_key_id": "STS.Interop", "access_key_secret": "InteropSecret", "security_token": "CAISInterop"}
ROLE = {"name": "InteropRole", **ROLE_KEYS}
SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIInteropInteropInteropInteropInteropInteropIn interop"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_numbers = itertools.count(1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: list[Any]) -> None:
    """Start each worker of pytest-xdist in a laboratory of its own."""
    if lab.in_lab():
        for spec in specs:
            spec.python = lab.worker_python()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here use the service's own address: most clients know no other."""
    if lab.in_lab():
        return
    reason = os.environ.get("IMDS_NO_LAB") or "not inside the network laboratory; run `make interop`"
    for item in items:
        item.add_marker(pytest.mark.skip(reason=reason))


class Ecs:
    """An emulated instance: runs clients on itself, and knows what they asked the metadata service."""

    def __init__(self, emulator: lab.Emulator, number: int) -> None:
        self.emulator = emulator
        self.ip = f"10.77.{20 + number // 250}.{number % 250 + 1}"
        self.name = f"interop{number}"
        self.instance_id = f"i-interop{number:03}"
        self.mac = lab.mac_of(self.ip)
        self.variables = {name: value for name, value in os.environ.items() if name.lower() not in PROXIES}

    def command(self, *words: str | Path) -> list[str]:
        return [*lab.exec_prefix(self.name), *map(str, words)]

    def run(self, *words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command there, without proxies, with further environment *variables*; its output is text."""
        environment = {**self.variables, **variables}
        options: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "capture_output": True,
            "text": True,
            "timeout": waiting.PROCESS_SECONDS,
        }
        return subprocess.run(self.command(*words), env=environment, check=False, **options)

    def output(self, *words: str | Path, **variables: str) -> str:
        """The output of a command that must succeed."""
        done = self.run(*words, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def json(self, *words: str | Path, **variables: str) -> Any:
        return json.loads(self.output(*words, **variables))

    def set(self, **settings: Any) -> None:
        """Change the instance's configuration."""
        self.emulator.admin("PATCH", f"/instances/{self.instance_id}", settings)

    def journal(self) -> list[dict[str, Any]]:
        """The requests that have arrived, oldest first, as the emulator tells them."""
        return self.emulator.journal(self.instance_id)

    def requests(self) -> list[str]:
        """The same as lines such as ``GET /latest/meta-data/mac token 200``."""
        return ["{method} {path} {mode} {status}".format(**entry) for entry in self.journal()]

    def modes(self) -> Counter[str]:
        """How many requests of each mode there were."""
        return Counter(entry["mode"] for entry in self.journal())

    def connections(self) -> int:
        """On how many connections they came."""
        return len({entry["connection"] for entry in self.journal()})


@pytest.fixture(scope="session")
def emulator() -> Iterator[lab.Emulator]:
    with lab.shared_emulator() as running:
        yield running
    assert running.process.returncode == 0, running.log.read_text()


@pytest.fixture
def ecs(emulator: lab.Emulator) -> Iterator[Ecs]:
    """An instance in required mode with a role, a key pair and user data; `Ecs.set` changes that."""
    machine = Ecs(emulator, next(_numbers))
    lab.add_instance(machine.name, machine.ip)
    settings = {
        "instance_id": machine.instance_id,
        "clients": [machine.ip],
        "http_tokens": "required",
        "hostname": "interop-host",
        "network_interfaces": [{"mac": machine.mac, "primary_ip_address": machine.ip}],
        "public_keys": {"skp-interop": SSH_KEY},
        "role": ROLE,
        "user_data": "#cloud-config\nlocale: C.UTF-8\n",
    }
    emulator.admin("POST", "/instances", settings)
    yield machine
    emulator.admin("DELETE", f"/instances/{machine.instance_id}")
    lab.remove_instance(machine.name, machine.ip)


@pytest.fixture
def switches(emulator: lab.Emulator) -> Iterator[Callable[..., None]]:
    """Set the emulator's switches until the end of the test."""
    before = emulator.admin("GET", "/switches")
    yield lambda **changes: emulator.admin("PATCH", "/switches", changes) and None
    emulator.admin("PATCH", "/switches", before)


@pytest.fixture
def fetched() -> Callable[[str], Path]:
    """The folder of a client that tests/tools/interop.py has fetched; the test is skipped where it could not."""

    def folder(name: str) -> Path:
        reasons = FETCHED / "missing.json"
        if not reasons.exists():
            pytest.skip("tests/tools/interop.py has not been run; use `make interop`")
        if name in (missing := json.loads(reasons.read_text())):
            pytest.skip(f"no {name} clients here: {missing[name]}")
        return FETCHED / name

    return folder


@pytest.fixture
def proxy(ecs: Ecs) -> Iterator[Callable[[], str]]:
    """Call it to start a forward proxy on the instance; the answer is its URL."""
    started: list[subprocess.Popen[str]] = []

    def start() -> str:
        command = ecs.command(sys.executable, HERE / "clients/proxy.py")
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout
        return f"http://127.0.0.1:{started[-1].stdout.readline().strip()}"

    yield start
    for process in started:
        process.kill()
        process.communicate()
