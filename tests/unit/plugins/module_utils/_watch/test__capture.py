# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The packet filter, instruction by instruction and on packets of both families."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._watch._capture import program
from ansible_collections.alicloud.imds.plugins.module_utils._watch._tcp import FIN, RST, SYN

from .packets import ACK, ADDRESS, ADDRESS_IPV6, DESTINATION, FRAGMENT, HOP_BY_HOP, ICMPV6, OPTIONS, ROUTING, UDP, ipv6
from .packets import ipv4 as packet

FILTER = program(ADDRESS, ADDRESS_IPV6, 80)
ACCEPTED = 0x40000

# In the notation of bpf_asm (tools/bpf in the kernel's source), with absolute jump targets; 48 drops, 49 accepts.
LISTING = """
ldh protocol
if A == 34525 goto 22 else 2         // IPv6
if A == 2048 goto 3 else 48
ld [16]                              // ip->daddr
if A == 1684301000 goto 5 else 48
ldb [9]                              // ip->protocol
if A == 6 goto 7 else 48
ldh [6]                              // ip->frag_off
if A & 16383 goto 49 else 9
ldx 4*([0]&0xf)                      // X = ip->ihl * 4
ldh [x + 2]                          // tcp->dest
if A == 80 goto 12 else 48
ldb [x + 13]                         // tcp->flags
if A & 7 goto 49 else 14             // FIN, SYN, RST
ldb [x + 12]                         // tcp->doff << 4
and 240
rsh 2                                // tcp->doff * 4
add x
tax                                  // X = length of both headers
ldh [2]                              // ip->tot_len
if A > X goto 49 else 21
if A == 0 goto 49 else 48
ld [24]                              // ip6->daddr
if A == 4244635904 goto 24 else 48
ld [28]
if A == 0 goto 26 else 48
ld [32]
if A == 0 goto 28 else 48
ld [36]
if A == 16777728 goto 30 else 48
ldb [6]                              // ip6->nexthdr
if A == 0 goto 49 else 32            // extension headers
if A == 43 goto 49 else 33
if A == 44 goto 49 else 34
if A == 51 goto 49 else 35
if A == 60 goto 49 else 36
if A == 6 goto 37 else 48
ldh [42]                             // tcp->dest
if A == 80 goto 39 else 48
ldb [53]                             // tcp->flags
if A & 7 goto 49 else 41
ldb [52]                             // tcp->doff << 4
and 240
rsh 2
tax
ldh [4]                              // ip6->payload_len
if A > X goto 49 else 47
if A == 0 goto 49 else 48
ret 0
ret 262144
"""
NAMES = {
    0x20: "ld [%d]", 0x28: "ldh [%d]", 0x30: "ldb [%d]", 0x48: "ldh [x + %d]", 0x50: "ldb [x + %d]", 0xB1: "ldx 4*([%d]&0xf)",
    0x54: "and %d", 0x74: "rsh %d", 0x0C: "add x", 0x07: "tax", 0x06: "ret %d",
}  # fmt: skip
JUMPS = {0x15: "A == %d", 0x45: "A & %d", 0x2D: "A > X"}


def test_instructions_of_the_filter() -> None:
    lines = []
    for at, (code, yes, no, constant) in enumerate(FILTER):
        if code in JUMPS:
            condition = JUMPS[code] % constant if "%" in JUMPS[code] else JUMPS[code]
            lines.append("if %s goto %d else %d" % (condition, at + 1 + yes, at + 1 + no))
        else:
            assert (yes, no) == (0, 0)
            name = "ldh protocol" if constant == 0xFFFFF000 else NAMES[code]  # SKF_AD_OFF + SKF_AD_PROTOCOL
            lines.append(name % constant if "%" in name else name)
    assert lines == [line.partition("//")[0].strip() for line in LISTING.strip().splitlines()]


def run(packet: bytes, protocol: int | None = None) -> int:
    """Run the filter on a packet; return the number of bytes that it accepts. A read past the end drops the packet."""
    a = x = at = 0
    if protocol is None:
        protocol = 0x86DD if packet[:1] and packet[0] >> 4 == 6 else 0x0800
    while True:
        code, yes, no, constant = FILTER[at]
        at += 1
        if code == 0x06:
            return constant
        if code in JUMPS:
            at += yes if {0x15: a == constant, 0x45: bool(a & constant), 0x2D: a > x}[code] else no
        elif code in (0x54, 0x74, 0x0C):
            a = {0x54: a & constant, 0x74: a >> (constant & 31), 0x0C: a + x}[code]
        elif code == 0x07:
            x = a
        elif constant == 0xFFFFF000:
            a = protocol
        else:
            start, size = constant + (x if code in (0x48, 0x50) else 0), {0x20: 4, 0x28: 2, 0x48: 2}.get(code, 1)
            if start + size > len(packet):
                return 0
            value = int.from_bytes(packet[start : start + size], "big")
            a, x = (a, 4 * (value & 15)) if code == 0xB1 else (value, x)


TAKEN = {
    "data": packet(b"GET"),
    "data with options": packet(b"G", ip_options=OPTIONS, tcp_options=OPTIONS),
    "SYN": packet(flags=SYN),
    "FIN": packet(flags=FIN | ACK),
    "RST": packet(flags=RST),
    "first fragment": packet(b"GET", fragment=0x2000),
    "do not fragment": packet(b"GET", fragment=0x4000),
    "later fragment": packet(b"GET", fragment=1),
    "longer than the field allows": packet(b"GET", length=0),
    "IPv6 data": ipv6(b"GET"),
    "IPv6 data with options": ipv6(b"G", tcp_options=OPTIONS),
    "IPv6 SYN": ipv6(flags=SYN),
    "IPv6 FIN": ipv6(flags=FIN | ACK),
    "IPv6 longer than the field allows": ipv6(b"GET", length=0),
    "IPv6 hop-by-hop options": ipv6(b"GET", headers=[HOP_BY_HOP]),
    "IPv6 routing header": ipv6(b"GET", headers=[ROUTING]),
    "IPv6 destination options": ipv6(b"GET", headers=[DESTINATION, HOP_BY_HOP]),
    "IPv6 fragment": ipv6(b"GET", headers=[FRAGMENT]),
}
DROPPED = {
    "acknowledgment": packet(),
    "acknowledgment with options and padding": packet(ip_options=OPTIONS, tcp_options=OPTIONS) + bytes(6),
    "other port": packet(b"GET", port=8080),
    "other address": packet(b"GET", address=bytes([100, 100, 2, 136])),
    "UDP": packet(b"GET", protocol=17),
    "cut": packet(b"GET")[:30],
    "empty": b"",
    "IPv6 acknowledgment": ipv6(),
    "IPv6 acknowledgment with options and padding": ipv6(tcp_options=OPTIONS) + bytes(6),
    "IPv6 other port": ipv6(b"GET", port=8080),
    "IPv6 other address": ipv6(b"GET", address=ADDRESS_IPV6[:15] + b"\1"),
    "IPv6 UDP": ipv6(b"GET", protocol=UDP),
    "IPv6 ICMP": ipv6(b"GET", protocol=ICMPV6),
    "IPv6 cut": ipv6(b"GET")[:50],
}


@pytest.mark.parametrize("name", TAKEN)
def test_segments_to_the_service_are_accepted(name: str) -> None:
    assert run(TAKEN[name]) == ACCEPTED
    assert run(TAKEN[name], protocol=0x0800 if name.startswith("IPv6") else 0x86DD) == 0  # of the other family


@pytest.mark.parametrize("name", DROPPED)
def test_all_other_packets_are_dropped(name: str) -> None:
    assert run(DROPPED[name]) == 0
