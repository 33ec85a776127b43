# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install, change and remove the emulator with the role `emulator`, as a process at the real address."""

from __future__ import annotations

import re
import subprocess
from typing import Any

from dumping import dumped
from own_host import Host

ROLE: dict[str, Any] = {"hosts": "all", "gather_facts": False, "roles": ["alicloud.imds.emulator"]}
CHANGED = {
    "emulator_instances": [{"instance_id": "i-changed", "default": True}],
    "emulator_listen": ["127.0.0.1:8200"],
}
# Host names of the same machine in the order of the steps, with the variables of the role.
LIFE: dict[str, dict[str, Any]] = {
    "installed": {"emulator_real_address": True},
    "installed_again": {"emulator_real_address": True},
    "changed": CHANGED,
    "removed": {"emulator_state": "absent"},
    "removed_again": {"emulator_state": "absent"},
}


def changed(run: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """Return the number of changed tasks for each name of the host; fail the test if the playbook failed."""
    assert run.returncode == 0, run.stdout + run.stderr
    found = re.findall(r"^(\S+) +: ok=.* changed=(\d+) ", run.stdout, re.MULTILINE)
    return {name: int(number) for name, number in found}


def test_life_of_an_emulator(own_host: Host) -> None:
    """Run the role in check mode, install, repeat, change, remove, and remove again."""
    run = own_host.play([ROLE], "--check", "--diff", emulator_real_address=True)
    planned = changed(run)["emulated"]
    assert '+            "instance_id": "i-bp1example0000000001"' in run.stdout
    assert own_host.files() == [] and not own_host.has_address()

    urls = {
        "installed": "http://100.100.100.200/latest/meta-data/instance-id",
        "changed": "http://127.0.0.1:8200/latest/meta-data/instance-id",
    }
    plays = [{**ROLE, "hosts": name, "post_tasks": [own_host.inspection(urls.get(name))]} for name in LIFE]
    run = own_host.play(plays, names=LIFE)
    changes = changed(run)
    states = dict(zip(LIFE, dumped(run.stdout), strict=True))
    assert changes["installed"] == planned > 0
    assert states["installed"]["address"] is True and len(states["installed"]["processes"]) == 1
    assert states["installed"]["body"] == "i-bp1example0000000001"
    assert changes["installed_again"] == 0

    assert changes["changed"] > 0
    assert states["changed"]["address"] is False and len(states["changed"]["processes"]) == 1
    assert states["changed"]["body"] == "i-changed"
    assert states["changed"]["health"]["listen"] == ["127.0.0.1:8200"]

    assert changes["removed"] > 0
    assert states["removed"]["files"] == [] and states["removed"]["processes"] == []
    assert changes["removed_again"] == 0
    assert own_host.files() == [] and own_host.processes() == []


REFUSED = {
    "real": ({"emulator_real_address": True}, "the emulator would hide its real metadata service"),
    "directory": ({"emulator_data_dir": "/var"}, "/var cannot be a directory of the emulator"),
    "python": ({"emulator_python": "/srv/python3"}, "emulator_python is /srv/python3: it is missing,"),
    "port": ({"emulator_listen": ["127.0.0.1:0"]}, "each address needs a port from 1 to 65535"),
}


def test_the_role_refuses_invalid_variables(own_host: Host) -> None:
    """Each refusal has a reason and precedes all changes."""
    own_host.run("sh", "-c", "echo Alibaba Cloud ECS > /sys/class/dmi/id/product_name")
    run = own_host.play([ROLE], names={name: variables for name, (variables, _reason) in REFUSED.items()})
    assert run.returncode == 2, run.stdout + run.stderr
    failures = re.findall(r"^(?:fatal|failed): \[(\w+)\](.*?)(?=^\S|\Z)", run.stdout, re.MULTILINE | re.DOTALL)
    for name, (_variables, reason) in REFUSED.items():
        assert reason in " ".join(" ".join(text for host, text in failures if host == name).split()), run.stdout
    assert own_host.files() == []
