# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provide test hosts and emulators as fixtures. `make hosts` runs the tests of this folder in laboratories."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import lab
import needs
import pytest
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
    with lab.emulators() as start:
        yield lambda config=None, **options: start(emulator_config(config or {}), **options)
