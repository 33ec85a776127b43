# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures over tests/lab/lab.py. `make integration` runs this folder in the laboratory, on several workers.

Tests marked `lab` need the laboratory and are skipped with the reason where there is none. All others also run on loopback.
Each worker has a laboratory of its own, so addresses, ports and namespaces cannot collide.

Starting `ansible-playbook` is what costs time here. So the tests of a file read one shared run where they can: fixtures with
`shared` in their names live as long as the file's tests, and the scheduler keeps the tests of a file on one worker.
"""

from __future__ import annotations

import contextlib
import functools
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

import lab  # noqa: E402
import waiting  # noqa: E402
from own_host import SETTINGS, Host  # noqa: E402

BIN = Path(sys.executable).parent
# Where the built collection is installed: by `make collection`, or for one line of ansible-core by `make matrix`.
COLLECTIONS = Path(os.environ.get("IMDS_COLLECTIONS", CHECKOUT / ".cache" / "collections"))
# Modules run on this machine, with this Python, unless a host's variables say otherwise.
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
# Files whose tests share nothing, so that the scheduler may send each to another worker.
INDEPENDENT = ("test_guides.py", "test_role_emulator.py")
# What takes longest starts first, so that no worker is left alone with it.
LONGEST_FIRST = (
    "[fleet.rst]",
    "[emulator.rst]",
    "test_life_of",
    "test_managed_nodes.py",
    "test_readme.py",
    "test_guides.py",
)
_numbers = itertools.count(1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: list[Any]) -> None:
    """Start each worker of pytest-xdist in a laboratory of its own."""
    if lab.in_lab():
        for spec in specs:
            spec.python = lab.worker_python()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a file on one worker, apart from those that share nothing."""
    from xdist.scheduler import LoadScopeScheduling  # absent where pytest-xdist is not installed

    class Scheduler(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return nodeid if file.endswith(INDEPENDENT) else file

    config.option.loadscopereorder = False
    return Scheduler(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        return next((rank for rank, part in enumerate(LONGEST_FIRST) if part in item.nodeid), len(LONGEST_FIRST))

    items.sort(key=rank)
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
        options = {"capture_output": True, "text": True, "timeout": waiting.PROCESS_SECONDS, **options}
        return subprocess.run([*lab.exec_prefix(self.name), *command], check=False, **options)


@contextlib.contextmanager
def _instances() -> Iterator[Callable[[], Instance]]:
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
def new_instance() -> Iterator[Callable[[], Instance]]:
    """Call it for one more instance with a name and an address of its own; they are removed after the test."""
    with _instances() as make:
        yield make


@pytest.fixture(scope="module")
def new_shared_instance() -> Iterator[Callable[[], Instance]]:
    """Like `new_instance`, for all tests of the file."""
    with _instances() as make:
        yield make


@contextlib.contextmanager
def _emulators() -> Iterator[Callable[..., lab.Emulator]]:
    started: list[lab.Emulator] = []

    def start(config: dict[str, Any], **options: Any) -> lab.Emulator:
        started.append(lab.start_emulator(config, **options))
        return started[-1]

    yield start
    statuses = [emulator.stop() for emulator in started]
    assert statuses == [0] * len(started), [emulator.log.read_text() for emulator in started]


@pytest.fixture
def start_emulator() -> Iterator[Callable[..., lab.Emulator]]:
    """`lab.start_emulator`, stopped after the test; a test fails when its emulator does not end well."""
    with _emulators() as start:
        yield start


@pytest.fixture(scope="module")
def start_shared_emulator() -> Iterator[Callable[..., lab.Emulator]]:
    """Like `start_emulator`, for all tests of the file."""
    with _emulators() as start:
        yield start


def _run_playbook(
    folder: Path,
    plays: list[dict[str, Any]] | Path,
    hosts: dict[str, dict[str, Any]],
    *arguments: str,
    prefix: list[str] | None = None,
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    playbook = plays if isinstance(plays, Path) else folder / "playbook.yml"
    if isinstance(plays, list):
        playbook.write_text(json.dumps(plays))
    settings = folder / "ansible.cfg"  # named, so it keeps the user's settings out
    settings.write_text(SETTINGS)
    inventory = folder / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": LOCAL}}))
    command = [*(prefix or []), str(BIN / "ansible-playbook"), "--inventory", str(inventory), *arguments, str(playbook)]
    variables = {**os.environ, "ANSIBLE_CONFIG": str(settings), "ANSIBLE_PIPELINING": "1"}
    variables["ANSIBLE_COLLECTIONS_PATH"] = str(COLLECTIONS)
    variables.update(environment or {})
    return subprocess.run(
        command, env=variables, capture_output=True, text=True, timeout=waiting.PROCESS_SECONDS, check=False
    )


@pytest.fixture
def run_playbook(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """run_playbook(plays, hosts, ...): run plays (a list, or the path of a playbook) with the installed collection.

    *hosts* maps names to host variables; all are local connections. *prefix* goes before the command, see
    `lab.exec_prefix`. Returns the finished process with its output as text.
    """
    return functools.partial(_run_playbook, tmp_path)


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A temporary folder for all tests of the file, in which `run_shared_playbook` writes its files."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def run_shared_playbook(shared_folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Like `run_playbook`, for a fixture that all tests of the file read."""
    return functools.partial(_run_playbook, shared_folder)


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
