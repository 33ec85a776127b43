# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who reaches what, measured on a real host: with the fence off, in audit and enforced, after a reboot, after flushes.

Nothing here is read off rules. Every cell is a connection that was tried.
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
# How to run a command as each caller. www-data is an ordinary user, imds a group that may, alice is listed in it.
CALLERS = {
    "root": (),
    "group": ("setpriv", "--reuid=33", "--regid=imds", "--clear-groups"),
    "member": ("setpriv", "--reuid=alice", "--regid=alice", "--init-groups"),
    "other user": ("setpriv", "--reuid=33", "--regid=33", "--clear-groups"),
}
# Units in hardening_fence_services, and who they run as
SERVICES = {"denied-root": "root", "denied-web": "www-data"}


@contextmanager
def neighbours() -> Iterator[None]:
    """What else has an address beside the metadata service answers as well."""
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
    """Until the listener is shut down."""
    while True:
        try:
            listener.accept()[0].close()
        except OSError:
            return


class Fenced:
    """A host with a service that is denied, a container behind it, and all callers."""

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
        """Caller -> target -> how it ended."""
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
    with neighbours(), Site() as site:
        host = site.add("fenced")
        config = {"instances": [instance(host, clients=[host.ip, "172.30.0.2"]), CONTROLLER]}
        with lab.start_emulator(config, control=True) as emulator:
            yield Fenced(host, Player([host], emulator, tmp_path_factory.mktemp("fence")))


OPEN = dict.fromkeys(TARGETS, "connected")
CLOSED = {**OPEN, METADATA: "refused"}
# IPAddressDeny= lets packets vanish, of all ports. A service that is not root's is refused before that, by the rules.
DENIED = {**OPEN, METADATA: "silent", "100.100.100.200:8080": "silent"}
EVERYBODY = dict.fromkeys([*CALLERS, "container", *SERVICES], OPEN)
ENFORCED = {
    **EVERYBODY,
    "other user": CLOSED,
    "container": CLOSED,
    "denied-root": DENIED,
    "denied-web": {**DENIED, METADATA: "refused"},
}


def test_off(fenced: Fenced) -> None:
    fenced.play("off").must()
    assert fenced.measure() == EVERYBODY


def test_audit_refuses_nobody_and_counts_who_would_be(fenced: Fenced) -> None:
    fenced.play("audit").must()
    assert fenced.measure() == EVERYBODY
    counted = fenced.host.output("nft", "list", "set", "inet", "alicloud_imds", "refused")
    assert " 33 " in counted and " 0 " not in counted


def test_enforce(fenced: Fenced) -> None:
    fenced.play("enforce").must()
    assert fenced.measure() == ENFORCED
    assert fenced.play("enforce").must().changed == {"fenced": 0}


@pytest.mark.parametrize("clean", [True, False], ids=["shutdown", "power failure"])
def test_after_a_reboot_the_fence_is_back_by_itself(fenced: Fenced, clean: bool) -> None:
    fenced.play("enforce").must()
    fenced.host.reboot(clean)
    assert fenced.measure() == ENFORCED
    assert fenced.play("enforce").must().changed == {"fenced": 0}


@pytest.mark.parametrize("verb", ["restart", "reload", "stop"])
def test_after_all_rules_were_flushed_the_fence_is_back_by_itself(fenced: Fenced, verb: str) -> None:
    fenced.play("enforce").must()
    fenced.host.output("systemctl", "start", "nftables.service")
    fenced.host.output("systemctl", verb, "nftables.service")
    fenced.container.masquerade()
    assert fenced.measure() == ENFORCED


def test_what_others_do_with_their_tables_does_not_matter(fenced: Fenced) -> None:
    """docker, firewalld and ufw add, flush and remove tables and chains of their own, through both interfaces."""
    fenced.play("enforce").must()
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


@pytest.mark.parametrize("harm", ["a rule was deleted", "the table was deleted", "the file was changed"])
def test_what_was_changed_by_hand_is_put_right(fenced: Fenced, harm: str) -> None:
    fenced.play("enforce").must()
    if harm == "a rule was deleted":
        fenced.host.output("nft", "flush", "chain", "inet", "alicloud_imds", "local")
    elif harm == "the table was deleted":
        fenced.host.output("nft", "delete", "table", "inet", "alicloud_imds")
    else:
        (fenced.host.root / "etc/alicloud-imds/fence.nft").write_text("table inet alicloud_imds {}\n")
    planned = fenced.play("enforce", "--check", "--diff").must()
    assert planned.changed == {"fenced": 1} and "jump local" in planned.output
    assert fenced.play("enforce").must().changed == {"fenced": 1}
    assert fenced.measure() == ENFORCED


def test_containers_that_may(fenced: Fenced) -> None:
    fenced.play("enforce", hardening_fence_sources=["172.30.0.0/16"]).must()
    assert fenced.measure() == {**ENFORCED, "container": OPEN}


def test_gone_without_a_trace(fenced: Fenced) -> None:
    fenced.play("off").must()
    assert fenced.measure() == EVERYBODY
    assert "alicloud" not in fenced.host.output("nft", "list", "ruleset")
