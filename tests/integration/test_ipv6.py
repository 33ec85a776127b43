# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both addresses of the service: instances without IPv4, firewalls that handle one address only, and neither address."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lab
import pytest
from dumping import dump, dumped
from lab import Instance

pytestmark = pytest.mark.lab

CHECKOUT = Path(__file__).resolve().parents[2]
COMMAND = CHECKOUT / "command/ecs-metadata"
IPV4_URL, IPV6_URL = "http://100.100.100.200", "http://[fd00:100::100:200]"
REQUIRED = {"http_tokens": "required", "role": {"name": "Ipv6Role"}}


@pytest.fixture
def emulator(start_emulator) -> lab.Emulator:
    """Return an emulator that listens at both addresses of the service."""
    running: lab.Emulator = start_emulator({"instances": [{"instance_id": "i-nobody", "clients": ["10.77.255.254"]}]})
    return running


@pytest.fixture
def instance(emulator, new_instance) -> Callable[..., Instance]:
    """Return a function that creates an instance with IPv6, and registers both of its addresses with the emulator."""

    def make(instance_id: str, ipv4: bool = True, **settings: Any) -> Instance:
        made: Instance = new_instance(ipv4=ipv4, ipv6=True)
        clients = [made.ip, made.ipv6]
        emulator.admin("POST", "/instances", {"instance_id": instance_id, "clients": clients, **REQUIRED, **settings})
        return made

    return make


def command(made: Instance, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ecs-metadata on an instance."""
    return made.run(COMMAND, *words, "--timeout", "60")


def test_an_instance_without_ipv4(emulator, instance, run_playbook) -> None:
    """Facts, info, the lookup, the command and the probe use IPv6. No option is set."""
    made = instance("i-only6", ipv4=False)
    host = {"ansible_python_interpreter": lab.python_interpreter(made.name)}
    tasks = [
        {"alicloud.imds.metadata_facts": {"gather_subset": ["all"]}},
        {"alicloud.imds.metadata_info": {"paths": ["region-id"]}, "register": "info"},
        {"alicloud.imds.access_modes_info": {"identity": True}, "register": "modes"},
        dump(
            "[ansible_facts.alicloud_ecs.instance_id, info.metadata, modes.verdict, modes.instance, modes.endpoints | length]"
        ),
        dump("lookup('alicloud.imds.metadata', 'instance-id')"),
    ]
    play = {"hosts": "all", "gather_facts": False, "tasks": tasks}
    run = run_playbook([play], {"only6": host}, prefix=lab.exec_prefix(made.name))
    assert run.returncode == 0, run.stdout + run.stderr
    found, looked_up = dumped(run.stdout)
    identity = {"instance_id": "i-only6", "region_id": "cn-hangzhou"}
    assert found == ["i-only6", {"region-id": "cn-hangzhou"}, "required", identity, 2]
    assert looked_up == "i-only6"
    assert {entry["client"] for entry in emulator.journal("i-only6")} == {made.ipv6}
    assert command(made, "get", "instance-id").stdout == "i-only6"
    assert json.loads(command(made, "facts").stdout)["instance_id"] == "i-only6"  # what the local fact runs


def test_ipv4_is_used_where_there_is_both(emulator, instance) -> None:
    made = instance("i-both")
    assert command(made, "get", "instance-id").stdout == "i-both"
    assert {entry["client"] for entry in emulator.journal("i-both")} == {made.ip}


FIREWALL = """
table inet imds_test {
    chain output {
        type filter hook output priority 0; policy accept;
        %s
    }
}
"""
NOT_ROOT = "daddr %s tcp dport 80 meta skuid != 0 counter reject with tcp reset"


def load(made: Instance, *rules: str) -> None:
    loaded = made.run("nft", "-f", "-", input=FIREWALL % "\n".join(rules))
    if loaded.returncode:
        pytest.skip("nftables cannot be used here: " + loaded.stderr.strip())
    if made.run("setpriv", "--reuid=65534", "true").returncode:
        pytest.skip("the laboratory of an ordinary user has no second user")


@pytest.mark.parametrize("fenced", ["ip", "ip6"])
def test_a_firewall_for_one_address_is_not_enough(instance, run_playbook, fenced: str) -> None:
    """A user who is refused at one address still reads metadata at the other: the verification must fail."""
    made = instance("i-half", http_tokens="optional")
    address, open_url = (lab.SERVICE, IPV6_URL) if fenced == "ip" else (lab.SERVICE_IPV6, IPV4_URL)
    load(made, f"{fenced} {NOT_ROOT % address}")
    host = {"ansible_python_interpreter": lab.python_interpreter(made.name)}
    verify = {"refused_users": ["nobody"], "allowed_users": ["daemon"], "unmet": "report"}
    tasks = [{"alicloud.imds.access_modes_info": verify, "register": "seen"}, dump("seen")]
    run = run_playbook([{"hosts": "all", "gather_facts": False, "tasks": tasks}], {"half": host})
    (seen,) = dumped(run.stdout)
    closed_url = next(url for url in (IPV4_URL, IPV6_URL) if url != open_url)
    nobody = {url: modes["verdict"] for url, modes in seen["users"]["nobody"]["endpoints"].items()}
    assert nobody == {open_url: "optional", closed_url: "unreachable"}
    refused, allowed = (f"For user nobody the metadata service at {open_url} is optional; expected: unreachable.",
                        f"For user daemon the metadata service at {closed_url} is unreachable; expected: optional.")  # fmt: skip
    assert seen["unmet"][0].startswith(allowed) and seen["unmet"][1:] == [refused]


def test_a_firewall_for_both_addresses(instance, run_playbook) -> None:
    made = instance("i-full")
    load(made, "ip " + NOT_ROOT % lab.SERVICE, "ip6 " + NOT_ROOT % lab.SERVICE_IPV6)
    host = {"ansible_python_interpreter": lab.python_interpreter(made.name)}
    verify = {"refused_users": ["nobody"], "expect": ["required"], "unmet": "report"}
    tasks = [{"alicloud.imds.access_modes_info": verify, "register": "seen"}, dump("seen")]
    run = run_playbook([{"hosts": "all", "gather_facts": False, "tasks": tasks}], {"full": host})
    (seen,) = dumped(run.stdout)
    assert (seen["verdict"], seen["unmet"]) == ("required", [])
    problems = seen["users"]["nobody"]["problems"]
    assert [url in problem for url, problem in zip((IPV4_URL, IPV6_URL), problems)] == [True, True]
    assert "a firewall rejects this user (uid 65534)" in problems[0]


def test_a_host_on_which_both_addresses_drop_packets(instance, run_playbook) -> None:
    """Outside of Alibaba Cloud, facts are answered without waiting for timeouts; a timeout of 600 s would end the test."""
    made = instance("i-dropped")
    load(made, "ip daddr 100.100.100.200 drop", "ip6 daddr fd00:100::100:200 drop")
    host = {"ansible_python_interpreter": lab.python_interpreter(made.name)}
    facts = {"alicloud.imds.metadata_facts": {"timeout": 600, "deadline": 3600}}
    tasks = [facts, dump("ansible_facts.alicloud_ecs")]
    run = run_playbook([{"hosts": "all", "gather_facts": False, "tasks": tasks}], {"dropped": host})
    (found,) = dumped(run.stdout)
    assert found["available"] is False
    assert IPV4_URL in found["unavailable_reason"] and IPV6_URL in found["unavailable_reason"]
