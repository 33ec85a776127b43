# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Render the fence's rules; nft loads the rules in a network namespace of its own, if that can be created."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._host import _fence_rules as rules

ALLOWED = rules.Allowed([0, 33, 1000], [7], ["172.17.0.0/16", "fd00:1::/64"])
BOTH = ("ip daddr 100.100.100.200", "ip6 daddr fd00:100::100:200")


def listing(text: str) -> str:
    """Return what nft lists after loading *text* twice, in the notation of nft 1.0: nft 1.1 writes bit masks differently."""
    nft = shutil.which("nft", path=os.environ["PATH"] + ":/usr/sbin")
    if os.geteuid() != 0 or nft is None:
        pytest.skip("loading rules needs root, and nft (package nftables)")
    script = '"$0" -f - <<<"$1" && "$0" -f - <<<"$1" && "$0" -s list ruleset'
    command = ["unshare", "--net", "bash", "-c", script, nft, text]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if "chain egress" in text and done.returncode != 0:
        pytest.skip("nft or the kernel has no egress hook: " + done.stderr)
    assert done.returncode == 0, done.stderr
    found = re.sub(r"\b0x[0-9a-f]+\b", lambda number: str(int(number[0], 16)), done.stdout)
    return found.replace("tcp flags & (syn | ack) == syn", "tcp flags syn / syn,ack")


@pytest.mark.parametrize("allowed", [rules.Allowed([0], [], []), ALLOWED])
def test_rules_loaded_twice_make_one_table(allowed: rules.Allowed) -> None:
    for mode in (rules.AUDIT, rules.ENFORCE):
        found = listing(rules.rules(mode, allowed))
        assert found.count("table ") == 1 and found.count("jump local") == 4
        found = listing(rules.egress_rules(mode, allowed, '"lo"'))
        assert found.count("table ") == 1 and found.count("jump direct") == 4


def test_only_mode_enforce_refuses() -> None:
    assert "reject" not in listing(rules.rules(rules.AUDIT, ALLOWED))
    assert "drop" not in listing(rules.egress_rules(rules.AUDIT, ALLOWED, '"lo"'))
    enforced = listing(rules.rules(rules.ENFORCE, ALLOWED))
    assert len(re.findall(r"counter reject$", enforced, re.MULTILINE)) == 2
    assert listing(rules.egress_rules(rules.ENFORCE, ALLOWED, '"lo"')).count("drop") == 1


@pytest.mark.parametrize("render", [rules.rules, lambda *given: rules.egress_rules(*given, '"lo"')])
def test_the_rules_match_only_new_connections_and_fragments_to_the_service(render) -> None:
    matching = [line.strip() for line in listing(render(rules.ENFORCE, ALLOWED)).splitlines() if "daddr" in line]
    chains = {line.rpartition(" ")[2] for line in matching}
    for chain in chains:
        assert [line for line in matching if line.endswith(chain)] == [
            f"{BOTH[0]} ip frag-off & 16383 != 0 jump {chain}",
            f"{BOTH[0]} tcp dport 80 tcp flags syn / syn,ack jump {chain}",
            f"{BOTH[1]} exthdr frag exists jump {chain}",
            f"{BOTH[1]} tcp dport 80 tcp flags syn / syn,ack jump {chain}",
        ]


def test_the_rules_contain_users_groups_and_sources() -> None:
    for text in (rules.rules(rules.ENFORCE, ALLOWED), rules.egress_rules(rules.ENFORCE, ALLOWED)):
        assert "meta skuid { 0, 33, 1000 } counter return" in text
        assert "meta skgid { 7 } counter return" in text
        assert "ip saddr { 172.17.0.0/16 } counter return" in text
        assert "ip6 saddr { fd00:1::/64 } counter return" in text


def test_priorities_are_numbers() -> None:
    """nft before 0.9.1 knows no names of priorities."""
    for text in (rules.rules(rules.ENFORCE, ALLOWED), rules.egress_rules(rules.ENFORCE, ALLOWED)):
        assert re.findall(r"priority (\S+);", text) in (["0", "0"], ["0"])


LISTED = """\
table inet alicloud_imds {
    set refused {
        type uid
        size 4096
        flags dynamic
        elements = { 33 counter packets 12 bytes 720, 100000 counter packets 1 bytes 60,
            4294967294 counter packets 2 bytes 120 }
    }

    chain local {
        meta skuid { 0, 33 } counter packets 90 bytes 5400 return
        add @refused { meta skuid counter packets 0 bytes 0 }
        meta skuid != @refused counter packets 7 bytes 420
        limit rate 10/minute burst 20 packets log prefix "alicloud-imds fence refused: " flags skuid
        meta nfproto ipv6 meta l4proto 6 counter packets 2 bytes 120 reject with tcp reset
        counter packets 20 bytes 1200 %s
    }

    chain forwarded {
        ip saddr { 172.17.0.0/16 } counter packets 8 bytes 480 return
        limit rate 10/minute burst 20 packets log prefix "alicloud-imds fence refused: "
        meta nfproto ipv6 meta l4proto tcp counter packets 2 bytes 120 reject with tcp reset
        counter packets 5 bytes 300 %s
    }
}
table netdev alicloud_imds {
    chain direct {
        fib saddr type local return
        counter packets 4 bytes 240 drop
    }
}
""".replace("    ", "\t")


@pytest.mark.parametrize("verdict", ["reject", "reject with icmpx type port-unreachable", "accept"])
def test_the_counters_are_read_from_a_listing(verdict: str) -> None:
    assert rules.counted(LISTED % (verdict, verdict)) == ({33: 12, 100000: 1, 4294967294: 2}, 7, 7, 4)
    assert rules.counted("") == ({}, 0, 0, 0)


@pytest.mark.slow
def test_the_counters_of_loaded_rules_are_read() -> None:
    """Connect as two users and as one that the full set cannot hold, on a link without a peer that answers."""
    nft = shutil.which("nft", path=os.environ["PATH"] + ":/usr/sbin")
    if os.geteuid() != 0 or nft is None:
        pytest.skip("loading rules needs root, and nft (package nftables)")
    connect = (
        "import os, socket\n"
        "for uid in (100001, 100002, 100002, 100003):\n"
        "    os.seteuid(uid)\n"
        "    connection = socket.socket()\n"
        "    connection.settimeout(30)\n"
        "    assert connection.connect_ex(('100.100.100.200', 80)) == 111\n"
        "    os.seteuid(0)\n"
    )
    link = "ip link set lo up; ip link add eth0 type veth peer name eth1; ip link set eth0 up; ip link set eth1 up"
    link += "; ip address add 10.1.0.2/24 dev eth0; ip route add default via 10.1.0.1"
    script = f'{link}; {nft} -f - <<<"$0" && python3 -c "$1" && {nft} list ruleset'
    text = rules.rules(rules.ENFORCE, ALLOWED).replace("size 4096", "size 2")
    command = ["unshare", "--net", "bash", "-c", script, text, connect]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert rules.counted(done.stdout) == ({100001: 1, 100002: 2}, 1, 0, 0)


@pytest.mark.parametrize(
    "unit", ["nginx.service", "php8.2-fpm.service", "app@1.service", "app@.service", r"a\x2db.service"]
)
def test_the_drop_in_of_a_service_denies_both_addresses(unit: str) -> None:
    assert rules.deny(unit).endswith("[Service]\nIPAddressDeny=100.100.100.200/32 fd00:100::100:200/128\n")


def test_the_drop_in_of_a_slice_has_the_section_slice() -> None:
    assert "[Slice]" in rules.deny("user.slice")


@pytest.mark.parametrize("unit", ["nginx", "../x.service", "a b.service", "x.timer", "", "a/b.service", "x.service\n"])
def test_an_invalid_unit_name_is_an_error(unit: str) -> None:
    with pytest.raises(ValueError, match="is not a unit name"):
        rules.deny(unit)
