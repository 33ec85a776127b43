# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documentation shows is what runs: the examples of every plugin, as they are printed."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
import yaml
from conftest import BIN, CHECKOUT

pytestmark = pytest.mark.lab

KEY, SECRET = "LTAI5tExamples000001", "secret-of-the-examples"
INSTANCE = {
    "instance_id": "i-bp1d6tsvznfghy7y0000",
    "region_id": "cn-hangzhou",
    "default": True,
    "http_tokens": "required",
    "instance_metadata_tags": "enabled",
    "tags": {"stage": "test", "app": "web"},
    "user_data": "#!/bin/sh\n",
    "role": {"name": "EcsWebRole"},
}
PLUGINS = [
    ("lookup", "alicloud.imds.metadata"),
    ("module", "alicloud.imds.metadata_facts"),
    ("module", "alicloud.imds.metadata_info"),
    ("module", "alicloud.imds.access_modes_info"),
    ("module", "alicloud.imds.metadata_options"),
    ("module", "alicloud.imds.metadata_options_info"),
]
# its examples are about programs and modules of others, which are not here
NOT_RUN = [("lookup", "alicloud.imds.ram_credentials")]
CONTROL = {"access_keys": {KEY: {"secret": SECRET}}, "regions": ["cn-shanghai"]}
ACCOUNT = {"ALIBABA_CLOUD_ACCESS_KEY_ID": KEY, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": SECRET}


def ansible_doc(kind: str, name: str, *options: str) -> str:
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".cache/collections")}
    command = [str(BIN / "ansible-doc"), "--type", kind, *options, name]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def as_plays(entries: list[dict]) -> list[dict]:
    """Tasks become one play; plays stay what they are."""
    tasks = [entry for entry in entries if "hosts" not in entry]
    plays = [entry for entry in entries if "hosts" in entry]
    return ([{"hosts": "all", "gather_facts": False, "tasks": tasks}] if tasks else []) + plays


@pytest.fixture
def run_entries(start_emulator, run_playbook):
    emulator = start_emulator({"instances": [INSTANCE], "control": CONTROL}, control=True)
    api = {"api_endpoint": emulator.control_endpoint}
    defaults = {"alicloud.imds.metadata_options": api, "alicloud.imds.metadata_options_info": api}

    def run(entries: list[dict]) -> None:
        plays = as_plays(entries)
        for play in plays:
            play["module_defaults"] = {**defaults, **play.get("module_defaults", {})}
        finished = run_playbook(plays, {"localhost": {}}, environment=ACCOUNT)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        named = [task["name"] for play in plays for task in play["tasks"]]
        assert named
        assert [name for name in named if "TASK [%s]" % name not in finished.stdout] == []
        assert "WARNING" not in finished.stdout + finished.stderr

    return run


@pytest.mark.parametrize(("kind", "name"), PLUGINS, ids=lambda value: value.rpartition(".")[2])
def test_examples_of_a_plugin(run_entries, kind, name) -> None:
    shown = json.loads(ansible_doc(kind, name, "--json"))[name]
    run_entries(yaml.safe_load(shown["examples"]))


@pytest.mark.parametrize(("kind", "name"), PLUGINS + NOT_RUN, ids=lambda value: value.rpartition(".")[2])
def test_ansible_doc_shows_all(kind, name) -> None:
    shown = ansible_doc(kind, name)
    for heading in ("OPTIONS", "AUTHOR", "EXAMPLES", "RETURN VALUES", "endpoint"):
        assert heading in shown, heading
    if kind == "lookup":
        assert "ALICLOUD_IMDS_ENDPOINT" in shown
