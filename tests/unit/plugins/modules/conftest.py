# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The emulator's control side as a real process, with a small fleet made anew for each test."""

from __future__ import annotations

import lab
import pytest

KEY, SECRET = "LTAI5tUnitTests00001", "unit-test-secret"
ACCESS = {
    KEY: {"secret": SECRET, "account": "1600000000000000", "actions": ["ecs:*"]},
    "LTAI5tReader00000001": {"secret": SECRET, "account": "1600000000000000", "actions": ["ecs:Describe*"]},
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
    """The running control side."""

    def __init__(self, process: lab.Emulator) -> None:
        self.endpoint = process.control_endpoint
        self.admin = process.admin
        self._process = process

    def calls(self, action: str | None = None) -> list[dict]:
        return self._process.calls(action)

    def options(self, name: str) -> tuple[str, str, str]:
        """(endpoint, tokens, tags) of an instance as the data side has them."""
        settings = self.admin("GET", "/instances/i-" + name)
        return settings["http_endpoint"], settings["http_tokens"], settings["instance_metadata_tags"]


@pytest.fixture
def control():
    config = {"instances": FLEET, "control": {"access_keys": ACCESS, "account_id": "1600000000000000"}}
    with lab.start_emulator(config, control=True) as process:
        yield Control(process)
