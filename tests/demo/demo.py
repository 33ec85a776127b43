# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""demo.py [REPORT]: run demo.yml against three emulated instances, and print a summary of the emulator's journal.

Inside tests/lab/enter each instance is a network namespace, and the service is at its real address. The controller runs
on the first instance. Outside of it, each instance has its own loopback port. The ECS API is at a loopback port, with an
access key for this run only.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "lab"))

import lab  # noqa: E402

REPORT = CHECKOUT / ".cache" / "demo-report.json"


def instance(host: str, number: int, instance_type: str, stage: str) -> dict[str, Any]:
    """Return an instance of the emulator's configuration, identified by its source address or its loopback port."""
    address = f"10.77.0.{10 + number}"
    return {
        "instance_id": f"i-bp1demo{number:011}",
        "instance_name": host,
        "instance_type": instance_type,
        "hostname": host,
        "http_tokens": "optional",
        "region_id": "cn-hangzhou",
        "zone_id": f"cn-hangzhou-{'hij'[number % 3]}",
        "network_interfaces": [{"mac": lab.mac_of(address), "primary_ip_address": address, "private_ipv4s": [address]}],
        "instance_metadata_tags": "enabled",
        "tags": {"project": "demo", "stage": stage},
        "clients": [address],
        "listen": None if lab.in_lab() else "127.0.0.1:0",
    }


INSTANCES = {
    "control": instance("control", 1, "ecs.g7.large", "production"),
    "web": instance("web", 2, "ecs.c7.large", "production"),
    "db": instance("db", 3, "ecs.r7.xlarge", "staging"),
}


# Only this run's emulator knows this key.
ACCESS_KEY_ID, ACCESS_KEY_SECRET = "LTAI5t" + secrets.token_hex(9), secrets.token_hex(15)
ACCESS_KEY = {"secret": ACCESS_KEY_SECRET, "actions": ["ecs:DescribeInstances", "ecs:ModifyInstanceMetadataOptions"]}
ENVIRONMENT = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": ACCESS_KEY_ID,
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ACCESS_KEY_SECRET,
    "ALIBABA_CLOUD_SECURITY_TOKEN": "",
    # The user's proxy cannot reach the emulator.
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}


def record_of(report: Path) -> Path:
    """Return the path of the record of the options to restore."""
    return report.with_name(report.stem + "-record.json")


def api_python() -> str:
    """Return the interpreter of the host that calls the API, which is on the loopback of the laboratory's first namespace."""
    if not lab.in_lab():
        return sys.executable
    script = Path(lab.scratch("python-")) / "api"
    script.write_text(f'#!/bin/sh\nexec nsenter --net=/proc/1/ns/net -- {sys.executable} "$@"\n')
    script.chmod(0o755)
    return str(script)


def inventory(emulator: lab.Emulator) -> dict[str, Any]:
    """Return an inventory with local connections, and in the laboratory with interpreters that enter the instances' namespaces."""
    hosts: dict[str, Any] = {}
    for host, config in INSTANCES.items():
        python = lab.python_interpreter(host) if lab.in_lab() else sys.executable
        endpoint = emulator.endpoint(config["instance_id"])
        hosts[host] = {"ansible_python_interpreter": python, "alicloud_imds_endpoint": endpoint}
    return {
        "all": {
            "vars": {"ansible_connection": "local", "alicloud_api_endpoint": emulator.control_endpoint},
            "hosts": {
                "localhost": {"ansible_python_interpreter": sys.executable},
                "api": {"ansible_python_interpreter": api_python()},
            },
            "children": {"instances": {"hosts": hosts}},
        }
    }


def run_playbook(emulator: lab.Emulator, report: Path) -> int:
    """Run demo.yml and return its exit status."""
    hosts = Path(lab.scratch("demo-")) / "inventory.json"
    hosts.write_text(json.dumps(inventory(emulator)))
    environment = {**os.environ, **ENVIRONMENT, "ANSIBLE_CONFIG": str(HERE / "ansible.cfg")}
    environment.setdefault("ANSIBLE_COLLECTIONS_PATH", str(CHECKOUT / ".cache" / "collections"))
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "--inventory", str(hosts)]
    files = {"demo_report": str(report), "demo_record": str(record_of(report))}
    command += ["--extra-vars", json.dumps(files), str(HERE / "demo.yml")]
    where = lab.exec_prefix(next(iter(INSTANCES))) if lab.in_lab() else []
    return subprocess.run(where + command, env=environment, check=False).returncode


def summary(emulator: lab.Emulator) -> str:
    journal = emulator.journal()
    tokens = sum(entry["mode"] == "token_request" and entry["status"] == 200 for entry in journal)
    reads = sum(entry["mode"] == "token_authenticated" and entry["status"] == 200 for entry in journal)
    normal = Counter(entry["status"] for entry in journal if entry["mode"] == "normal_mode")
    answers = ", ".join(f"{number} with status {status}" for status, number in sorted(normal.items()))
    changes = emulator.calls("ModifyInstanceMetadataOptions")
    return (
        f"The emulator issued {tokens} tokens and answered {reads} token-authenticated requests. access_modes_info also sent"
        f" {normal.total()} normal-mode requests to test the access mode: {answers}.\n"
        f"The ECS API received {len(changes)} calls that change options."
    )


def add_calls(report: Path, emulator: lab.Emulator) -> None:
    """Complete the playbook's report with the calls that the API received."""
    report.write_text(json.dumps({**json.loads(report.read_text()), "calls": emulator.calls()}, indent=4))


def main() -> int:
    report = Path(sys.argv[1]) if len(sys.argv) > 1 else REPORT
    report.parent.mkdir(parents=True, exist_ok=True)
    for leftover in (report, record_of(report)):  # from an interrupted run
        leftover.unlink(missing_ok=True)
    if lab.in_lab():
        for host, own in INSTANCES.items():
            lab.add_instance(host, own["clients"][0])
    config = {"instances": list(INSTANCES.values()), "control": {"access_keys": {ACCESS_KEY_ID: ACCESS_KEY}}}
    with lab.start_emulator(config, control=True) as emulator:
        addresses = [emulator.endpoint(own["instance_id"]) for own in INSTANCES.values()]
        where = "in network namespaces" if lab.in_lab() else "on loopback ports"
        print(f"Three emulated instances {where}, metadata at {', '.join(dict.fromkeys(addresses))}", flush=True)
        status = run_playbook(emulator, report)
        if report.exists():
            add_calls(report, emulator)
        print(summary(emulator))
    return status


if __name__ == "__main__":
    sys.exit(main())
