# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures over hosts.py. `make hosts` runs all tests of this folder inside one laboratory."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import boot  # noqa: F401  # pylint: disable=unused-import  # it tells where lab is
import lab
import needs
from host import Host
from hosts import Site, emulator_config

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = needs.reason_not()
    for item in items if reason else []:
        item.add_marker(pytest.mark.skip(reason=str(reason)))


@pytest.fixture
def site() -> Iterator[Site]:
    """Add hosts to it; they are removed after the test."""
    with Site() as made:
        yield made


@pytest.fixture
def new_host(site: Site) -> Callable[..., Host]:
    """new_host(kind="systemd", root="bookworm"): a running host with a name of its own; it goes with the test."""
    return lambda kind="systemd", root="bookworm": site.add(f"host{next(_numbers)}", kind, root)


@pytest.fixture
def start_emulator() -> Iterator[Callable[..., lab.Emulator]]:
    """start_emulator({...}): the emulator at the service's own address; instances may name a host by the key ``host``.

    Without instances, every host that runs is one. A test fails when its emulator does not end well.
    """
    started: list[lab.Emulator] = []

    def start(config: dict[str, Any] | None = None, **options: Any) -> lab.Emulator:
        started.append(lab.start_emulator(emulator_config(config or {}), **options))
        return started[-1]

    yield start
    statuses = [emulator.stop() for emulator in started]
    assert statuses == [0] * len(started), [emulator.log.read_text() for emulator in started]
