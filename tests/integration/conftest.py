# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures over tests/lab/lab.py. `make integration` runs all tests of this folder inside one laboratory.

Tests marked `lab` need it; where there can be none, they are skipped with the reason. All others also run on loopback.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "tests" / "lab"))

import lab  # noqa: E402
from own_host import Host  # noqa: E402

BIN = Path(sys.executable).parent
# Where the built collection is installed: by `make collection`, or for one line of ansible-core by `make matrix`.
COLLECTIONS = Path(os.environ.get("IMDS_COLLECTIONS", CHECKOUT / ".cache" / "collections"))
# Modules run on this machine, with this Python, unless a host's variables say otherwise.
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if lab.in_lab():
        return
    reason = os.environ.get("IMDS_NO_LAB") or "not inside the network laboratory; run `make integration`"
    for item in items:
        if item.get_closest_marker("lab"):
            item.add_marker(pytest.mark.skip(reason=reason))


@dataclass(frozen=True)
class Instance:
    """A network namespace that plays an ECS instance."""

    name: str
    ip: str

    @property
    def mac(self) -> str:
        return lab.mac_of(self.ip)

    def run(self, *command: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command there; its output is captured as text."""
        options = {"capture_output": True, "text": True, "timeout": 60, **options}
        return subprocess.run([*lab.exec_prefix(self.name), *command], check=False, **options)


@pytest.fixture
def new_instance() -> Iterator[Callable[[], Instance]]:
    """Call it for one more instance with a name and an address of its own; they go with the test."""
    made: list[Instance] = []

    def make() -> Instance:
        number = next(_numbers)
        instance = Instance(f"test{number}", f"10.77.{1 + number // 250}.{number % 250 + 1}")
        lab.add_instance(instance.name, instance.ip)
        made.append(instance)
        return instance

    yield make
    for instance in made:
        lab.remove_instance(instance.name, instance.ip)


@pytest.fixture
def start_emulator() -> Iterator[Callable[..., lab.Emulator]]:
    """`lab.start_emulator`, stopped after the test; a test fails when its emulator does not end well."""
    started: list[lab.Emulator] = []

    def start(config: dict[str, Any], **options: Any) -> lab.Emulator:
        started.append(lab.start_emulator(config, **options))
        return started[-1]

    yield start
    statuses = [emulator.stop() for emulator in started]
    assert statuses == [0] * len(started), [emulator.log.read_text() for emulator in started]


@pytest.fixture
def run_playbook(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """run_playbook(plays, hosts, ...): run plays (a list, or the path of a playbook) with the installed collection.

    *hosts* maps names to host variables; all are local connections. *prefix* goes before the command, see
    `lab.exec_prefix`. Returns the finished process with its output as text.
    """

    def run(
        plays: list[dict[str, Any]] | Path,
        hosts: dict[str, dict[str, Any]],
        *arguments: str,
        prefix: list[str] | None = None,
        environment: dict[str, str] | None = None,
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        playbook = plays if isinstance(plays, Path) else tmp_path / "playbook.yml"
        if isinstance(plays, list):
            playbook.write_text(json.dumps(plays))
        settings = tmp_path / "ansible.cfg"  # empty, and named: it keeps the user's settings out
        settings.touch()
        inventory = tmp_path / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": LOCAL}}))
        command = [
            *(prefix or []),
            str(BIN / "ansible-playbook"),
            "--inventory",
            str(inventory),
            *arguments,
            str(playbook),
        ]
        variables = {**os.environ, "ANSIBLE_CONFIG": str(settings)}
        variables["ANSIBLE_COLLECTIONS_PATH"] = str(COLLECTIONS)
        variables.update(environment or {})
        return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=timeout, check=False)

    return run


@pytest.fixture
def own_host(tmp_path: Path) -> Iterator[Host]:
    """See own_host.py. Needs root, but not the laboratory."""
    missing = [tool for tool in ("unshare", "nsenter", "ip") if not shutil.which(tool)]
    if os.geteuid() != 0 or missing:
        pytest.skip("a host of its own needs root" + "".join(f" and {tool}" for tool in missing))
    made = Host(tmp_path, COLLECTIONS)
    if made.problem:
        pytest.skip("no host of its own can be made here: " + made.problem.strip())
    yield made
    made.stop()
