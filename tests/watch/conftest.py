# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of `make watch`: an emulator at the service's own address, and an instance with a watch for each test."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import lab
import machine as machines
import pytest
from machine import Machine, Watch

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = lab.reason_not("watch")
    if not reason and (os.geteuid() or not machines.hierarchy()):
        reason = "the watch needs root and control groups of version 2"
    for item in items if reason else ():
        item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def emulator() -> Iterator[lab.Emulator]:
    with lab.shared_emulator() as running:
        yield running


@pytest.fixture
def machine(emulator: lab.Emulator) -> Iterator[Machine]:
    made = Machine(emulator, next(_numbers))
    yield made
    made.remove()


Start = Callable[..., Watch]


@pytest.fixture
def start(machine: Machine, tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a watch on the instance and waits until it is ready."""
    watches: list[Watch] = []

    def run(*before: str, state: Path | None = None, python: str = sys.executable) -> Watch:
        watches.append(Watch(machine, state or tmp_path / "state", tmp_path / "watch.log", before, python))
        return watches[-1]

    yield run
    for watch in watches:
        if watch.process.poll() is None:
            watch.process.kill()
            watch.process.wait()


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that copies the shell to an executable with another name."""

    def copy(name: str) -> Path:
        target = Path(lab.scratch("program-")) / name
        target.parent.chmod(0o755)
        shutil.copy(shutil.which("bash") or "/bin/bash", target)
        subprocess.run(["chmod", "0755", target], check=True)
        return target

    return copy
