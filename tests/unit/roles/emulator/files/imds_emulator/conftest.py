# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Provide one emulator per session, and a new instance with its own address for each test."""

from __future__ import annotations

import itertools
from typing import Any, Callable, Dict, Iterator

import pytest

from .client import Emulator, Instance, started

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def data_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    config = {"instances": [{"instance_id": "i-default", "default": True}]}
    folder = tmp_path_factory.mktemp("emulator")
    with started(folder, "--listen", "127.0.0.1:0", "--timeout", "60", config=config) as emulator:
        yield emulator


@pytest.fixture
def emulator(data_emulator: Emulator) -> Emulator:
    return data_emulator


@pytest.fixture
def instance_settings() -> Dict[str, Any]:
    """Return the settings of new instances: all items of a published listing (June 2021), and tags to enable."""
    return {
        "listen": "127.0.0.1:0",
        "eipv4": "47.96.0.10",
        "public_keys": {"skp-bp1test": "ssh-ed25519 AAAA test"},
        "role": {"name": "TestRole"},
        "disks": [],
        "tags": {"env": "test", "team:name": "infra"},
    }


@pytest.fixture
def new_instance(emulator: Emulator, instance_settings: Dict[str, Any]) -> Iterator[Callable[..., Instance]]:
    """Create instances with the given settings; delete them after the test."""
    made = []

    def make(**settings: Any) -> Instance:
        settings = {"instance_id": "i-test%d" % next(_numbers), **instance_settings, **settings}
        created = emulator.admin("POST", "/instances", settings)
        made.append(settings["instance_id"])
        return Instance(emulator, settings["instance_id"], created["listening"] or "")

    yield make
    for instance_id in made:
        emulator.admin_status("DELETE", "/instances/" + instance_id)


@pytest.fixture
def instance(new_instance: Callable[..., Instance]) -> Instance:
    return new_instance()


@pytest.fixture
def switch(emulator: Emulator) -> Iterator[Callable[..., None]]:
    """Set switches for this test only."""
    before = emulator.admin("GET", "/switches")
    yield lambda **values: emulator.admin("PATCH", "/switches", values)
    emulator.admin("PATCH", "/switches", before)
