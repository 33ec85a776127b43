# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the commands and examples of the README with the installed collection, on a host where its role has installed the emulator.

The examples of roles need systemd; tests/hosts/test_examples.py runs them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import yaml
from conftest import BIN, CHECKOUT
from guides import Block, Step, steps
from own_host import Host

README = CHECKOUT / "README.md"
KEY, SECRET, API = "LTAI5tReadme00000001", "secret-of-the-readme", "127.0.0.1:8102"
INSTANCE = {
    "instance_id": "i-bp1example0000000001",
    "zone_id": "cn-hangzhou-i",
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


def texts(language: str) -> list[str]:
    """Return the code blocks in *language*."""
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)


def first_command() -> Step:
    """Return the first command of the README and its output."""
    (step,) = steps(Block("console", {}, texts("console")[0], 1, False))
    return step


def blocks() -> list[list[dict[str, Any]]]:
    """Return the YAML blocks without roles."""
    found = [yaml.safe_load(block) for block in texts("yaml")]
    return [entries for entries in found if not any("roles" in entry for entry in entries)]


def as_play(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a block as one play. The only addition is the address of the API."""
    play = entries[0] if "hosts" in entries[0] else {"hosts": "all", "gather_facts": False, "tasks": entries}
    return {**play, "module_defaults": {name: {"api_endpoint": f"http://{API}"} for name in MODULES}}


def start_emulator(own_host: Host) -> None:
    play = {"hosts": "emulated", "gather_facts": False, "roles": ["alicloud.imds.emulator"]}
    started = own_host.play([play], account=ACCOUNT, names={"emulated": EMULATOR})
    assert started.returncode == 0, started.stdout + started.stderr


def test_the_first_command_prints_the_output_that_the_readme_shows(own_host: Host, tmp_path: Path) -> None:
    start_emulator(own_host)
    step = first_command()
    hosts = tmp_path / "hosts.ini"
    hosts.write_text(f"web1 ansible_connection=local ansible_python_interpreter={sys.executable}\n")
    environment = {**own_host.environment(), "PATH": f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin"}
    typed = own_host.run("sh", "-c", f"cd {tmp_path} && {step.command}", environment=environment)
    assert (typed.returncode, typed.stderr) == (0, "")
    assert step.matches(typed.stdout), typed.stdout


def test_the_facts_of_a_slow_host_are_gathered(own_host: Host, tmp_path: Path) -> None:
    """A local fact takes six seconds. In parallel, ansible-core stops each fact module after five."""
    start_emulator(own_host)
    slow = tmp_path / "slow.fact"
    slow.write_text("#!/bin/sh\nsleep 6\necho '{}'\n")
    slow.chmod(0o755)
    (play,) = (as_play(entries) for entries in blocks() if "ansible_facts_modules" in entries[0].get("vars", {}))
    play["module_defaults"]["ansible.builtin.setup"] = {"fact_path": str(tmp_path)}
    played = own_host.play([{**play, "hosts": "slow"}], account=ACCOUNT, names={"slow": {}})
    assert played.returncode == 0, played.stdout + played.stderr
    assert "i-bp1example0000000001 in cn-hangzhou-i has" in played.stdout


def test_all_examples_one_after_the_other(own_host: Host) -> None:
    """Each example runs under its own host name, so that it cannot use variables of another example."""
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
    names_of_changes = "Require tokens for the web servers|Restore the recorded options"
    changed = re.findall(rf"TASK \[(?:{names_of_changes})\] \*+\nchanged: ", played.stdout)
    assert len(changed) == 2, "one instance was changed, and restored"
