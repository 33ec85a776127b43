# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What do these tests start from? One emulator with its control side; for each test a region and settings of its own."""

from __future__ import annotations

import itertools
from typing import Any, Callable, Dict, Iterator, List

import pytest

from ..client import Emulator, Instance
from .caller import KEY, SECRET, Caller

_numbers = itertools.count(1)
SETTINGS: Dict[str, Any] = {
    "throttle": None,
    "faults": [],
    "delay_seconds": 0,
    "describe_delay_seconds": 0,
    "clock_skew": 0,
    "roles": {},
    "untouched_options": "empty",
    "omitted_http_tokens": "optional",
    "omitted_metadata_tags": "disabled",
    "missing_parameter": "general",
    "tag_limit": 1000,
    "echo_string_to_sign": True,
}


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    folder = tmp_path_factory.mktemp("control")
    config = {
        "instances": [{"instance_id": "i-first", "region_id": "cn-first", "default": True}],
        "control": {"access_keys": {KEY: {"secret": SECRET}}, "regions": ["cn-empty"]},
    }
    arguments = ["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--journal", str(folder / "journal")]
    emulator = Emulator(folder, *arguments, config=config)
    emulator.journal_file = folder / "journal"  # type: ignore[attr-defined]
    yield emulator
    assert emulator.stop() == 0
    assert "Traceback" not in emulator.stderr.read_text(encoding="utf-8")


@pytest.fixture
def emulator(running: Emulator) -> Iterator[Emulator]:
    """With the usual settings."""
    yield running
    running.admin("PATCH", "/control", {**SETTINGS, "access_keys": {KEY: {"actions": ["*"]}, "LTAIother": None}})


@pytest.fixture
def control(emulator: Emulator) -> Callable[..., Any]:
    """Changes settings, for this test only."""
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
def new_instance(emulator: Emulator, region: str) -> Iterator[Callable[..., Instance]]:
    """Makes instances in the test's region. ``listen`` is given to those that are asked on the data side."""
    made: List[str] = []

    def make(**settings: Any) -> Instance:
        settings.setdefault("instance_id", "i-control%d" % next(_numbers))
        settings.setdefault("region_id", region)
        created = emulator.admin("POST", "/instances", settings)
        made.append(settings["instance_id"])
        return Instance(emulator, settings["instance_id"], created["listening"] or "")

    yield make
    for instance_id in made:
        emulator.admin_status("DELETE", "/instances/" + instance_id)


@pytest.fixture
def instance(new_instance: Callable[..., Instance]) -> Instance:
    return new_instance(listen="127.0.0.1:0", http_tokens="optional", role={"name": "NodeRole", "actions": ["ecs:*"]})
