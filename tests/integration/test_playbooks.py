# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Use the plugins in playbooks at the service's real address, where each host is an instance.

Most tests share one run, with hosts for single tests. Its controller is an instance as well.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lab
import pytest
from dumping import dump, dumped
from lab import Instance

pytestmark = pytest.mark.lab
# The instances with their differences from the default.
FLEET: dict[str, dict[str, Any]] = {
    "i-required": {"http_tokens": "required"},
    "i-optional": {"http_tokens": "optional"},
    "i-disabled": {"http_endpoint": "disabled"},
    "i-facts": {"http_tokens": "required"},
    "i-check": {"http_tokens": "required"},
    "i-managed": {"http_tokens": "optional"},
    "i-controller": {"http_tokens": "optional", "instance_metadata_tags": "enabled"},
}
HUNDRED = "{% for n in range(100) %}{{ lookup('alicloud.imds.metadata', 'instance-id') }}{% endfor %}"


def play(hosts: str, *tasks: dict[str, Any], **keywords: Any) -> dict[str, Any]:
    return {"hosts": hosts, "gather_facts": False, "tasks": list(tasks), **keywords}


@dataclass(frozen=True)
class Fleet:
    """The instances by ID, their emulator, and the expression in the first instances' tags with the file that it would create."""

    instances: dict[str, Instance]
    emulator: lab.Emulator
    evil: str
    proof: Path


@pytest.fixture(scope="module")
def fleet(new_shared_instance, start_shared_emulator, shared_folder: Path) -> Fleet:
    proof = shared_folder / "executed"
    evil = "{{ lookup('ansible.builtin.pipe', 'touch %s') }}" % proof
    instances = {name: new_shared_instance() for name in FLEET}
    config = [{"instance_id": name, "clients": [it.ip], **FLEET[name]} for name, it in instances.items()]
    config[-1]["tags"] = {"evil": evil}
    return Fleet(instances, start_shared_emulator({"instances": config}), evil, proof)


def modes_and_metadata() -> dict[str, Any]:
    found = "(info.metadata | default({})).values() | list"
    return play(
        "i-required:i-optional:i-disabled",
        {"alicloud.imds.access_modes_info": {}, "register": "modes"},
        {
            "alicloud.imds.metadata_info": {"paths": ["instance-id"]},
            "register": "info",
            "when": "modes.verdict != 'disabled'",
        },
        dump("{'modes': inventory_hostname, 'verdict': modes.verdict, 'id': %s}" % found),
    )


def facts() -> dict[str, Any]:
    return play(
        "i-facts",
        dump("{'facts': ansible_facts.alicloud_ecs, 'system': ansible_facts.system}"),
        gather_facts=True,
        # In parallel, ansible-core kills each module after 5 s, whatever its timeout.
        vars={
            "ansible_facts_modules": ["ansible.builtin.setup", "alicloud.imds.metadata_facts"],
            "ansible_facts_parallel": False,
        },
        module_defaults={
            "alicloud.imds.metadata_facts": {"gather_subset": ["!disks"], "gather_timeout": 60},
            "ansible.builtin.setup": {"gather_subset": ["!all"]},
        },
    )


def normal_and_check_mode() -> list[dict[str, Any]]:
    task = {"alicloud.imds.metadata_facts": {}}
    return [
        play("i-check", task, dump("{'normal': ansible_facts.alicloud_ecs}")),
        play("i-check", {"ansible.builtin.meta": "clear_facts"}),
        play("i-check", task, dump("{'checked': ansible_facts.alicloud_ecs}"), check_mode=True, diff=True),
    ]


def lookups() -> dict[str, Any]:
    """Return three tasks with lookups, each of which requests a token: see `test_a_hundred_lookups_in_one_task_share_a_token`."""
    several = "query('alicloud.imds.metadata', 'instance-id', 'nonsense', 'region-id', missing='null')"
    zone = "lookup('alicloud.imds.metadata', 'zone-id', token_ttl=60)"
    return play(
        "i-managed",
        dump("{'several': %s}" % several),
        dump("{'zone': %s}" % zone),
        {"name": "A hundred lookups", "ansible.builtin.debug": {"msg": HUNDRED}},
    )


def hostile_tag() -> dict[str, Any]:
    return play(
        "controller",
        {"alicloud.imds.metadata_facts": {}},
        dump("{'evil': ansible_facts.alicloud_ecs.tags.evil}"),
        dump("{'evil': lookup('alicloud.imds.metadata', 'tags/instance/evil')}"),
        {"ansible.builtin.debug": {"var": "ansible_facts.alicloud_ecs.tags"}},
        {"ansible.builtin.set_fact": {"copied": "{{ ansible_facts.alicloud_ecs.tags.evil }}"}},
        dump("{'evil': copied}"),
    )


@pytest.fixture(scope="module")
def run(fleet: Fleet, run_shared_playbook) -> subprocess.CompletedProcess[str]:
    """Run all plays in this order, with the instance i-controller as the controller."""
    plays = [modes_and_metadata(), facts(), *normal_and_check_mode(), lookups(), hostile_tag()]
    hosts: dict[str, dict[str, Any]] = {
        name: {"ansible_python_interpreter": lab.python_interpreter(it.name)} for name, it in fleet.instances.items()
    }
    hosts["controller"] = {}
    run = run_shared_playbook(plays, hosts, prefix=lab.exec_prefix(fleet.instances["i-controller"].name))
    assert run.returncode == 0, run.stdout + run.stderr
    return run


def shown(run: subprocess.CompletedProcess[str], key: str) -> list[dict[str, Any]]:
    """Return the value that was dumped under this key."""
    return [found for found in dumped(run.stdout) if key in found]


def test_each_host_reads_its_own_metadata_and_mode(run) -> None:
    assert sorted(shown(run, "modes"), key=lambda found: found["modes"]) == [
        {"modes": "i-disabled", "verdict": "disabled", "id": []},
        {"modes": "i-optional", "verdict": "optional", "id": ["i-optional"]},
        {"modes": "i-required", "verdict": "required", "id": ["i-required"]},
    ]


def test_facts_from_normal_fact_gathering(fleet, run) -> None:
    (found,) = shown(run, "facts")
    facts = found["facts"]
    assert facts["available"] is True
    assert facts["instance_id"] == "i-facts" == facts["identity_document"]["instance_id"]
    assert facts["network_interfaces"][0]["primary"] is True
    assert "disks" not in facts
    assert found["system"] == "Linux"
    assert {entry["mode"] for entry in fleet.emulator.journal("i-facts")} == {"token_request", "token_authenticated"}


def test_check_mode_returns_the_same(fleet, run) -> None:
    (normal,), (checked,) = shown(run, "normal"), shown(run, "checked")
    assert normal["normal"] == checked["checked"] != {}
    # Both runs used several connections, so the order differs.
    requests = [entry["path"] for entry in fleet.emulator.journal("i-check")]
    half = len(requests) // 2
    assert sorted(requests[:half]) == sorted(requests[half:]) != []


def test_the_lookup_reads_the_controllers_metadata(fleet, run) -> None:
    (several,), (zone,) = shown(run, "several"), shown(run, "zone")
    instance_id, nonsense, region = several["several"]
    assert (instance_id, nonsense) == ("i-controller", None) and zone["zone"].startswith(region)
    assert fleet.emulator.journal("i-managed") == []


def test_a_hundred_lookups_in_one_task_share_a_token(fleet, run) -> None:
    """The tasks before this one request two tokens."""
    assert "TASK [A hundred lookups]" in run.stdout
    journal = fleet.emulator.journal("i-controller")
    tokens = [number for number, entry in enumerate(journal) if entry["method"] == "PUT"]
    own = journal[tokens[2] : tokens[3]]
    assert [entry["method"] for entry in own] == ["PUT"] + ["GET"] * 100
    assert {entry["path"] for entry in own[1:]} == {"/latest/meta-data/instance-id"}
    assert len({entry["connection"] for entry in own}) == 1


def test_options_of_the_lookup_from_ansible_cfg(start_emulator, run_playbook, tmp_path) -> None:
    emulator = start_emulator({"instances": [{"instance_id": "i-ini", "default": True}]}, listen="127.0.0.1:0")
    own = tmp_path / "own.cfg"
    own.write_text("[alicloud_imds]\nendpoint = %s\n" % emulator.endpoint())
    plays = [play("all", dump("lookup('alicloud.imds.metadata', 'instance-id')"))]
    run = run_playbook(plays, {"localhost": {}}, environment={"ANSIBLE_CONFIG": str(own)})
    assert dumped(run.stdout) == ["i-ini"], run.stdout + run.stderr


def test_a_hostile_tag_is_not_executed(fleet, run) -> None:
    assert shown(run, "evil") == [{"evil": fleet.evil}] * 3
    assert not fleet.proof.exists()


def test_no_answer_is_an_error_on_ecs_instances_only(new_instance, run_playbook, tmp_path) -> None:
    """The DMI product name decides; a file system over /sys/class emulates it."""
    instance = new_instance()
    # The service's address exists, but no process listens, so connections are refused.
    assert instance.run("ip", "address", "add", lab.SERVICE + "/32", "dev", "lo").returncode == 0
    products = {"ecs": "Alibaba Cloud ECS", "other": "Standard PC"}
    hosts = {name: {"ansible_python_interpreter": python_with(tmp_path, instance, it)} for name, it in products.items()}
    task = {"alicloud.imds.metadata_facts": {"retries": 0}}
    run = run_playbook([play("all", task, dump("[inventory_hostname, ansible_facts.alicloud_ecs]"))], hosts)
    assert run.returncode == 2, run.stdout + run.stderr
    (failure,) = re.findall(r"fatal: \[(\S+)\]: FAILED! => (.*)", run.stdout)
    assert failure[0] == "ecs"
    assert "PUT /latest/api/token at http://100.100.100.200: no answer (Connection refused)" in failure[1]
    assert "ccording to DMI, this host is an Alibaba Cloud ECS instance" in failure[1]
    ((host, facts),) = dumped(run.stdout)
    assert host == "other"
    assert facts["available"] is False
    assert "not an Alibaba Cloud ECS instance (product name: Standard PC)" in facts["unavailable_reason"]


def python_with(folder: Path, instance: Instance, product: str) -> str:
    """Return the path of a Python that runs on *instance*, in a mount namespace where DMI has this product name."""
    script = folder / ("python-" + product.replace(" ", "-"))
    script.write_text(
        f"#!/bin/sh\nexec nsenter --net=/run/netns/{instance.name} -- unshare --mount sh -ec '\n"
        "mount -t tmpfs dmi /sys/class\nmkdir -p /sys/class/dmi/id\n"
        f'printf "%s\\n" "{product}" >/sys/class/dmi/id/product_name\n'
        f'exec "$@"\' sh {sys.executable} "$@"\n'
    )
    script.chmod(0o755)
    return str(script)


NO_OTHER_USER = """
table ip imds_test {
    chain output {
        type filter hook output priority 0; policy accept;
        ip daddr 100.100.100.200 tcp dport 80 meta skuid != 0 counter reject with icmp type admin-prohibited;
    }
}
"""


# Import as root, because another user may have no access to this checkout.
READ_AS = """
import os, sys
from ansible_collections.alicloud.imds.plugins.module_utils._imds._client import Client, Settings
os.setuid(int(sys.argv[1]))
try:
    print(Client(Settings(retries=0)).get("/latest/meta-data/instance-id").decode())
except Exception as exc:
    print(exc)
"""
COLLECTIONS = str(Path(__file__).resolve().parents[2] / ".cache/collections")


def test_the_error_mentions_a_firewall_that_rejects_this_user(fleet, run) -> None:
    instance = fleet.instances["i-required"]
    loaded = instance.run("nft", "-f", "-", input=NO_OTHER_USER)
    if loaded.returncode:
        pytest.skip("nftables cannot be used here: " + loaded.stderr.strip())
    if instance.run("setpriv", "--reuid=65534", "true").returncode:
        pytest.skip("the laboratory of an ordinary user has no second user")
    as_root, as_user = (
        instance.run(sys.executable, "-c", READ_AS, uid, env={"PYTHONPATH": COLLECTIONS}) for uid in ("0", "65534")
    )
    assert as_root.stdout.strip() == "i-required", as_root.stderr
    assert "no answer (" in as_user.stdout, as_user.stderr
    assert "a firewall rejects this user (uid 65534)" in as_user.stdout
