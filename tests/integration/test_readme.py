# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The README as its reader has it: the collection installed from its tarball, an emulator that its role put up, the examples.

Those that take a role to a host are run by tests/hosts/test_examples.py, on one with systemd.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from conftest import CHECKOUT
from own_host import Host

KEY, SECRET, API = "LTAI5tReadme00000001", "secret-of-the-readme", "127.0.0.1:8102"
INSTANCE = {
    "instance_id": "i-bp1readme000000000",
    "region_id": "cn-hangzhou",
    "default": True,
    "http_tokens": "required",
    "instance_metadata_tags": "enabled",
    "tags": {"stage": "test", "app": "web"},
    "role": {"name": "EcsWebRole"},
}
EMULATOR = {
    "emulator_real_address": True,
    "emulator_control": API,
    "emulator_instances": [
        INSTANCE,
        {**INSTANCE, "instance_id": "i-bp1open0000000000", "default": False, "http_tokens": "optional"},
    ],
    "emulator_account": {"access_keys": {KEY: {"secret": SECRET}}},
}
ACCOUNT = {"ALIBABA_CLOUD_ACCESS_KEY_ID": KEY, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": SECRET}
MODULES = ("alicloud.imds.metadata_options", "alicloud.imds.metadata_options_info")


def blocks() -> list[list[dict[str, Any]]]:
    text = (CHECKOUT / "README.md").read_text()
    found = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)]
    return [entries for entries in found if not any("roles" in entry for entry in entries)]


def as_play(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """A block as one play, which knows where the API is and nothing else that the README does not say."""
    play = entries[0] if "hosts" in entries[0] else {"hosts": "all", "gather_facts": False, "tasks": entries}
    return {**play, "module_defaults": {name: {"api_endpoint": f"http://{API}"} for name in MODULES}}


def test_all_examples_one_after_the_other(own_host: Host) -> None:
    """Each has a name of the host for itself, so none uses variables of another."""
    examples = {f"example{number}": as_play(entries) for number, entries in enumerate(blocks(), 1)}
    assert len(examples) == 4
    emulator = {"hosts": "emulated", "gather_facts": False, "roles": ["alicloud.imds.emulator"]}
    plays = [emulator, *({**play, "hosts": name} for name, play in examples.items())]
    names: dict[str, dict[str, Any]] = {"emulated": EMULATOR, **{name: {} for name in examples}}
    played = own_host.play(plays, account=ACCOUNT, names=names)
    assert played.returncode == 0, played.stdout + played.stderr
    assert "WARNING" not in played.stdout + played.stderr
    for name, play in examples.items():
        (ok,) = re.findall(rf"^{name} +: ok=(\d+) .*unreachable=0 +failed=0 ", played.stdout, re.MULTILINE)
        assert int(ok) >= len(play["tasks"])
        for task in play["tasks"]:
            assert f"TASK [{task['name']}]" in played.stdout
    switched = re.findall(r"TASK \[(?:Switch the web servers.*|Undo it)\] \*+\nchanged: ", played.stdout)
    assert len(switched) == 2, "the open instance was switched, and switched back"
