# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the role on test hosts as a user would: with ansible-playbook, an inventory and SSH."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lab
from host import Host
from imds_emulator import test_key
from waiting import PROCESS_SECONDS

CHECKOUT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
REGION = "cn-hangzhou"
# The controller is an emulated instance, and calls the API as its instance role. No key is configured.
CONTROLLER = {
    "instance_id": "i-controller",
    "region_id": REGION,
    "default": True,
    "http_tokens": "required",
    "role": {"name": "Hardener", "actions": ["ecs:DescribeInstances", "ecs:ModifyInstanceMetadataOptions"]},
}

# Variables that enforce tokens and the fence.
ENFORCE = {"hardening_fence": "enforce", "hardening_fence_services": ["cron.service"]}


def instance(host: Host, **config: Any) -> dict[str, Any]:
    """Return the configuration of the emulated instance for a test host."""
    options = {"http_tokens": "optional", "http_endpoint": "enabled", "instance_metadata_tags": "disabled"}
    clients = [host.ip, lab.ipv6_of(host.ip)]
    whose = {"instance_id": f"i-{host.name}", "region_id": REGION, "clients": clients, "hostname": host.name}
    interface = {"mac": lab.mac_of(host.ip), "primary_ip_address": host.ip}
    return {**whose, "role": {"name": "WebRole"}, "network_interfaces": [interface], **options, **config}


@dataclass
class Played:
    """The exit status and output of a playbook, and the numbers of changed and failed tasks by host."""

    status: int
    output: str
    changed: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)

    def check(self) -> Played:
        """Return this result; fail the test if the playbook failed."""
        assert self.status == 0, self.output
        return self

    def reasons(self) -> dict[str, str]:
        """Return the final error message of each host, by name."""
        found = re.findall(r"^fatal: \[(\w+)\]: FAILED! => (\{.*\})$", self.output, re.MULTILINE)
        return {name: json.loads(result)["msg"] for name, result in found}


class Player:
    """Run the role `hardening` on *hosts* with the API of *emulator*, and keep files in *folder*."""

    def __init__(self, hosts: Iterable[Host], emulator: lab.Emulator, folder: Path, bin: Path = BIN) -> None:
        self.hosts = list(hosts)
        self.bin = bin  # where ansible-playbook is
        self.emulator = emulator
        self.folder = folder
        self.record = folder / "record"
        self.names: dict[str, str] = {}  # names in the inventory that differ from those of the hosts
        self.variables: dict[str, dict[str, Any]] = {}  # further variables by name of the host

    def controller(self, folder: Path) -> Player:
        """Return another controller, with files of its own in *folder*."""
        return Player(self.hosts, self.emulator, folder, self.bin)

    def command(self, *arguments: str, strategy: Any = None, **variables: Any) -> list[str]:
        """Return the command line that plays the role with *variables*; *strategy* has further keywords of the play."""
        hosts = {
            self.names.get(host.name, host.name): {**host.ansible_variables(), **self.variables.get(host.name, {})}
            for host in self.hosts
        }
        inventory = {"all": {"hosts": hosts}}
        (self.folder / "inventory.json").write_text(json.dumps(inventory))
        (self.folder / "ansible.cfg").touch()
        (self.folder / "certificate.pem").write_text(test_key.CERTIFICATE)
        common = {
            "hardening_api_endpoint": self.emulator.control_endpoint,
            "hardening_record_dir": str(self.record),
            "hardening_wait_timeout": 5,
            "hardening_preflight": "off",  # these tests send normal-mode requests themselves
        }
        play = {"hosts": "all", "gather_facts": False, "roles": ["alicloud.imds.hardening"], **(strategy or {})}
        play["vars"] = {**common, **variables}
        (self.folder / "play.json").write_text(json.dumps([play]))
        files = ("--inventory", str(self.folder / "inventory.json"), str(self.folder / "play.json"))
        return [str(self.bin / "ansible-playbook"), *files, *arguments]

    def environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("ALIBABA", "ALICLOUD"))},
            "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".cache/collections"),
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_FORKS": "20",
            "HOME": str(self.folder),
            "ALICLOUD_IMDS_IDENTITY_CERTIFICATE": str(self.folder / "certificate.pem"),
        }

    def play(self, *arguments: str, strategy: Any = None, **variables: Any) -> Played:
        done = subprocess.run(
            self.command(*arguments, strategy=strategy, **variables),
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=PROCESS_SECONDS,
            check=False,
        )
        output = done.stdout + done.stderr
        counts = re.findall(r"^(\S+) +: ok=\d+ +changed=(\d+) +unreachable=\d+ +failed=(\d+)", output, re.MULTILINE)
        changed = {name: int(number) for name, number, _failed in counts}
        return Played(done.returncode, output, changed, {name: int(failed) for name, _changed, failed in counts})

    def options(self, host: Host) -> tuple[str, str, str]:
        """Return the options endpoint, tokens and tags of the host's instance in the emulator."""
        settings = self.emulator.admin("GET", f"/instances/i-{host.name}")
        return settings["http_endpoint"], settings["http_tokens"], settings["instance_metadata_tags"]
