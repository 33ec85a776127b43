# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Provide an emulator with a control plane; each test has its own region and settings."""

from __future__ import annotations

import itertools
from typing import Any, Callable, Dict, Iterator

import pytest

from ..client import Emulator, Instance, started
from .caller import KEY, SECRET, Caller

_numbers = itertools.count(1)
SETTINGS: Dict[str, Any] = {
    "throttle": None,
    "faults": [],
    "delay_seconds": 0,
    "describe_delay_seconds": 0,
    "clock_skew": 0,
    "roles": {},
    "images": {},
    "regions": ["cn-empty"],
    "untouched_options": "empty",
    "omitted_http_tokens": "optional",
    "omitted_metadata_tags": "disabled",
    "missing_parameter": "general",
    "tag_limit": 1000,
    "echo_string_to_sign": True,
}


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    config = {
        "instances": [{"instance_id": "i-first", "region_id": "cn-first", "default": True}],
        "control": {"access_keys": {KEY: {"secret": SECRET}}, "regions": ["cn-empty"]},
    }
    folder = tmp_path_factory.mktemp("control")
    with started(folder, "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", config=config) as emulator:
        yield emulator


@pytest.fixture
def emulator(running: Emulator) -> Iterator[Emulator]:
    """Restore the usual settings after each test."""
    yield running
    running.admin("PATCH", "/control", {**SETTINGS, "access_keys": {KEY: {"actions": ["*"]}, "LTAIother": None}})


@pytest.fixture
def control(emulator: Emulator) -> Callable[..., Any]:
    """Change settings for this test only."""
    return lambda **changes: emulator.admin("PATCH", "/control", changes)


@pytest.fixture
def address(emulator: Emulator) -> str:
    return str(emulator.ready["control"])


@pytest.fixture
def caller(address: str) -> Caller:
    return Caller(address)


@pytest.fixture
def region() -> str:
    return "cn-test-%d" % next(_numbers)


@pytest.fixture
def instance_settings(region: str) -> Dict[str, Any]:
    """Return the settings of new instances: the region of the test, without an own address."""
    return {"region_id": region}


@pytest.fixture
def instance(new_instance: Callable[..., Instance]) -> Instance:
    return new_instance(listen="127.0.0.1:0", http_tokens="optional", role={"name": "NodeRole", "actions": ["ecs:*"]})
