# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plugins as playbooks use them, at the real address, each host an instance of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import lab
import pytest

pytestmark = pytest.mark.lab
BASE = "/latest/meta-data/"


def play(*tasks, **keywords) -> list[dict]:
    return [{"hosts": "all", "gather_facts": False, "tasks": list(tasks), **keywords}]


def dump(expression: str) -> dict:
    """A task that prints *expression* as a line that `dumped` finds."""
    return {"ansible.builtin.debug": {"msg": "DUMP{{ (%s) | to_json | b64encode }}PMUD" % expression}}


def dumped(output: str) -> list:
    import base64

    parts = [part.partition("PMUD")[0] for part in output.split("DUMP")[1:]]
    return [json.loads(base64.b64decode(part)) for part in parts]


@pytest.fixture
def fleet(new_instance, start_emulator):
    """Three instances with different modes and roles; (instances by id, emulator, host variables by id)."""
    instances = {f"i-fleet{number}": new_instance() for number in range(3)}
    modes = dict(
        zip(instances, ({"http_tokens": "required"}, {"http_tokens": "optional"}, {"http_endpoint": "disabled"}))
    )
    config = [{"instance_id": name, "clients": [it.ip], **modes[name]} for name, it in instances.items()]
    emulator = start_emulator({"instances": config})
    hosts = {name: {"ansible_python_interpreter": lab.python_interpreter(it.name)} for name, it in instances.items()}
    return instances, emulator, hosts


def test_each_host_reads_its_own_metadata_and_mode(fleet, run_playbook) -> None:
    _instances, _emulator, hosts = fleet
    tasks = (
        {"alicloud.imds.access_modes_info": {}, "register": "modes"},
        {
            "alicloud.imds.metadata_info": {"paths": ["instance-id"]},
            "register": "info",
            "when": "modes.verdict != 'disabled'",
        },
        dump(
            "{'host': inventory_hostname, 'verdict': modes.verdict, 'id': (info.metadata | default({})).values() | list}"
        ),
    )
    run = run_playbook(play(*tasks), hosts)
    assert run.returncode == 0, run.stdout + run.stderr
    assert sorted(dumped(run.stdout), key=lambda found: found["host"]) == [
        {"host": "i-fleet0", "verdict": "required", "id": ["i-fleet0"]},
        {"host": "i-fleet1", "verdict": "optional", "id": ["i-fleet1"]},
        {"host": "i-fleet2", "verdict": "disabled", "id": []},
    ]


def test_facts_from_normal_fact_gathering(fleet, run_playbook) -> None:
    _instances, emulator, hosts = fleet
    plays = play(
        dump("ansible_facts.alicloud_ecs"),
        dump("ansible_facts.system"),
        gather_facts=True,
        vars={"ansible_facts_modules": ["ansible.builtin.setup", "alicloud.imds.metadata_facts"]},
        module_defaults={
            "alicloud.imds.metadata_facts": {"gather_subset": ["!disks"], "gather_timeout": 5},
            "ansible.builtin.setup": {"gather_subset": ["!all"]},
        },
    )
    run = run_playbook(plays, {"i-fleet0": hosts["i-fleet0"]})
    assert run.returncode == 0, run.stdout + run.stderr
    facts, system = dumped(run.stdout)
    assert facts["available"] is True
    assert facts["instance_id"] == "i-fleet0" == facts["identity_document"]["instance_id"]
    assert facts["network_interfaces"][0]["primary"] is True
    assert "disks" not in facts
    assert system == "Linux"
    assert {entry["mode"] for entry in emulator.journal("i-fleet0")} == {"token-request", "token"}


def test_check_mode_gives_the_same(fleet, run_playbook) -> None:
    _instances, _emulator, hosts = fleet
    plays = play({"alicloud.imds.metadata_facts": {}}, dump("ansible_facts.alicloud_ecs"))
    host = {"i-fleet0": hosts["i-fleet0"]}
    normal, checked = (run_playbook(plays, host, *arguments) for arguments in ((), ("--check", "--diff")))
    assert dumped(normal.stdout) == dumped(checked.stdout) != []


def test_the_lookup_reads_the_controllers_metadata(fleet, run_playbook) -> None:
    instances, emulator, hosts = fleet
    lookups = "query('alicloud.imds.metadata', 'instance-id', 'nonsense', 'region-id', missing='null')"
    plays = play(dump(lookups), dump("lookup('alicloud.imds.metadata', 'zone-id', token_ttl=60)"))
    # the controller is instance 0, the managed host is instance 1
    run = run_playbook(plays, {"i-fleet1": hosts["i-fleet1"]}, prefix=lab.exec_prefix(instances["i-fleet0"].name))
    assert run.returncode == 0, run.stdout + run.stderr
    first, zone = dumped(run.stdout)
    assert first[:2] == ["i-fleet0", None] and zone.startswith(first[2])
    assert emulator.journal("i-fleet1") == []


def test_a_hundred_lookups_in_one_task_share_a_token(fleet, run_playbook) -> None:
    instances, emulator, _hosts = fleet
    hundred = "{% for n in range(100) %}{{ lookup('alicloud.imds.metadata', 'instance-id') }}{% endfor %}"
    plays = play({"ansible.builtin.debug": {"msg": hundred}})
    run = run_playbook(plays, {"localhost": {}}, prefix=lab.exec_prefix(instances["i-fleet0"].name))
    assert run.returncode == 0, run.stdout + run.stderr
    journal = emulator.journal("i-fleet0")
    assert [entry["method"] for entry in journal] == ["PUT"] + ["GET"] * 100
    assert len({entry["connection"] for entry in journal}) == 1


def test_options_of_the_lookup_from_ansible_cfg(start_emulator, run_playbook, tmp_path) -> None:
    emulator = start_emulator({"instances": [{"instance_id": "i-ini", "default": True}]}, listen="127.0.0.1:0")
    (tmp_path / "ansible.cfg").write_text("[alicloud_imds]\nendpoint = %s\n" % emulator.endpoint())
    plays = play(dump("lookup('alicloud.imds.metadata', 'instance-id')"))
    run = run_playbook(plays, {"localhost": {}}, environment={"ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg")})
    assert dumped(run.stdout) == ["i-ini"], run.stdout + run.stderr


def test_a_hostile_tag_is_not_executed(start_emulator, run_playbook, tmp_path) -> None:
    proof = tmp_path / "executed"
    evil = "{{ lookup('ansible.builtin.pipe', 'touch %s') }}" % proof
    instance = {"instance_id": "i-evil", "default": True, "instance_metadata_tags": "enabled", "tags": {"evil": evil}}
    start_emulator({"instances": [instance]})
    plays = play(
        {"alicloud.imds.metadata_facts": {}},
        dump("ansible_facts.alicloud_ecs.tags.evil"),
        dump("lookup('alicloud.imds.metadata', 'tags/instance/evil')"),
        {"ansible.builtin.debug": {"var": "ansible_facts.alicloud_ecs.tags"}},
        {"ansible.builtin.set_fact": {"copied": "{{ ansible_facts.alicloud_ecs.tags.evil }}"}},
        dump("copied"),
    )
    run = run_playbook(plays, {"localhost": {}})
    assert run.returncode == 0, run.stdout + run.stderr
    assert dumped(run.stdout) == [evil] * 3
    assert not proof.exists()


def test_no_answer_on_an_ecs_instance_is_loud_and_elsewhere_it_is_not(new_instance, run_playbook, tmp_path) -> None:
    """The firmware's word decides; a file system over /sys/class stands for it."""
    instance = new_instance()
    task = {"alicloud.imds.metadata_facts": {"retries": 0}}
    plays = play(task, dump("ansible_facts.alicloud_ecs"))
    outcomes = {}
    for product in ("Alibaba Cloud ECS", "Standard PC"):
        prefix = [*lab.exec_prefix(instance.name), *with_product_name(tmp_path, product)]
        outcomes[product] = run_playbook(plays, {"localhost": {}}, prefix=prefix)
    loud = outcomes["Alibaba Cloud ECS"]
    assert loud.returncode == 2
    assert "PUT /latest/api/token at http://100.100.100.200: no answer (Connection refused)" in loud.stdout
    assert "DMI says that this host is an Alibaba Cloud ECS instance" in loud.stdout
    (facts,) = dumped(outcomes["Standard PC"].stdout)
    assert facts["available"] is False
    assert "not an Alibaba Cloud ECS instance (product name: Standard PC)" in facts["unavailable_reason"]


def with_product_name(folder: Path, product: str) -> list[str]:
    """A command prefix in whose mount namespace DMI has this product name."""
    script = folder / "with-product-name"
    script.write_text(
        "#!/bin/sh -e\nmount -t tmpfs dmi /sys/class\nmkdir -p /sys/class/dmi/id\n"
        'printf "%s\\n" "$1" >/sys/class/dmi/id/product_name\nshift\nexec "$@"\n'
    )
    script.chmod(0o755)
    return ["unshare", "--mount", str(script), product]


NO_OTHER_USER = """
table ip imds_test {
    chain output {
        type filter hook output priority 0; policy accept;
        ip daddr 100.100.100.200 tcp dport 80 meta skuid != 0 counter reject with icmp type admin-prohibited;
    }
}
"""


# imports as root, since another user may not be able to read this checkout
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


def test_a_firewall_that_rejects_this_user_is_named(fleet) -> None:
    instances, _emulator, _hosts = fleet
    instance = instances["i-fleet0"]
    loaded = instance.run("nft", "-f", "-", input=NO_OTHER_USER)
    if loaded.returncode:
        pytest.skip("nftables cannot be used here: " + loaded.stderr.strip())
    if instance.run("setpriv", "--reuid=65534", "true").returncode:
        pytest.skip("the laboratory of an ordinary user has no second user")
    as_root, as_user = (
        instance.run(sys.executable, "-c", READ_AS, uid, env={"PYTHONPATH": COLLECTIONS}) for uid in ("0", "65534")
    )
    assert as_root.stdout.strip() == "i-fleet0", as_root.stderr
    assert "no answer (" in as_user.stdout, as_user.stderr
    assert "a firewall rejects this user (uid 65534)" in as_user.stdout
