# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decoding packets: both families, extension headers, fragments in any order, and what cannot be decoded."""

from __future__ import annotations

import ipaddress
import random
import struct

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._watch import _packets
from ansible_collections.alicloud.imds.plugins.module_utils._watch._packets import Packets
from ansible_collections.alicloud.imds.plugins.module_utils._watch._tcp import SYN, Segment
from hypothesis import given
from hypothesis import strategies as st

from . import packets as made
from .packets import ACK, AUTHENTICATION, DESTINATION, FRAGMENT, HOP_BY_HOP, NO_NEXT, OPTIONS, PUSH, ROUTING, tcp

GET = b"GET /latest/meta-data/instance-id HTTP/1.1\r\nHost: x\r\n\r\n"


class Decoder:
    """Decode packets as they arrive on one device."""

    def __init__(self) -> None:
        self.packets = Packets(80)
        self.now = 0.0

    def __call__(self, *arriving: bytes, device: str = "eth0") -> list[Segment]:
        """Return the segments that are complete with these packets."""
        found = [self.packets.decode(memoryview(packet), device, False, self.now) for packet in arriving]
        return [segment for segment in found if segment is not None]

    @property
    def lost(self) -> int:
        return self.packets.lost


@pytest.fixture
def decode() -> Decoder:
    return Decoder()


def segment(payload: bytes, source: str = made.SOURCE, flags: int = ACK) -> Segment:
    return Segment("eth0", False, source, 40000, 1000, 2000, flags, payload)


def test_an_ipv4_segment_is_decoded(decode: Decoder) -> None:
    data = made.ipv4(b"GET", flags=ACK | PUSH, ip_options=OPTIONS, tcp_options=OPTIONS) + b"padding"
    assert decode(data) == [segment(b"GET", flags=ACK | PUSH)]
    assert decode(made.ipv4(b"x" * 9, length=0)) == [segment(b"x" * 9)]


def test_an_ipv6_segment_is_decoded(decode: Decoder) -> None:
    data = made.ipv6(b"GET", flags=ACK | PUSH, tcp_options=OPTIONS) + b"padding"
    assert decode(data) == [segment(b"GET", made.SOURCE_IPV6, ACK | PUSH)]
    assert decode(made.ipv6(b"x" * 9, length=0)) == [segment(b"x" * 9, made.SOURCE_IPV6)]
    assert decode.lost == 0


@pytest.mark.parametrize(
    "headers",
    [
        [HOP_BY_HOP],
        [ROUTING],
        [DESTINATION],
        [AUTHENTICATION],
        [FRAGMENT],
        [HOP_BY_HOP, DESTINATION, ROUTING, FRAGMENT, DESTINATION],
    ],
)
def test_extension_headers_are_skipped(decode: Decoder, headers: list[int]) -> None:
    assert decode(made.ipv6(b"GET", headers=headers)) == [segment(b"GET", made.SOURCE_IPV6)]
    assert decode.lost == 0


def test_a_port_that_the_filter_did_not_check_is_checked(decode: Decoder) -> None:
    assert decode(made.ipv6(b"GET", port=8080, headers=[DESTINATION]), made.ipv4(b"GET", port=8080)) == []
    assert decode.lost == 0


@pytest.mark.parametrize("protocol", [made.UDP, made.ICMPV6, NO_NEXT])
def test_other_protocols_are_no_loss(decode: Decoder, protocol: int) -> None:
    assert decode(made.ipv6(b"x", protocol=protocol, headers=[DESTINATION])) == []
    assert decode.lost == 0


def cut(family: str, content: bytes, size: int) -> list[bytes]:
    return made.fragments_ipv4(content, size) if family == "ipv4" else made.fragments_ipv6(content, size)


SOURCES = {"ipv4": made.SOURCE, "ipv6": made.SOURCE_IPV6}


@pytest.mark.parametrize("family", SOURCES)
@pytest.mark.parametrize("size", [8, 16, 24, 64])
def test_fragments_are_reassembled(decode: Decoder, family: str, size: int) -> None:
    """With fragments of 8 bytes, the first one has the ports, and a later one the flags."""
    assert decode(*cut(family, tcp(GET), size)) == [segment(GET, SOURCES[family])]
    assert decode(*cut(family, tcp(flags=SYN), 8)) == [segment(b"", SOURCES[family], SYN)]
    assert decode.lost == 0


@given(st.sampled_from(sorted(SOURCES)), st.integers(1, 8), st.integers())
def test_fragments_in_any_order_and_repeated(family: str, eights: int, seed: int) -> None:
    decode, dice = Decoder(), random.Random(seed)
    arriving = cut(family, tcp(GET), eights * 8)
    arriving += dice.choices(arriving, k=2)
    dice.shuffle(arriving)
    assert decode(*arriving)[:1] == [segment(GET, SOURCES[family])]
    assert decode.lost == 0


def test_fragments_between_extension_headers(decode: Decoder) -> None:
    """The fragment header follows a hop-by-hop header, and destination options are fragmented together with the segment."""
    content = bytes([made.TCP, 1]) + bytes(14) + tcp(GET)
    assert decode(*made.fragments_ipv6(content, 8, DESTINATION, [HOP_BY_HOP])) == [segment(GET, made.SOURCE_IPV6)]


def test_the_same_fragment_on_two_devices_belongs_to_two_datagrams(decode: Decoder) -> None:
    first, second = cut("ipv4", tcp(b"x" * 8), 24)
    assert decode(first) == decode(second, device="lo") == []
    assert decode(second) == [segment(b"x" * 8)]


@pytest.mark.parametrize("family", SOURCES)
def test_overlapping_fragments_are_lost(decode: Decoder, family: str) -> None:
    """The service may use the other bytes: a token header in one version, none in the other."""
    honest, other = cut(family, tcp(GET), 24), cut(family, tcp(GET.lower()), 16)
    assert decode(honest[0], other[1], *honest[1:]) == []
    assert decode.lost == 1
    honest = made.fragments_ipv4(tcp(GET), 24, identification=2)
    assert decode(honest[0], made.fragments_ipv4(tcp(b"X" + GET), 24, identification=2)[0], *honest[1:]) == []
    assert decode.lost == 2


def test_fragments_after_the_end_are_lost(decode: Decoder) -> None:
    parts = made.fragments_ipv4(tcp(GET), 24)
    assert decode(made.ipv4_part(b"x" * 8, 0x2000 | 100), *parts) == []
    assert decode.lost == 1


def test_a_fragment_whose_length_is_no_multiple_of_eight_is_lost(decode: Decoder) -> None:
    assert decode(made.ipv4_part(b"x" * 7, 0x2000)) == []
    assert decode.lost == 1


def test_missing_fragments_are_counted_after_a_while(decode: Decoder) -> None:
    assert decode(cut("ipv4", tcp(GET), 24)[0]) == []
    decode.packets.sweep(29.0)
    assert decode.lost == 0
    decode.packets.sweep(31.0)
    assert decode.lost == 1
    decode.now = 31.0
    assert decode(*cut("ipv4", tcp(GET), 24)) == [segment(GET)]


def test_memory_is_bounded(decode: Decoder) -> None:
    for identification in range(_packets.MAXIMUM_DATAGRAMS + 10):
        decode(made.fragments_ipv4(tcp(GET), 24, identification)[0])
    assert decode.lost == 10
    small = made.fragments_ipv4(tcp(b"x" * 4000), 8, 60000)
    assert decode(*small) == []
    assert decode.lost == 12  # one more was evicted, and one has too many pieces


@pytest.mark.parametrize(
    "packet",
    [
        made.ipv6(b"GET", headers=[DESTINATION] * 17),
        made.ipv6(b"GET", headers=[DESTINATION], protocol=135),
        made.ipv6(b"GET", headers=[DESTINATION])[:47],
        made.ipv4(b"GET")[:39],
        made.ipv4(b"GET", ip_options=bytes(40))[:79],
        made.ipv6_part(b"", FRAGMENT),
    ],
)
def test_packets_that_cannot_be_decoded_are_lost(decode: Decoder, packet: bytes) -> None:
    assert decode(packet) == []
    assert decode.lost == 1


@given(st.binary(max_size=120), st.sampled_from([made.ADDRESS, made.ADDRESS_IPV6]))
def test_any_bytes_are_decoded_without_an_error(content: bytes, address: bytes) -> None:
    decode = Decoder()
    decode(content)
    if address == made.ADDRESS:
        decode(made.ipv4_part(content), made.ipv4_part(content, 0x2000), made.ipv4_part(content, 1))
    else:
        for first in (made.TCP, HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION):
            decode(made.ipv6_part(content, first))


def checksum(data: bytes) -> int:
    """Return the Internet checksum, bit by bit as in RFC 1071."""
    total = 0
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@pytest.mark.parametrize(("source", "service"), [("10.0.0.1", "100.100.100.200"), ("fd00::1", "fd00:100::100:200")])
@pytest.mark.parametrize("payload", [b"", b"x", GET])
def test_a_forwarded_segment_with_a_wrong_checksum_is_ignored(source: str, service: str, payload: bytes) -> None:
    pseudo = ipaddress.ip_address(source).packed + ipaddress.ip_address(service).packed
    whole = bytearray(struct.pack(">HHIIBBHHH", 40000, 80, 1000, 2000, 0x50, ACK, 512, 0, 0) + payload)
    pseudo += struct.pack(">II", len(whole), 6)
    whole[16:18] = checksum(pseudo + whole).to_bytes(2, "big")
    assert _packets.has_valid_checksum(source, bytes(whole))
    for bit in range(0, len(whole) * 8, 7):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        assert not _packets.has_valid_checksum(source, bytes(damaged))
    if "." in source:
        packet = struct.pack(">BBHHHBB", 0x45, 0, 20 + len(whole), 1, 0, 64, 6) + b"\0\0" + pseudo[:8] + whole
        damaged = packet[:-1] + bytes([packet[-1] ^ 1])
        packets = Packets(80)
        assert packets.decode(memoryview(packet), "eth0", True, 0.0, verify=True) is not None
        assert packets.decode(memoryview(damaged), "eth0", True, 0.0, verify=True) is None
        assert packets.decode(memoryview(damaged), "eth0", True, 0.0) is not None
        assert packets.lost == 0
