# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures for the tests of plugins: instances of a running emulator, a free port, and a module's main()."""

from __future__ import annotations

import importlib
import itertools
import json
import socket

import lab
import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._imds._connect import Route
from ansible_collections.alicloud.imds.plugins.module_utils._imds._service import ADDRESSES

from ..module_arguments import patch_module_args

# Instance IDs are not reused, because the emulator may record a request of an earlier test late.
_numbers = itertools.count(1)


class Instance:
    """One emulated instance with its own listening address."""

    def __init__(self, emulator: Emulators, instance_id: str, address: str) -> None:
        self.id = instance_id
        self.endpoint = "http://" + address
        self._emulator = emulator

    def set(self, **config) -> None:
        """Change keys of its configuration, for example ``http_tokens="required"``."""
        self._emulator.admin("PATCH", "/instances/" + self.id, config)

    def fault(self, kind: str, **more) -> None:
        """Set this fault as the only one of the instance."""
        self._emulator.admin("PUT", f"/instances/{self.id}/faults", [{"kind": kind, **more}])

    def journal(self) -> list[dict]:
        """Return the requests to this instance so far, oldest first."""
        return self._emulator.journal(self.id)


class Emulators:
    """The running emulator."""

    def __init__(self, process: lab.Emulator) -> None:
        self.admin = process.admin
        self.journal = process.journal

    def advance(self, seconds: float) -> None:
        """Advance the emulator's clock: tokens expire, credentials rotate, events appear."""
        self.admin("POST", "/clock", {"advance": seconds})

    def switch(self, **switches) -> None:
        """Set switches for all instances."""
        self.admin("PATCH", "/switches", switches)

    def add_instance(self, **config) -> Instance:
        instance_id = f"i-unit{next(_numbers):06d}"
        made = self.admin(
            "POST",
            "/instances",
            {"instance_id": instance_id, "listen": "127.0.0.1:0", "http_tokens": "required", **config},
        )
        return Instance(self, instance_id, made["listening"])


@pytest.fixture(autouse=True)
def no_real_service(monkeypatch):
    """Fail instead of connecting to the real service: tests use an emulator, and this machine may be an instance."""
    connect = Route.connect

    def checked(route, *arguments):
        assert lab.in_lab() or not {origin.host for origin in route.origins} & set(ADDRESSES), (
            "a request to the real service"
        )
        return connect(route, *arguments)

    monkeypatch.setattr(Route, "connect", checked)


@pytest.fixture
def emulator(running_emulator):
    emulators = Emulators(running_emulator)
    switches = running_emulator.admin("GET", "/switches")
    yield emulators
    running_emulator.admin("PATCH", "/switches", switches)
    for made in running_emulator.admin("GET", "/instances")["instances"][1:]:
        running_emulator.admin("DELETE", "/instances/" + made["instance_id"])
    running_emulator.admin("DELETE", "/journal")


@pytest.fixture
def instance(emulator):
    return emulator.add_instance()


@pytest.fixture
def free_port():
    """Return a TCP port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def run_module(capsys):
    """Run a module's main() with the real AnsibleModule and return its result.

    A module that reads metadata gets a timeout that is not reached on a busy machine.
    """

    def run(name: str, **args) -> dict:
        if "endpoint" in args:
            args.setdefault("timeout", 60)
        module = importlib.import_module("ansible_collections.alicloud.imds.plugins.modules." + name)
        with patch_module_args(args), pytest.raises(SystemExit):
            module.main()
        printed = capsys.readouterr()
        result = json.loads(printed.out)
        # If the controller's code is loaded, warnings are displayed at once instead of returned.
        shown = " ".join([*printed.err.split(), *(str(warning) for warning in result.get("warnings") or [])])
        return {**result, "displayed": shown}

    return run
