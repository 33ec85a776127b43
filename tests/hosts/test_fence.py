# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure which callers reach which addresses on a real host: in each mode of the fence, after reboots and after flushes.

Each result is a connection that was tried; no rules are parsed.
"""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lab
import pytest
from host import Host
from hosts import Site
from playing import CONTROLLER, Played, Player, instance

pytestmark = pytest.mark.lab

CONNECT = Path(__file__).with_name("connect.py").read_text()
METADATA = "100.100.100.200:80"
OTHERS = ("100.100.100.200:8080", "100.100.2.136:53", "100.100.100.201:80")
TARGETS = (METADATA, *OTHERS)
# How to run a command as each caller. www-data is an ordinary user, imds an allowed group, alice one of its members.
CALLERS = {
    "root": (),
    "group": ("setpriv", "--reuid=33", "--regid=imds", "--clear-groups"),
    "member": ("setpriv", "--reuid=alice", "--regid=alice", "--init-groups"),
    "other user": ("setpriv", "--reuid=33", "--regid=33", "--clear-groups"),
}
# Units in hardening_fence_services, and their users
SERVICES = {"denied-root": "root", "denied-web": "www-data"}


@contextmanager
def adjacent_services() -> Iterator[None]:
    """Listen at the addresses of adjacent services, and at another port of the metadata service."""
    addresses = ("100.100.2.136", "100.100.100.201")
    for address in addresses:
        subprocess.run(["ip", "address", "replace", address + "/32", "dev", "lo"], check=True)
    listeners = []
    for target in OTHERS:
        host, _colon, port = target.rpartition(":")
        listeners.append(socket.create_server((host, int(port)), backlog=64))
        threading.Thread(target=_accept, args=(listeners[-1],), daemon=True).start()
    yield
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for address in addresses:
        subprocess.run(["ip", "address", "del", address + "/32", "dev", "lo"], check=True)


def _accept(listener: socket.socket) -> None:
    """Accept connections until the listener is shut down."""
    while True:
        try:
            listener.accept()[0].close()
        except OSError:
            return


class Fenced:
    """A host with denied services, a container behind it, and all callers."""

    def __init__(self, host: Host, player: Player) -> None:
        self.host, self.player = host, player
        for command in ("groupadd --system imds", "useradd --no-create-home alice", "usermod -aG imds alice"):
            host.output(*command.split())
        for name, user in SERVICES.items():
            unit = f"[Service]\nUser={user}\nType=oneshot\nExecStart=/usr/bin/python3 /srv/connect.py {' '.join(TARGETS)}\n"
            (host.root / f"etc/systemd/system/{name}.service").write_text(unit)
        (host.root / "srv/connect.py").write_text(CONNECT)
        host.output("systemctl", "daemon-reload")
        self.container = host.container()

    def play(self, mode: str, *arguments: str, **variables: object) -> Played:
        fence = {"groups": ["imds"], "services": [name + ".service" for name in SERVICES]}
        fence = {f"hardening_fence_{name}": value for name, value in fence.items()}
        return self.player.play(*arguments, hardening_fence=mode, **{**fence, **variables})

    def measure(self) -> dict[str, dict[str, str]]:
        """Return the results of connections by caller and target."""
        table = {}
        for caller, how in CALLERS.items():
            table[caller] = _read(self.host.output(*how, "python3", "/srv/connect.py", *TARGETS))
        table["container"] = _read(self.container.run("python3", "/srv/connect.py", *TARGETS).stdout)
        for name in SERVICES:
            self.host.output("systemctl", "start", name, timeout=120)
            said = self.host.output("journalctl", f"--unit={name}", "--output=cat", "--identifier=python3")
            table[name] = _read("\n".join(said.splitlines()[-len(TARGETS) :]))
        return table


def _read(output: str) -> dict[str, str]:
    return dict(zip(TARGETS, output.split()))


@pytest.fixture(scope="module")
def fenced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fenced]:
    with adjacent_services(), Site() as site:
        host = site.add("fenced")
        config = {"instances": [instance(host, clients=[host.ip, lab.ipv6_of(host.ip), "172.30.0.2"]), CONTROLLER]}
        with lab.start_emulator(config, control=True) as emulator:
            yield Fenced(host, Player([host], emulator, tmp_path_factory.mktemp("fence")))


OPEN = dict.fromkeys(TARGETS, "connected")
CLOSED = {**OPEN, METADATA: "refused"}
# IPAddressDeny= drops packets to all ports. A service that does not run as root is rejected by the rules before that.
DENIED = {**OPEN, METADATA: "silent", "100.100.100.200:8080": "silent"}
EVERYBODY = dict.fromkeys([*CALLERS, "container", *SERVICES], OPEN)
ENFORCED = {
    **EVERYBODY,
    "other user": CLOSED,
    "container": CLOSED,
    "denied-root": DENIED,
    "denied-web": {**DENIED, METADATA: "refused"},
}


def test_mode_off_refuses_no_caller(fenced: Fenced) -> None:
    fenced.play("off").check()
    assert fenced.measure() == EVERYBODY


def test_mode_audit_refuses_no_caller_and_counts_users_that_enforce_would_refuse(fenced: Fenced) -> None:
    fenced.play("audit").check()
    assert fenced.measure() == EVERYBODY
    counted = fenced.host.output("nft", "list", "set", "inet", "alicloud_imds", "refused")
    assert " 33 " in counted and " 0 " not in counted


def test_mode_enforce_refuses_other_callers(fenced: Fenced) -> None:
    fenced.play("enforce").check()
    assert fenced.measure() == ENFORCED
    assert fenced.play("enforce").check().changed == {"fenced": 0}


@pytest.mark.long
@pytest.mark.parametrize("clean", [True, False], ids=["shutdown", "power failure"])
def test_a_reboot_loads_the_rules_again(fenced: Fenced, clean: bool) -> None:
    fenced.play("enforce").check()
    fenced.host.reboot(clean)
    assert fenced.measure() == ENFORCED
    assert fenced.play("enforce").check().changed == {"fenced": 0}


@pytest.mark.long
@pytest.mark.parametrize("verb", ["restart", "reload", "stop"])
def test_a_flush_by_nftables_service_loads_the_rules_again(fenced: Fenced, verb: str) -> None:
    fenced.play("enforce").check()
    fenced.host.output("systemctl", "start", "nftables.service")
    fenced.host.output("systemctl", verb, "nftables.service")
    fenced.container.masquerade()
    assert fenced.measure() == ENFORCED


@pytest.mark.long
def test_changes_of_other_firewalls_have_no_effect(fenced: Fenced) -> None:
    """docker, firewalld and ufw add, flush and remove tables and chains with iptables and nft."""
    fenced.play("enforce").check()
    for command in (
        "iptables -N DOCKER-USER",
        "iptables -I FORWARD -j DOCKER-USER",
        "iptables -P FORWARD DROP",
        "iptables -A FORWARD -s 172.30.0.0/16 -j ACCEPT",
        "iptables -A FORWARD -d 172.30.0.0/16 -j ACCEPT",
        "nft add table inet firewalld",
        "nft delete table inet firewalld",
    ):
        fenced.host.output(*command.split())
    assert fenced.measure() == ENFORCED
    for command in ("iptables -P FORWARD ACCEPT", "iptables -F", "iptables -X"):
        fenced.host.output(*command.split())
    assert fenced.measure() == ENFORCED


@pytest.mark.long
@pytest.mark.parametrize("harm", ["a rule was deleted", "the table was deleted", "the file was changed"])
def test_manual_changes_are_repaired(fenced: Fenced, harm: str) -> None:
    fenced.play("enforce").check()
    if harm == "a rule was deleted":
        fenced.host.output("nft", "flush", "chain", "inet", "alicloud_imds", "local")
    elif harm == "the table was deleted":
        fenced.host.output("nft", "delete", "table", "inet", "alicloud_imds")
    else:
        (fenced.host.root / "etc/alicloud-imds/fence.nft").write_text("table inet alicloud_imds {}\n")
    planned = fenced.play("enforce", "--check", "--diff").check()
    assert planned.changed == {"fenced": 1} and "jump local" in planned.output
    assert fenced.play("enforce").check().changed == {"fenced": 1}
    assert fenced.measure() == ENFORCED


def test_an_allowed_source_network_is_not_refused(fenced: Fenced) -> None:
    fenced.play("enforce", hardening_fence_sources=["172.30.0.0/16"]).check()
    assert fenced.measure() == {**ENFORCED, "container": OPEN}


def test_mode_off_removes_all_rules(fenced: Fenced) -> None:
    fenced.play("off").check()
    assert fenced.measure() == EVERYBODY
    assert "alicloud" not in fenced.host.output("nft", "list", "ruleset")
