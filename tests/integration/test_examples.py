# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the examples of each plugin as the documentation prints them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import Any

import pytest
import yaml
from conftest import BIN, CHECKOUT
from imds_emulator import test_key

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
PRODUCTION = {"instance_id": "i-bp1d6tsvznfghy7y0009", "region_id": "cn-hangzhou", "http_tokens": "required"}
PRODUCTION["tags"] = {"stage": "production"}
PLUGINS = [
    ("lookup", "alicloud.imds.metadata"),
    ("module", "alicloud.imds.metadata_facts"),
    ("module", "alicloud.imds.metadata_info"),
    ("module", "alicloud.imds.access_modes_info"),
    ("module", "alicloud.imds.metadata_options"),
    ("module", "alicloud.imds.metadata_options_info"),
    ("filter", "alicloud.imds.verified_identity"),
]
KINDS = ("lookup", "module", "filter")
# Its examples use programs and modules that are not installed here.
NOT_RUN = [("lookup", "alicloud.imds.ram_credentials")]
# The roles that the examples assume, each in an account with an instance.
ROLES = [f"acs:ram::{account}:role/harden" for account in ("1234567890123456", "6543210987654321")]
THEIRS = [
    {
        "instance_id": f"i-bp1d6tsvznfghy7y001{number}",
        "owner_account_id": role.split(":")[3],
        "http_tokens": "optional",
        "role": {"name": "harden", "actions": ["ecs:*"]},
        "clients": [],
    }
    for number, role in enumerate(ROLES)
]
CALLER = {"secret": SECRET, "user": "fleet", "actions": ["ecs:*", "sts:AssumeRole"], "roles": ROLES}
CONTROL = {"access_keys": {KEY: CALLER}, "regions": ["cn-shanghai"]}
ACCOUNT = {"ALIBABA_CLOUD_ACCESS_KEY_ID": KEY, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": SECRET}


def ansible_doc(kind: str, *arguments: str) -> str:
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".cache/collections")}
    command = [str(BIN / "ansible-doc"), "--type", kind, *arguments]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def names_of(kind: str, plugins: list[tuple[str, str]]) -> list[str]:
    return [name for of_kind, name in plugins if of_kind == kind]


def as_plays(entries: list[dict[str, Any]], host: str) -> list[dict[str, Any]]:
    """Return plays that run on *host*, from plays or from tasks, which become one play."""
    tasks = [entry for entry in entries if "hosts" not in entry]
    plays = [entry for entry in entries if "hosts" in entry]
    plays = ([{"gather_facts": False, "tasks": tasks}] if tasks else []) + plays
    return [{**play, "hosts": host} for play in plays]


@pytest.fixture(scope="module")
def plays() -> dict[str, list[dict[str, Any]]]:
    """Return the examples of each plugin as plays. Each plugin has its own host, so that none uses variables of another."""
    found = {}
    for kind in KINDS:
        documented = json.loads(ansible_doc(kind, "--json", *names_of(kind, PLUGINS)))
        found |= {name: as_plays(yaml.safe_load(entry["examples"]), name) for name, entry in documented.items()}
    return found


@pytest.fixture(scope="module")
def run(start_shared_emulator, run_shared_playbook, plays, tmp_path_factory) -> subprocess.CompletedProcess[str]:
    """Run all examples, one after the other."""
    emulator = start_shared_emulator({"instances": [INSTANCE, PRODUCTION, *THEIRS], "control": CONTROL}, control=True)
    api = {"api_endpoint": emulator.control_endpoint, "sts_endpoint": emulator.control_endpoint}
    defaults = {"alicloud.imds.metadata_options": api, "alicloud.imds.metadata_options_info": api}
    together = [
        {**play, "module_defaults": {**defaults, **play.get("module_defaults", {})}}
        for _kind, name in PLUGINS
        for play in plays[name]
    ]
    certificate = tmp_path_factory.mktemp("identity") / "emulator.pem"
    certificate.write_text(test_key.CERTIFICATE)
    environment = {**ACCOUNT, "ALICLOUD_IMDS_IDENTITY_CERTIFICATE": str(certificate)}
    return run_shared_playbook(together, dict.fromkeys(plays, {}), environment=environment)


@pytest.mark.parametrize(("kind", "name"), PLUGINS, ids=lambda value: value.rpartition(".")[2])
def test_examples_of_a_plugin(plays, run, kind, name) -> None:
    recap = re.search(rf"^{re.escape(name)} +: ok=(\d+) .*unreachable=0 +failed=0 ", run.stdout, re.MULTILINE)
    assert recap, run.stdout + run.stderr
    named = [task["name"] for play in plays[name] for task in play["tasks"]]
    assert named
    assert [task for task in named if "TASK [%s]" % task not in run.stdout] == []
    assert int(recap[1]) >= len(named)
    assert "WARNING" not in run.stdout + run.stderr


def test_all_examples_succeed(run) -> None:
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """Return the output of ansible-doc for each plugin."""
    plugins = PLUGINS + NOT_RUN
    found = {}
    for kind in KINDS:
        shown = re.sub(r"\x1b\[[\d;]*m", "", ansible_doc(kind, *names_of(kind, plugins)))
        titled = re.split(r"^> \S+ (\S+)", shown, flags=re.MULTILINE)
        found |= dict(zip(titled[1::2], titled[2::2], strict=True))
    return found


@pytest.mark.parametrize(("kind", "name"), PLUGINS + NOT_RUN, ids=lambda value: value.rpartition(".")[2])
def test_ansible_doc_shows_all(pages, kind, name) -> None:
    shown = pages[name]
    for heading in ("OPTIONS", "AUTHOR", "EXAMPLES", "RETURN VALUES", *([] if kind == "filter" else ["endpoint"])):
        assert heading in shown, heading
    if kind == "lookup":
        assert "ALICLOUD_IMDS_ENDPOINT" in shown
