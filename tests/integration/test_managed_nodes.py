# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The payload on the Pythons of managed nodes, and in surroundings that must not matter."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

INSTANCE = {
    "instance_id": "i-node",
    "default": True,
    "http_tokens": "required",
    "role": {"name": "EcsWebRole"},
    "instance_metadata_tags": "enabled",
    "tags": {"stage": "prod"},
}
VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
TASKS = [
    {"alicloud.imds.metadata_facts": {}},
    {"alicloud.imds.metadata_info": {"paths": ["instance-id", "nonsense"], "missing": "null"}, "register": "info"},
    {"alicloud.imds.access_modes_info": {}, "register": "modes"},
    {
        "ansible.builtin.debug": {
            "msg": "{{ [ansible_facts.alicloud_ecs, info.metadata, modes.verdict] | to_json | b64encode }}"
        }
    },
]


def interpreter(version: str) -> str:
    """A real interpreter of this version: on the PATH, or where pyenv keeps them. Skips when there is none."""
    candidates = [shutil.which("python" + version)]
    pyenv = shutil.which("pyenv")
    if pyenv:
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False).stdout.strip()
        candidates = [str(path) for path in Path(root).glob("versions/%s.*/bin/python3" % version)] + candidates
    for candidate in filter(None, candidates):
        if subprocess.run([candidate, "-c", "import ssl"], capture_output=True, check=False).returncode == 0:
            return candidate
    pytest.skip("there is no Python %s on this machine" % version)


def results(run: subprocess.CompletedProcess[str]) -> list:
    assert run.returncode == 0, run.stdout + run.stderr
    return json.loads(base64.b64decode(run.stdout.split('"msg": "')[1].split('"')[0]))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_modules_run_on_python(start_emulator, run_playbook, version) -> None:
    start_emulator({"instances": [INSTANCE]})
    host = {"ansible_python_interpreter": interpreter(version)}
    run = run_playbook([{"hosts": "all", "gather_facts": False, "tasks": TASKS}], {"node": host})
    facts, metadata, verdict = results(run)
    assert (facts["instance_id"], facts["tags"], facts["ram_role"]) == ("i-node", {"stage": "prod"}, "EcsWebRole")
    assert metadata == {"instance-id": "i-node", "nonsense": None}
    assert verdict == "required"


def test_proxy_variables_of_the_host_do_not_matter(start_emulator, run_playbook) -> None:
    emulator = start_emulator({"instances": [INSTANCE]})
    dead = dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"), "http://127.0.0.1:9")
    lookup = {"ansible.builtin.assert": {"that": ["lookup('alicloud.imds.metadata', 'instance-id') == 'i-node'"]}}
    play = {"hosts": "all", "gather_facts": False, "environment": dead, "tasks": [*TASKS, lookup]}
    facts, _metadata, verdict = results(run_playbook([play], {"node": {}}, environment=dead))
    assert (facts["instance_id"], verdict) == ("i-node", "required")
    assert {entry["client"] for entry in emulator.journal()} == {"100.100.100.200"}
    assert sum(entry["forwarded"] for entry in emulator.journal()) == 1  # the probe's own question
