# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What do these tests start from? One emulator for the whole run, and a new instance with its own address for each test."""

from __future__ import annotations

import itertools
from typing import Any, Callable, Iterator

import pytest

from .client import Emulator, Instance

_numbers = itertools.count(1)

#: Everything a real instance of June 2021 had, of which the listing was published; plus tags to switch on.
RICH = {
    "eipv4": "47.96.0.10",
    "public_keys": {"skp-bp1test": "ssh-ed25519 AAAA test"},
    "role": {"name": "TestRole"},
    "disks": [],
    "tags": {"env": "test", "team:name": "infra"},
}


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    folder = tmp_path_factory.mktemp("emulator")
    config = {"instances": [{"instance_id": "i-default", "default": True}]}
    running = Emulator(
        folder, "--listen", "127.0.0.1:0", "--timeout", "60", "--journal", str(folder / "journal"), config=config
    )
    running.journal_file = folder / "journal"  # type: ignore[attr-defined]
    yield running
    status = running.stop()
    assert status == 0
    assert "Traceback" not in running.stderr.read_text(encoding="utf-8")


@pytest.fixture
def new_instance(emulator: Emulator) -> Iterator[Callable[..., Instance]]:
    made = []

    def make(**settings: Any) -> Instance:
        instance_id = settings.pop("instance_id", "i-test%d" % next(_numbers))
        created = emulator.admin(
            "POST", "/instances", dict(RICH, instance_id=instance_id, listen="127.0.0.1:0", **settings)
        )
        made.append(instance_id)
        return Instance(emulator, instance_id, created["listening"])

    yield make
    for instance_id in made:
        emulator.admin_status("DELETE", "/instances/" + instance_id)


@pytest.fixture
def instance(new_instance: Callable[..., Instance]) -> Instance:
    return new_instance()


@pytest.fixture
def switch(emulator: Emulator) -> Iterator[Callable[..., None]]:
    """Sets switches, for this test only."""
    before = emulator.admin("GET", "/switches")
    yield lambda **values: emulator.admin("PATCH", "/switches", values)
    emulator.admin("PATCH", "/switches", before)
