# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""demo.py [REPORT]: run demo.yml against three emulated instances, and say what the emulator saw.

Inside tests/lab/enter each instance is a network namespace, and the service is at its real address. The controller runs
on the first instance. Outside, each instance has a loopback port of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "lab"))

import lab  # noqa: E402

REPORT = CHECKOUT / ".cache" / "demo-report.json"


def instance(host: str, number: int, instance_type: str, stage: str) -> dict[str, Any]:
    """One instance of the emulator's configuration. Its source address tells it apart, or else its own loopback port."""
    address = f"10.77.0.{10 + number}"
    return {
        "instance_id": f"i-bp1demo{number:011}",
        "instance_name": host,
        "instance_type": instance_type,
        "hostname": host,
        "http_tokens": "required",
        "region_id": "cn-hangzhou",
        "zone_id": f"cn-hangzhou-{'hij'[number % 3]}",
        "network_interfaces": [{"mac": lab.mac_of(address), "primary_ip_address": address, "private_ipv4s": [address]}],
        "instance_metadata_tags": "enabled",
        "tags": {"stage": stage},
        "clients": [address],
        "listen": None if lab.in_lab() else "127.0.0.1:0",
    }


INSTANCES = {
    "control": instance("control", 1, "ecs.g7.large", "production"),
    "web": instance("web", 2, "ecs.c7.large", "production"),
    "db": instance("db", 3, "ecs.r7.xlarge", "staging"),
}


def inventory(emulator: lab.Emulator) -> dict[str, Any]:
    """Local connections; inside the laboratory with an interpreter that enters the instance's namespace."""
    hosts: dict[str, Any] = {}
    for host, config in INSTANCES.items():
        python = lab.python_interpreter(host) if lab.in_lab() else sys.executable
        endpoint = emulator.endpoint(config["instance_id"])
        hosts[host] = {"ansible_python_interpreter": python, "alicloud_imds_endpoint": endpoint}
    controller = {**next(iter(hosts.values())), "ansible_python_interpreter": sys.executable}
    return {
        "all": {
            "vars": {"ansible_connection": "local"},
            "hosts": {"localhost": controller},
            "children": {"instances": {"hosts": hosts}},
        }
    }


def run_playbook(emulator: lab.Emulator, report: Path) -> int:
    """Run demo.yml and return its exit status."""
    hosts = Path(lab.scratch("demo-")) / "inventory.json"
    hosts.write_text(json.dumps(inventory(emulator)))
    environment = dict(os.environ, ANSIBLE_CONFIG=str(HERE / "ansible.cfg"))
    environment.setdefault("ANSIBLE_COLLECTIONS_PATH", str(CHECKOUT / ".cache" / "collections"))
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "--inventory", str(hosts)]
    command += ["--extra-vars", json.dumps({"demo_report": str(report)}), str(HERE / "demo.yml")]
    where = lab.exec_prefix(next(iter(INSTANCES))) if lab.in_lab() else []
    return subprocess.run(where + command, env=environment, check=False).returncode


def what_the_emulator_saw(emulator: lab.Emulator) -> str:
    journal = emulator.journal()
    tokens = sum(entry["mode"] == "token-request" and entry["status"] == 200 for entry in journal)
    reads = sum(entry["mode"] == "token" and entry["status"] == 200 for entry in journal)
    plain = [entry["status"] for entry in journal if entry["mode"] == "plain"]
    answers = ", ".join(str(status) for status in sorted(set(plain)))
    return (
        f"The emulator saw: {tokens} tokens issued, {reads} reads with a token answered, and {len(plain)} reads without"
        f" one (by access_modes_info, on purpose), answered with {answers}."
    )


def main() -> int:
    report = Path(sys.argv[1]) if len(sys.argv) > 1 else REPORT
    report.parent.mkdir(parents=True, exist_ok=True)
    if lab.in_lab():
        for host, config in INSTANCES.items():
            lab.add_instance(host, config["clients"][0])
    with lab.start_emulator({"instances": list(INSTANCES.values())}) as emulator:
        addresses = [emulator.endpoint(config["instance_id"]) for config in INSTANCES.values()]
        where = "in network namespaces" if lab.in_lab() else "on loopback ports"
        print(f"Three emulated instances {where}, metadata at {', '.join(dict.fromkeys(addresses))}", flush=True)
        status = run_playbook(emulator, report)
        print(what_the_emulator_saw(emulator))
    return status


if __name__ == "__main__":
    sys.exit(main())
