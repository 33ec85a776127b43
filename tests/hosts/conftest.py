# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provide test hosts and emulators as fixtures. `make hosts` runs the tests of this folder in laboratories."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import boot  # noqa: F401  # pylint: disable=unused-import  # adds the folder of lab to sys.path
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
    """Yield a `Site`, whose hosts are removed after the test."""
    with Site() as made:
        yield made


@pytest.fixture
def new_host(site: Site) -> Callable[..., Host]:
    """Return the function ``new_host(kind="systemd", root="bookworm")``, which starts a host for the time of the test."""
    return lambda kind="systemd", root="bookworm": site.add(f"host{next(_numbers)}", kind, root)


@pytest.fixture
def start_emulator() -> Iterator[Callable[..., lab.Emulator]]:
    """Return a function that starts the emulator at the service's own address.

    Its argument is the emulator's configuration, in which instances may name a host by the key ``host``. Without instances, each
    running host is one. A test fails if its emulator ends with an error.
    """
    started: list[lab.Emulator] = []

    def start(config: dict[str, Any] | None = None, **options: Any) -> lab.Emulator:
        started.append(lab.start_emulator(emulator_config(config or {}), **options))
        return started[-1]

    yield start
    statuses = [emulator.stop() for emulator in started]
    assert statuses == [0] * len(started), [emulator.log.read_text() for emulator in started]
