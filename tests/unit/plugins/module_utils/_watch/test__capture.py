# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The packet filter, instruction by instruction and on packets, and decoding of packets."""

from __future__ import annotations

import socket
import struct

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._watch._capture import decode, program
from ansible_collections.alicloud.imds.plugins.module_utils._watch._tcp import FIN, RST, SYN

ADDRESS = bytes([100, 100, 100, 200])
FILTER = program(ADDRESS, 80)
ACCEPTED = 0x40000
ACK, PUSH = 16, 8

# In the notation of bpf_asm (tools/bpf in the kernel's source), with absolute jump targets; 21 drops, 22 accepts.
LISTING = """
ldh protocol
if A == 2048 goto 2 else 21
ld [16]                              // ip->daddr
if A == 1684301000 goto 4 else 21
ldb [9]                              // ip->protocol
if A == 6 goto 6 else 21
ldh [6]                              // ip->frag_off
if A & 8191 goto 21 else 8
ldx 4*([0]&0xf)                      // X = ip->ihl * 4
ldh [x + 2]                          // tcp->dest
if A == 80 goto 11 else 21
ldb [x + 13]                         // tcp->flags
if A & 7 goto 22 else 13             // FIN, SYN, RST
ldb [x + 12]                         // tcp->doff << 4
and 240
rsh 2                                // tcp->doff * 4
add x
tax                                  // X = length of both headers
ldh [2]                              // ip->tot_len
if A > X goto 22 else 20
if A == 0 goto 22 else 21
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


def run(packet: bytes, protocol: int = 0x0800) -> int:
    """Run the filter on a packet; return the number of bytes that it accepts. A read past the end drops the packet."""
    a = x = at = 0
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


def packet(
    payload: bytes = b"", flags: int = ACK, port: int = 80, address: bytes = ADDRESS, fragment: int = 0, protocol: int = 6,
    ip_options: bytes = b"", tcp_options: bytes = b"", length: int | None = None,
) -> bytes:  # fmt: skip
    ip_length, tcp_length = 20 + len(ip_options), 20 + len(tcp_options)
    total = ip_length + tcp_length + len(payload) if length is None else length
    source = socket.inet_aton("10.0.0.1")
    ip = struct.pack("!BBHHHBBH4s4s", 0x40 | ip_length // 4, 0, total, 1, fragment, 64, protocol, 0, source, address)
    tcp = struct.pack("!HHIIBBHHH", 40000, port, 1000, 2000, tcp_length // 4 << 4, flags, 512, 0, 0)
    return ip + ip_options + tcp + tcp_options + payload


OPTIONS = bytes(range(1, 13))
TAKEN = {
    "data": packet(b"GET"),
    "data with options": packet(b"G", ip_options=OPTIONS, tcp_options=OPTIONS),
    "SYN": packet(flags=SYN),
    "FIN": packet(flags=FIN | ACK),
    "RST": packet(flags=RST),
    "first fragment": packet(b"GET", fragment=0x2000),
    "do not fragment": packet(b"GET", fragment=0x4000),
    "longer than the field allows": packet(b"GET", length=0),
}
DROPPED = {
    "acknowledgment": packet(),
    "acknowledgment with options and padding": packet(ip_options=OPTIONS, tcp_options=OPTIONS) + bytes(6),
    "other port": packet(b"GET", port=8080),
    "other address": packet(b"GET", address=bytes([100, 100, 2, 136])),
    "UDP": packet(b"GET", protocol=17),
    "later fragment": packet(b"GET", fragment=1),
    "cut": packet(b"GET")[:30],
    "empty": b"",
}


@pytest.mark.parametrize("name", TAKEN)
def test_segments_to_the_service_are_accepted(name: str) -> None:
    assert run(TAKEN[name]) == ACCEPTED
    assert run(TAKEN[name], protocol=0x86DD) == 0  # not IPv4


@pytest.mark.parametrize("name", DROPPED)
def test_all_other_packets_are_dropped(name: str) -> None:
    assert run(DROPPED[name]) == 0


def test_a_segment_is_decoded() -> None:
    data = packet(b"GET", flags=ACK | PUSH, ip_options=OPTIONS, tcp_options=OPTIONS) + b"padding"
    segment = decode(memoryview(data), "eth0", False)
    assert segment == ("eth0", False, "10.0.0.1", 40000, 1000, 2000, ACK | PUSH, b"GET")
    assert decode(memoryview(packet(b"x" * 9, length=0)), "lo", True) == (
        "lo", True, "10.0.0.1", 40000, 1000, 2000, ACK, b"x" * 9,
    )  # fmt: skip


@pytest.mark.parametrize("data", [b"", packet()[:39], packet(ip_options=bytes(40))[:79]])
def test_packets_that_are_too_short_are_not_decoded(data: bytes) -> None:
    assert decode(memoryview(data), "eth0", False) is None
