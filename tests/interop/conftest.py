# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run clients of other projects on emulated instances, with one emulator at the service's own address.

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

import lab
import pytest

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
FETCHED = CHECKOUT / ".cache" / "interop"

ROLE_KEYS = {"access_key_id": "STS.Interop", "access_key_secret": "InteropSecret", "security_token": "CAISInterop"}
ROLE = {"name": "InteropRole", **ROLE_KEYS}
SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIInteropInteropInteropInteropInteropInteropIn interop"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_numbers = itertools.count(1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: list[Any]) -> None:
    """Start each worker of pytest-xdist in a laboratory of its own."""
    lab.isolate_workers(specs)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip all tests outside the laboratory: most clients only know the service's own address."""
    reason = lab.reason_not("interop")
    for item in items if reason else ():
        item.add_marker(pytest.mark.skip(reason=reason))


class Ecs(lab.Instance):
    """An emulated instance, on which clients run without proxies, and the requests that the emulator received from it."""

    def __init__(self, emulator: lab.Emulator, number: int) -> None:
        super().__init__(f"interop{number}", f"10.77.{20 + number // 250}.{number % 250 + 1}")
        self.emulator = emulator
        self.instance_id = f"i-interop{number:03}"
        self.variables = {name: value for name, value in os.environ.items() if name.lower() not in PROXIES}

    def run(self, *words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command with further environment *variables*; its output is captured as text."""
        return super().run(*words, env={**self.variables, **variables}, stdin=subprocess.DEVNULL)

    def output(self, *words: str | Path, **variables: str) -> str:
        """Return the output of a command; fail the test if the command fails."""
        done = self.run(*words, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def json(self, *words: str | Path, **variables: str) -> Any:
        return json.loads(self.output(*words, **variables))

    def set(self, **settings: Any) -> None:
        """Change the instance's configuration."""
        self.emulator.admin("PATCH", f"/instances/{self.instance_id}", settings)

    def journal(self) -> list[dict[str, Any]]:
        """Return the requests of this instance, oldest first, as the emulator's journal has them."""
        return self.emulator.journal(self.instance_id)

    def requests(self) -> list[str]:
        """Return the requests as lines such as ``GET /latest/meta-data/mac token_authenticated 200``."""
        return ["{method} {path} {mode} {status}".format(**entry) for entry in self.journal()]

    def modes(self) -> Counter[str]:
        """Return the number of requests of each mode."""
        return Counter(entry["mode"] for entry in self.journal())

    def connections(self) -> int:
        """Return the number of connections that carried requests."""
        return len({entry["connection"] for entry in self.journal()})


@pytest.fixture(scope="session")
def emulator() -> Iterator[lab.Emulator]:
    with lab.shared_emulator() as running:
        yield running


@pytest.fixture
def ecs(emulator: lab.Emulator) -> Iterator[Ecs]:
    """Yield an instance that requires tokens, with a role, a key pair and user data; `Ecs.set` changes these."""
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
    """Return a function that sets the emulator's switches until the end of the test."""
    before = emulator.admin("GET", "/switches")
    yield lambda **changes: emulator.admin("PATCH", "/switches", changes) and None
    emulator.admin("PATCH", "/switches", before)


@pytest.fixture
def fetched() -> Callable[[str], Path]:
    """Return a function that returns the folder of a client from tests/tools/interop.py, or skips the test without it."""

    def folder(name: str) -> Path:
        reasons = FETCHED / "missing.json"
        if not reasons.exists():
            pytest.skip("tests/tools/interop.py has not been run; use `make interop`")
        client = name.partition("/")[0]
        if client in (missing := json.loads(reasons.read_text())):
            pytest.skip(f"no {client} clients here: {missing[client]}")
        if (reason := FETCHED / f"{name}.missing").exists():
            pytest.skip(f"no {name} here: {reason.read_text()}")
        return FETCHED / name

    return folder


@pytest.fixture
def proxy(ecs: Ecs) -> Iterator[Callable[[], str]]:
    """Return a function that starts a forward proxy on the instance and returns its URL."""
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
