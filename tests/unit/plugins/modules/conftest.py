# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control plane of the emulator with a small fleet, created for each test, and a run of a module with its options."""

from __future__ import annotations

import importlib
import json

import lab
import pytest

from ...module_arguments import patch_module_args

KEY, SECRET = "LTAI5tUnitTests00001", "unit-test-secret"
ACCESS = {
    KEY: {"secret": SECRET, "account": "1600000000000000", "actions": ["ecs:*", "ess:*"]},
    "LTAI5tReader00000001": {
        "secret": SECRET,
        "account": "1600000000000000",
        "actions": ["ecs:Describe*", "ess:Describe*"],
    },
    "LTAI5tNobody00000001": {"secret": SECRET, "account": "1600000000000000", "actions": []},
}


def instance(name: str, region: str = "cn-hangzhou", **config) -> dict:
    return {
        "instance_id": "i-" + name,
        "name": name,
        "region_id": region,
        "zone_id": region + "-a",
        "owner_account_id": "1600000000000000",
        "http_tokens": "optional",
        "http_endpoint": "enabled",
        "instance_metadata_tags": "disabled",
        "clients": [],
        **config,
    }


FLEET = [
    instance("web1", tags={"app": "web"}),
    instance("web2", tags={"app": "web"}, http_tokens="required"),
    instance("off", tags={"app": "web"}, http_endpoint="disabled"),
    instance("win", tags={"app": "win"}, os_type="windows"),
    instance("ack", tags={"app": "k8s"}, ack_cluster="c123"),
    instance("far", "eu-central-1", tags={"app": "web"}),
]


class Control:
    """The running control plane."""

    def __init__(self, process: lab.Emulator) -> None:
        self.endpoint = process.control_endpoint
        self.admin = process.admin
        self._process = process

    def calls(self, action: str | None = None) -> list[dict]:
        return self._process.calls(action)

    def options(self, name: str) -> tuple[str, str, str]:
        """Return endpoint, tokens and tags of an instance as the data plane has them."""
        settings = self.admin("GET", "/instances/i-" + name)
        return settings["http_endpoint"], settings["http_tokens"], settings["instance_metadata_tags"]


@pytest.fixture
def control():
    config = {"instances": FLEET, "control": {"access_keys": ACCESS, "account_id": "1600000000000000"}}
    with lab.start_emulator(config, control=True) as process:
        yield Control(process)


@pytest.fixture
def run(control, capsys):
    """Run a module's main() with the API options of the control plane, and return its result and the warnings that it displays."""

    def run_module(name: str, /, **args) -> dict:
        module = importlib.import_module("ansible_collections.alicloud.imds.plugins.modules." + name)
        args = {
            "api_endpoint": control.endpoint,
            "access_key_id": KEY,
            "access_key_secret": SECRET,
            "regions": ["cn-hangzhou"],
            "api_deadline": 600,
            **args,
        }
        given = {key: value for key, value in args.items() if value is not None}
        with patch_module_args(given), pytest.raises(SystemExit):
            module.main()
        printed = capsys.readouterr()
        assert SECRET not in printed.out + printed.err
        return {**json.loads(printed.out), "displayed": printed.err}

    return run_module
