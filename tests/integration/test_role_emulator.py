# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the role `emulator` install, change and remove the emulator, as a plain process and at the real address?"""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

from own_host import Host

PLAYBOOK = [{"hosts": "all", "gather_facts": False, "roles": ["alicloud.imds.emulator"]}]


def try_play(host: Host, *arguments: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    return host.play(PLAYBOOK, *arguments, **variables)


def play(host: Host, *arguments: str, **variables: Any) -> tuple[int, str]:
    """Run the role; the number of changed tasks and the output. Fails when the playbook does."""
    result = try_play(host, *arguments, **variables)
    assert result.returncode == 0, result.stdout + result.stderr
    (changed,) = re.findall(r"changed=(\d+)", result.stdout)
    return int(changed), result.stdout


def test_the_life_of_an_emulator(own_host: Host) -> None:
    planned, output = play(own_host, "--check", "--diff", emulator_real_address=True)
    assert '+            "instance_id": "i-bp1example0000000001"' in output
    assert own_host.files() == [] and not own_host.has_address()

    changed, _output = play(own_host, emulator_real_address=True)
    assert changed == planned > 0
    assert own_host.has_address() and len(own_host.processes()) == 1
    assert own_host.get("http://100.100.100.200/latest/meta-data/instance-id") == "i-bp1example0000000001"

    assert play(own_host, emulator_real_address=True)[0] == 0, "a second run changes nothing"

    instances = [{"instance_id": "i-changed", "default": True}]
    changed, _output = play(own_host, emulator_instances=instances, emulator_listen=["127.0.0.1:8200"])
    assert changed > 0
    assert not own_host.has_address() and len(own_host.processes()) == 1
    assert own_host.get("http://127.0.0.1:8200/latest/meta-data/instance-id") == "i-changed"
    assert json.loads(own_host.get("http://127.0.0.1:8101/health"))["listen"] == ["127.0.0.1:8200"]

    changed, _output = play(own_host, emulator_state="absent")
    assert changed > 0
    assert own_host.files() == [] and own_host.processes() == []
    assert play(own_host, emulator_state="absent")[0] == 0


def test_what_the_role_refuses(own_host: Host) -> None:
    """Each with a reason, before anything is changed."""
    name = "/sys/class/dmi/id/product_name"
    own_host.run("sh", "-c", f"echo Alibaba Cloud ECS > {name}")
    refused = try_play(own_host, emulator_real_address=True)
    assert refused.returncode != 0
    assert "the emulator would hide its real metadata service" in " ".join(refused.stdout.split())

    for variables, reason in (
        ({"emulator_data_dir": "/var"}, "/var cannot be a directory of the emulator"),
        ({"emulator_listen": ["127.0.0.1:0"]}, "each address needs a port from 1 to 65535"),
    ):
        refused = try_play(own_host, **variables)
        assert refused.returncode != 0 and reason in refused.stdout
    assert own_host.files() == []
