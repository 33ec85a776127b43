# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure which callers reach which addresses on a real host: in each mode of the fence, after reboots and after flushes.

Each result is a connection that was tried, or a packet that arrived; no rules are parsed.
"""

from __future__ import annotations

import errno
import json
import re
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
from waiting import wait_until

pytestmark = pytest.mark.lab

CONNECT = Path(__file__).with_name("connect.py").read_text()
FRAGMENTS = Path(__file__).with_name("fragments.py").read_text()
METADATA = "100.100.100.200:80"
METADATA_IPV6 = "[fd00:100::100:200]:80"
BOTH = (METADATA, METADATA_IPV6)
OTHER_PORTS = ("100.100.100.200:8080", "[fd00:100::100:200]:8080")
OTHERS = (*OTHER_PORTS, "100.100.2.136:53", "100.100.100.201:80", "[fd00:100::100:201]:80")
TARGETS = (*BOTH, *OTHERS)
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
def listeners(*targets: str) -> Iterator[None]:
    """Listen at these addresses, which other programs of the laboratory may have as well."""
    listening = []
    for target in targets:
        host, _colon, port = target.rpartition(":")
        host = host.strip("[]")
        # Without nodad, an IPv6 address cannot be used until the kernel has processed it, also on lo.
        address = [f"{host}/128", "dev", "lo", "nodad"] if ":" in host else [f"{host}/32", "dev", "lo"]
        subprocess.run(["ip", "address", "replace", *address], check=True)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listening.append(socket.create_server((host, int(port)), family=family, backlog=64))
        except OSError as exc:
            if exc.errno != errno.EADDRINUSE:
                raise
            continue  # the emulator listens there
        threading.Thread(target=_accept, args=(listening[-1],), daemon=True).start()
    yield
    for listener in listening:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


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
        (host.root / "srv/fragments.py").write_text(FRAGMENTS)
        for name, user in SERVICES.items():
            unit = f"[Service]\nUser={user}\nType=oneshot\nExecStart=/usr/bin/python3 /srv/connect.py {' '.join(TARGETS)}\n"
            (host.root / f"etc/systemd/system/{name}.service").write_text(unit)
        (host.root / "srv/connect.py").write_text(CONNECT)
        host.output("systemctl", "daemon-reload")
        self.container = host.container()
        self.connect_ipv6()

    def connect_ipv6(self) -> None:
        """Give host and container IPv6 addresses and routes, also after a reboot."""
        lab.ip_batch("address replace fd77::1/64 dev br0 nodad")
        lab.ip_batch(
            "address replace fd77::10/64 dev eth0 nodad",
            "route replace default via fd77::1",
            "address replace fd30::1/64 dev veth0 nodad",
            namespace=self.host.name,
        )
        commands = ("address replace fd30::2/64 dev eth0 nodad", "route replace default via fd30::1")
        lab.ip_batch(*commands, namespace=self.container.namespace)
        lab.ip_batch("route replace fd30::/64 via fd77::10")
        forward = "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding"
        subprocess.run([*lab.exec_prefix(self.host.name), "sh", "-c", forward], check=True)

    def play(self, mode: str, *arguments: str, **variables: object) -> Played:
        fence = {"groups": ["imds"], "services": [name + ".service" for name in SERVICES]}
        fence = {f"hardening_fence_{name}": value for name, value in fence.items()}
        return self.player.play(*arguments, hardening_fence=mode, **{**fence, **variables})

    def measure(self) -> dict[str, dict[str, str]]:
        """Return the results of connections by caller and target."""
        table = {}
        self.connect_ipv6()
        for caller, how in CALLERS.items():
            table[caller] = _read(self.host.output(*how, "python3", "/srv/connect.py", *TARGETS))
        table["container"] = _read(self.container.run("python3", "/srv/connect.py", *TARGETS).stdout)
        for name in SERVICES:
            before = len(self.said(name))
            self.host.output("systemctl", "start", name, timeout=120)
            table[name] = _read("\n".join(self.said(name)[before:]))
        return table

    def said(self, service: str) -> list[str]:
        """Return the lines that the service has written so far."""
        self.host.output("journalctl", "--sync")
        match = (f"--unit={service}", "--identifier=python3")
        return self.host.output("journalctl", "--quiet", "--output=cat", *match).splitlines()


def _read(output: str) -> dict[str, str]:
    words = output.split()
    assert len(words) == len(TARGETS), output
    return dict(zip(TARGETS, words))


@pytest.fixture(scope="module")
def fenced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fenced]:
    with listeners(*OTHERS), Site() as site:
        host = site.add("fenced")
        clients = [host.ip, lab.ipv6_of(host.ip), "fd77::10", "172.30.0.2", "fd30::2"]
        with lab.start_emulator({"instances": [instance(host, clients=clients), CONTROLLER]}, control=True) as emulator:
            yield Fenced(host, Player([host], emulator, tmp_path_factory.mktemp("fence")))


OPEN = dict.fromkeys(TARGETS, "connected")
CLOSED = {**OPEN, **dict.fromkeys(BOTH, "refused")}
# IPAddressDeny= drops packets to all ports. A service that does not run as root is rejected by the rules before that, but a TCP
# reset, which rejects IPv6, is dropped.
DENIED = {**OPEN, **dict.fromkeys((*BOTH, *OTHER_PORTS), "silent")}
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


@pytest.fixture
def idle_timer(fenced: Fenced) -> Iterator[None]:
    """Let the check of the timer do nothing: it would repair the rules, on a busy host before the module does."""
    folder = "/run/systemd/system/alicloud-imds-fence-check.service.d"
    idle = f"mkdir -p {folder} && printf '[Service]\\nExecStart=\\nExecStart=/bin/true\\n' > {folder}/idle.conf"
    fenced.host.output("sh", "-c", f"{idle} && systemctl daemon-reload")
    yield
    fenced.host.output("sh", "-c", f"rm -r {folder} && systemctl daemon-reload")


@pytest.mark.long
@pytest.mark.usefixtures("idle_timer")
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
    fenced.play("enforce", hardening_fence_sources=["172.30.0.0/16", "fd30::/64"]).check()
    assert fenced.measure() == {**ENFORCED, "container": OPEN}


def result(played: Played, key: str) -> object:
    """Return a return value of the module fence from the output of a play with -v."""
    (task,) = (part for part in played.check().output.split("\nTASK [") if '"refused_forwarded"' in part)
    found = re.search(rf'"{key}": (\[[^]]*\]|\d+)', task)
    assert found, played.output
    return json.loads(found.group(1))


@pytest.fixture
def macvlan(fenced: Fenced) -> Iterator[str]:
    """A network namespace with a macvlan device at the host's network card: its packets do not pass the host's IP layer."""
    name = f"{fenced.host.name}-macvlan"
    subprocess.run(["ip", "netns", "add", name], check=True)
    # Created in the host's namespace, as container engines do, so that its end cannot remove it.
    lab.ip_batch(f"link add link eth0 name direct netns {name} type macvlan mode bridge", namespace=fenced.host.name)
    lab.ip_batch(
        *("link set lo up", "address add 10.77.250.5/16 dev direct", "address add fd77::5/64 dev direct nodad"),
        *("link set direct up", "route add default via 10.77.0.1", "route add default via fd77::1"),
        namespace=name,
    )
    yield f"/run/netns/{name}"
    subprocess.run(["ip", "netns", "del", name], check=True)


def test_a_macvlan_container_is_refused_at_the_network_card(fenced: Fenced, macvlan: str) -> None:
    def reached() -> dict[str, str]:
        return _read(fenced.host.output("python3", "/srv/connect.py", *TARGETS, network=macvlan))

    fenced.play("audit").check()
    assert reached() == OPEN
    assert result(fenced.play("audit", "-v"), "refused_direct") == len(BOTH)
    fenced.play("enforce").check()
    assert reached() == {**OPEN, **dict.fromkeys(BOTH, "silent")}
    assert fenced.measure() == ENFORCED
    fenced.play("enforce", hardening_fence_sources=["10.77.250.5/32", "fd77::5/128"]).check()
    assert reached() == OPEN


@contextmanager
def arrivals(target: str) -> Iterator[list[bytes]]:
    """Yield a list with, at the end, the packets to this address that came out of the host."""
    address = socket.inet_pton(socket.AF_INET6 if ":" in target else socket.AF_INET, target)
    kind = 0x86DD if ":" in target else 0x0800
    found: list[bytes] = []
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(kind)) as packets:
        packets.bind(("br0", kind))
        packets.settimeout(0.5)
        yield found
        try:
            while True:
                packet = packets.recv(65536)
                if address == (packet[24:40] if kind == 0x86DD else packet[16:20]):
                    found.append(packet)
        except socket.timeout:
            pass


@pytest.mark.parametrize(("source", "target"), [("172.30.0.2", "100.100.100.200"), ("fd30::2", "fd00:100::100:200")])
@pytest.mark.parametrize("tracking", [True, False], ids=["with connection tracking", "without connection tracking"])
def test_fragments_that_hide_the_flags_are_refused(fenced: Fenced, source: str, target: str, tracking: bool) -> None:
    fenced.connect_ipv6()

    def send() -> tuple[str, int]:
        with arrivals(target) as packets:
            answer = fenced.container.run("python3", "/srv/fragments.py", source, target)
        return answer.stdout.strip(), len(packets)

    if tracking:
        fenced.container.masquerade()
    else:
        fenced.host.run("nft", "delete", "table", "ip", "container_engine")
        lab.ip_batch(f"route replace 172.30.0.0/24 via {fenced.host.ip}")
    fenced.play("off").check()
    answer, arrived = send()
    assert arrived > 0
    if ":" not in target:  # Linux as a receiver refuses such fragments of IPv6
        assert answer == "answered"
    fenced.play("enforce").check()
    try:
        assert send() == ("silent", 0)
    finally:
        fenced.container.masquerade()


def test_flushed_rules_are_loaded_again_and_recorded(fenced: Fenced) -> None:
    fenced.play("enforce").check()
    fenced.host.output("nft", "flush", "ruleset")
    wait_until(lambda: "alicloud_imds" in fenced.host.output("nft", "list", "tables"), "the rules after a flush")
    fenced.container.masquerade()
    assert fenced.measure() == ENFORCED
    played = fenced.play("enforce", "-v")
    assert played.check().changed == {"fenced": 0}
    repairs = result(played, "repairs")
    assert isinstance(repairs, list) and repairs[-1]["reason"] == "removed"
    log = fenced.host.output("journalctl", "--unit=alicloud-imds-fence-check.service", "--output=cat")
    assert "were removed by another program. They were loaded again." in log
    assert "Finished" not in log  # a message for each check would fill the journal


def test_restarts_of_the_units_do_not_remove_the_rules(fenced: Fenced) -> None:
    fenced.play("enforce").check()
    for _number in range(8):  # more than the default start limit
        fenced.host.output("systemctl", "restart", "alicloud-imds-fence.service")
    fenced.host.output("systemctl", "stop", "alicloud-imds-fence.service")
    assert fenced.measure() == ENFORCED
    fenced.host.output("systemctl", "start", "alicloud-imds-fence.service")


# Uses the user ID of the socket's owner, without a process for each user. IPv6, because the kernel sends about 50 ICMP messages at
# once and 1,000 a second: an IPv4 connection whose refusal is lost is tried again after a second, and counted again.
CONNECT_AS = """
import os, socket, sys
for uid in range(100000, 100000 + int(sys.argv[1])):
    os.seteuid(uid)
    with socket.socket(socket.AF_INET6) as connection:
        connection.settimeout(30)
        assert connection.connect_ex(('fd00:100::100:200', 80)) == 111
    os.seteuid(0)
"""


def test_users_beyond_the_maximum_are_refused_and_counted_as_others(fenced: Fenced) -> None:
    fenced.play("off").check()
    fenced.play("enforce").check()
    counted = result(fenced.play("enforce", "-v"), "refused")
    assert isinstance(counted, list)
    fenced.host.output("python3", "-c", CONNECT_AS, str(4096 - len(counted) + 3))
    played = fenced.play("enforce", "-v")
    listed = result(played, "refused")
    assert isinstance(listed, list) and len(listed) == 4096
    assert result(played, "refused_others") == 3
    assert "Further users are counted together: refused_others is 3." in " ".join(played.output.split())
    assert fenced.measure() == ENFORCED


def test_numbers_without_a_name_are_allowed_and_refused(fenced: Fenced) -> None:
    fenced.play("enforce", hardening_fence_users="1337", hardening_verify_user="1338").check()
    for uid, expected in ((1337, OPEN), (1338, CLOSED)):
        caller = ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups")
        assert _read(fenced.host.output(*caller, "python3", "/srv/connect.py", *TARGETS)) == expected


def test_services_that_do_not_exist_are_refused(fenced: Fenced) -> None:
    fenced.play("enforce").check()
    played = fenced.play("enforce", hardening_fence_services=["cron.service", "no-such-unit.service"])
    assert played.failed == {"fenced": 1}
    assert "There is no unit no-such-unit.service on this host, so nothing would be denied." in " ".join(
        played.output.split()
    )
    assert not (fenced.host.root / "etc/systemd/system/no-such-unit.service.d").exists()
    assert fenced.measure() == ENFORCED


# Make a package from the installed files, and a repository with it: test hosts have no network.
REPOSITORY = """
set -eu
mkdir -p /srv/repository/tree/DEBIAN
cd /srv/repository
dpkg -L nftables | while read -r file; do
    [ -d "$file" ] || [ ! -e "$file" ] || echo "$file"
done | tar --create --directory=/ --files-from=- | tar --extract --directory=tree
dpkg -s nftables | sed '/^Status:/d; /^Conffiles:/,/^[^ ]/{/^Conffiles:/d; /^ /d}' >tree/DEBIAN/control
dpkg-deb --build tree nftables.deb
{ cat tree/DEBIAN/control
  echo "Filename: ./nftables.deb"
  echo "Size: $(stat -c %s nftables.deb)"
  echo "SHA256: $(sha256sum nftables.deb | cut -d ' ' -f 1)"
} | sed '/^$/d' >Packages
dpkg --purge --force-depends nftables
"""


def test_nftables_is_installed_where_it_is_missing(fenced: Fenced) -> None:
    fenced.play("off").check()
    fenced.host.output("sh", "-c", REPOSITORY)

    def has_nft() -> bool:
        return fenced.host.run("sh", "-c", "command -v nft").returncode == 0

    def message(played: Played) -> str:
        assert played.failed == {"fenced": 1}, played.output
        return " ".join(played.output.split())

    assert (
        "no program nft on this host. Install the package nftables (the role's hardening_fence_install=true"
        in message(fenced.play("audit", hardening_fence_install="no"))
    )
    unavailable = message(fenced.play("audit"))
    assert "The package nftables cannot be installed: No package matching 'nftables' is available" in unavailable
    assert "set hardening_fence=off" in unavailable
    (fenced.host.root / "etc/apt/sources.list").write_text("deb [trusted=yes] file:/srv/repository ./\n")
    fenced.host.output("apt-get", "update")  # check mode does not
    planned = fenced.play("audit", "--check").check()
    assert planned.changed == {"fenced": 1} and not has_nft()
    fenced.play("audit").check()
    assert has_nft() and "alicloud_imds" in fenced.host.output("nft", "list", "tables")
    assert fenced.play("audit").check().changed == {"fenced": 0}
    fenced.container.masquerade()


def test_mode_off_removes_all_rules(fenced: Fenced) -> None:
    """Also while a check runs, which then fails: here it waits for another one, which never ends."""
    check = "alicloud-imds-fence-check.service"
    fenced.play("enforce").check()
    fenced.host.output(
        "systemd-run", "--unit=holds-the-lock", "flock", "/run/alicloud-imds-fence.listing.lock", "sleep", "1d"
    )
    wait_until(
        lambda: fenced.host.run("flock", "--nonblock", "/run/alicloud-imds-fence.listing.lock", "true").returncode,
        "the lock",
    )
    fenced.host.output("systemctl", "start", "--no-block", check)
    wait_until(lambda: fenced.host.run("systemctl", "is-active", check).stdout == "activating\n", "a check that waits")
    fenced.play("off").check()
    fenced.host.output("systemctl", "stop", "holds-the-lock")
    assert fenced.measure() == EVERYBODY
    assert "alicloud" not in fenced.host.output("nft", "list", "ruleset")
    units = fenced.host.output("systemctl", "list-units", "--all", "--plain", "alicloud-imds-fence*")
    assert "alicloud-imds-fence" not in units
    assert not fenced.host.output("systemctl", "--failed", "--no-legend")
    assert not list((fenced.host.root / "run").glob("alicloud-imds-fence*"))
