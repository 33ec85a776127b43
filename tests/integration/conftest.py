# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provide emulated instances, emulators and playbook runs as fixtures.

`make integration` runs this folder in the laboratory, on several workers. Tests marked `lab` need the laboratory, and are
skipped with the reason outside of it. All others also run on loopback. Each worker has a laboratory of its own, so addresses,
ports and namespaces cannot collide.

Starting `ansible-playbook` takes most of the time. So the tests of a file share one run where possible: fixtures with `shared`
in their names live as long as the file's tests, and the scheduler keeps the tests of a file on one worker.
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
from pathlib import Path
from typing import Any

import lab
import pytest
from lab import Instance
from own_host import SETTINGS, Host
from waiting import PROCESS_SECONDS

CHECKOUT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
# Where the built collection is installed: by `make collection`, or for one line of ansible-core by `make matrix`.
COLLECTIONS = Path(os.environ.get("IMDS_COLLECTIONS", CHECKOUT / ".cache" / "collections"))
# Modules run on this machine, with this Python, unless a host's variables say otherwise.
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
# Files whose tests share no fixture, so that the scheduler may run each test on another worker.
INDEPENDENT = ("test_guides.py", "test_role_emulator.py")
# The longest tests start first, so that no worker is still busy with one after all others are done.
LONGEST_FIRST = (
    "[emulator.rst]",
    "test_life_of",
    "test_readme.py",
    "[inventory.rst]",
    "[emulator_standalone.rst]",
    "test_managed_nodes.py",
    "test_guides.py",
)
_numbers = itertools.count(1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: list[Any]) -> None:
    """Start each worker of pytest-xdist in a laboratory of its own."""
    lab.isolate_workers(specs)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a file on one worker, except the files in INDEPENDENT."""
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
    reason = lab.reason_not("integration")
    for item in items if reason else ():
        if item.get_closest_marker("lab"):
            item.add_marker(pytest.mark.skip(reason=reason))


@contextlib.contextmanager
def _instances() -> Iterator[Callable[..., Instance]]:
    made: list[Instance] = []

    def make(**families: bool) -> Instance:
        number = next(_numbers)
        instance = Instance(f"test{number}", f"10.77.{1 + number // 250}.{number % 250 + 1}")
        lab.add_instance(instance.name, instance.ip, **families)
        made.append(instance)
        return instance

    try:
        yield make
    finally:
        for instance in made:
            lab.remove_instance(instance.name, instance.ip)


@pytest.fixture
def new_instance() -> Iterator[Callable[..., Instance]]:
    """Return a function that creates an instance with its own name and address; it is removed after the test.

    Its arguments ``ipv4`` and ``ipv6`` are those of `lab.add_instance`.
    """
    with _instances() as make:
        yield make


@pytest.fixture(scope="module")
def new_shared_instance() -> Iterator[Callable[..., Instance]]:
    """Like `new_instance`, for all tests of the file."""
    with _instances() as make:
        yield make


@pytest.fixture
def start_emulator() -> Iterator[Callable[..., lab.Emulator]]:
    """Return `lab.start_emulator`; the emulators are stopped after the test, which fails if one ended with an error."""
    with lab.emulators() as start:
        yield start


@pytest.fixture(scope="module")
def start_shared_emulator() -> Iterator[Callable[..., lab.Emulator]]:
    """Like `start_emulator`, for all tests of the file."""
    with lab.emulators() as start:
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
    settings = folder / "ansible.cfg"  # replaces the user's settings
    settings.write_text(SETTINGS)
    inventory = folder / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": LOCAL}}))
    command = [*(prefix or []), str(BIN / "ansible-playbook"), "--inventory", str(inventory), *arguments, str(playbook)]
    variables = {**os.environ, "ANSIBLE_CONFIG": str(settings), "ANSIBLE_PIPELINING": "1"}
    variables["ANSIBLE_COLLECTIONS_PATH"] = str(COLLECTIONS)
    variables.update(environment or {})
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=PROCESS_SECONDS, check=False)


@pytest.fixture
def run_playbook(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return run_playbook(plays, hosts, ...), which runs plays (a list, or a playbook's path) with the installed collection.

    *hosts* maps names to host variables; all are local connections. *prefix* goes before the command, see
    `lab.exec_prefix`. The function returns the finished process with its output as text.
    """
    return functools.partial(_run_playbook, tmp_path)


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a temporary folder for all tests of the file, in which `run_shared_playbook` writes its files."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def run_shared_playbook(shared_folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Like `run_playbook`, for a fixture that all tests of the file use."""
    return functools.partial(_run_playbook, shared_folder)


@pytest.fixture
def own_host(tmp_path: Path) -> Iterator[Host]:
    """Yield a host of own_host.py. It needs root, but not the laboratory."""
    missing = [tool for tool in ("unshare", "nsenter", "ip") if not shutil.which(tool)]
    if os.geteuid() != 0 or missing:
        pytest.skip("a host of its own needs root" + "".join(f" and {tool}" for tool in missing))
    made = Host(tmp_path, COLLECTIONS)
    if made.problem:
        pytest.skip("cannot create a host of its own: " + made.problem.strip())
    yield made
    made.stop()
