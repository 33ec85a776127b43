# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reassembling segments: repeated, out of order, missing, captured on several devices, too many."""

from __future__ import annotations

import random
import sys

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._watch import _tcp
from ansible_collections.alicloud.imds.plugins.module_utils._watch._tcp import FIN, RST, SYN, Flows, Segment
from hypothesis import given, settings
from hypothesis import strategies as st

from .test__http_stream import BODY, NORMAL, PUT, TOKEN

ACK = 16


class Wire:
    """Pass segments of one connection to *flows*, and collect the modes of its requests."""

    def __init__(self, flows: Flows | None = None, **segment) -> None:
        self.flows = flows or Flows()
        self.base = {"device": "eth0", "forwarded": False, "source": "10.0.0.1", "port": 4000, "ack": 77, **segment}
        self.isn = 0xFFFFFFF0  # so that numbers wrap soon
        self.modes: list[str] = []
        self.now = 0.0

    def send(self, offset: int, payload: bytes = b"", flags: int = ACK, **changes) -> None:
        segment = Segment(
            **{**self.base, "seq": (self.isn + 1 + offset) & 0xFFFFFFFF, "flags": flags, "payload": payload, **changes}
        )
        self.take(self.flows.take(segment, self.now)[0])

    def take(self, done) -> None:
        self.modes += [request.mode for _flow, requests in done for request in requests]

    def syn(self) -> None:
        self.send(-1, flags=SYN)


def test_segments_in_order() -> None:
    wire = Wire()
    wire.syn()
    wire.send(0, PUT)
    wire.send(len(PUT), TOKEN + NORMAL)
    wire.send(len(PUT + TOKEN + NORMAL), flags=FIN | ACK)
    assert wire.modes == ["token_request", "token_authenticated", "normal_mode"]


@pytest.mark.slow
@settings(max_examples=150)
@given(st.lists(st.sampled_from([PUT, NORMAL, TOKEN, BODY]), min_size=1, max_size=5), st.integers(), st.booleans())
def test_any_segmentation_order_and_repetition_gives_the_same_requests(
    requests: list[bytes], seed: int, syn: bool
) -> None:
    dice, data = random.Random(seed), b"".join(requests)
    cuts = sorted({0, len(data), *(dice.randrange(len(data)) for _cut in range(6))})
    pieces = [(start, data[start:end]) for start, end in zip(cuts, cuts[1:])]
    pieces += [
        (at, data[at : at + dice.randrange(1, 300)]) for at in (dice.randrange(len(data)) for _piece in range(4))
    ]
    rest = pieces[1:]
    dice.shuffle(rest)
    wire, expected = Wire(), Wire()
    if syn:
        wire.syn()
        rest = dice.sample([pieces[0], *rest], len(pieces))
    else:
        rest = [pieces[0], *rest]  # without the SYN the first segment defines the begin
    for start, piece in rest:
        wire.send(start, piece)
    wire.send(len(data), flags=FIN | ACK)
    wire.send(*pieces[0])  # and once more after the end
    expected.syn()
    expected.send(0, data)
    assert wire.modes == expected.modes


def test_missing_bytes_are_an_unparsable_request() -> None:
    wire = Wire()
    wire.syn()
    wire.send(0, PUT)
    wire.send(len(PUT) + 100, TOKEN)  # 100 bytes are missing
    assert wire.modes == ["token_request"]
    wire.take(wire.flows.sweep(wire.now + 1))
    assert wire.modes == ["token_request"]
    wire.take(wire.flows.sweep(wire.now + 10))
    assert wire.modes == ["token_request", "unparsable", "token_authenticated"]


def test_bytes_missing_at_the_end_of_the_connection() -> None:
    wire = Wire()
    wire.syn()
    wire.send(10, NORMAL)
    wire.send(10 + len(NORMAL), flags=FIN | ACK)
    assert wire.modes == ["unparsable", "normal_mode"]


def test_an_incomplete_request_is_unparsable() -> None:
    for end in (FIN | ACK, RST):
        wire = Wire()
        wire.syn()
        wire.send(0, NORMAL[:30])
        wire.send(30, flags=end)
        wire.send(30, flags=end)
        assert wire.modes == ["unparsable"]


def test_a_reused_port_is_a_new_connection() -> None:
    for flags in (SYN, ACK):
        wire = Wire()
        wire.syn()
        wire.send(0, NORMAL)
        wire.send(len(NORMAL), flags=FIN | ACK)
        wire.isn = 12345
        if flags == SYN:
            wire.syn()
        wire.send(0, TOKEN)
        wire.send(0, TOKEN)
        assert wire.modes == ["normal_mode", "token_authenticated"]


def test_a_keepalive_probe_is_not_data() -> None:
    wire = Wire()
    wire.syn()
    wire.send(0, TOKEN)
    wire.send(len(TOKEN) - 1, b"\0")
    wire.send(len(TOKEN), NORMAL)
    assert wire.modes == ["token_authenticated", "normal_mode"]


@pytest.mark.parametrize("syn", [True, False])
def test_a_packet_captured_on_three_devices_is_counted_once(syn: bool) -> None:
    first = Wire(device="veth1", forwarded=True, source="172.17.0.2", port=4000)
    others = [Wire(first.flows, device="docker0", forwarded=True, source="172.17.0.2", port=4000)]
    others.append(Wire(first.flows, device="eth0", source="10.0.0.9", port=61000))
    for wire in (first, *others):
        if syn:
            wire.syn()
    data = [PUT, TOKEN, NORMAL[:20], NORMAL[20:]]
    for at, piece in enumerate(data):
        for wire in (first, *others):
            wire.send(sum(map(len, data[:at])), piece)
    assert first.modes == ["token_request", "token_authenticated", "normal_mode"]
    assert [wire.modes for wire in others] == [[], []]


def test_a_new_connection_is_returned_once() -> None:
    flows = Flows()
    segment = Segment("eth0", False, "10.0.0.1", 4000, 100, 7, ACK, PUT)
    assert flows.take(segment._replace(flags=SYN, payload=b""), 0.0) == ([], None)
    began = flows.take(segment._replace(seq=101), 0.0)[1]
    assert began is not None and (began.first, began.port, began.forwarded) == (101, 4000, False)
    assert flows.take(segment._replace(seq=101 + len(PUT)), 0.0)[1] is None
    assert flows.take(segment._replace(seq=101, device="br0"), 0.0)[1] is None


def test_floods_evict_connections_which_are_counted() -> None:
    flows = Flows()
    victim = Wire(flows)
    victim.syn()
    victim.send(0, NORMAL[:20])
    for port in range(1, _tcp.MAXIMUM_FLOWS * 3):
        Wire(flows, source="10.0.0.2", port=port & 0xFFFF).syn()
    victim.send(20, NORMAL[20:])
    assert victim.modes == ["normal_mode"] and flows.evicted == 0  # half-open connections evict no others
    for port in range(_tcp.MAXIMUM_FLOWS * 2):
        wire = Wire(flows, source="10.0.%d.%d" % divmod(port, 256), port=port, ack=100000 + port)
        wire.send(0, b"GET / HT")
    assert len(flows._flows) == _tcp.MAXIMUM_FLOWS and flows.evicted == _tcp.MAXIMUM_FLOWS
    assert max(len(flows._opened), len(flows._recent)) <= _tcp.MAXIMUM_RECENT


def test_the_held_bytes_of_a_connection_are_bounded() -> None:
    wire = Wire()
    wire.syn()
    for at in range(1000):
        wire.send(100 + at * 1000, b"x" * 900)
        (flow,) = wire.flows._flows.values()
        assert sum(map(sys.getsizeof, flow._held.values())) < 70000
    assert wire.modes == ["unparsable"]


def test_contradicting_bytes_are_unparsable() -> None:
    """A sender with a raw socket first sends a token that the service does not receive, such as with a wrong checksum."""
    wire = Wire()
    wire.syn()
    wire.send(0, TOKEN)
    wire.send(0, NORMAL.ljust(len(TOKEN), b"x"))
    assert wire.modes == ["token_authenticated", "unparsable"]
    wire.send(len(TOKEN), NORMAL)
    assert wire.modes == ["token_authenticated", "unparsable", "normal_mode"]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_repeated_bytes_are_not_a_contradiction(size: int) -> None:
    wire = Wire()
    wire.syn()
    data = (TOKEN + NORMAL) * 20
    for at in range(0, len(data), size):
        wire.send(at, data[at : at + size])
        wire.send(max(0, at - 3), data[max(0, at - 3) : at + size])
    assert wire.modes == ["token_authenticated", "normal_mode"] * 20


def test_urgent_data_is_unparsable() -> None:
    """The service does not receive the urgent byte in the stream: here, the header is not the token header."""
    wire = Wire()
    wire.syn()
    head, _name, rest = TOKEN.partition(b"TOKEN")
    wire.send(0, head + b"TOK", flags=_tcp.URG | ACK)
    wire.send(len(head) + 3, b"EN" + rest)
    assert wire.modes == ["unparsable"]


def test_a_copy_of_the_first_segment_does_not_hide_what_follows() -> None:
    flows = Flows()
    forged, real = Wire(flows, source="10.0.0.9", device="veth9"), Wire(flows, device="veth1")
    forged.send(0, TOKEN)
    real.send(0, TOKEN)
    assert real.modes == []  # it looks like the same segment on another device
    real.send(len(TOKEN), NORMAL)
    assert real.modes == ["normal_mode"]


def test_a_copy_with_other_bytes_does_not_hide_the_real_ones() -> None:
    flows = Flows()
    forged, real = Wire(flows, source="10.0.0.9", device="veth9"), Wire(flows, device="veth1")
    forged.send(0, TOKEN)
    real.send(0, NORMAL)
    assert real.modes == ["normal_mode"]


def test_a_segment_on_two_devices_is_counted_once_in_any_segmentation() -> None:
    flows = Flows()
    inside, outside = Wire(flows, device="veth1", forwarded=True), Wire(flows, source="10.0.0.2", port=5000)
    data = TOKEN + NORMAL
    for at in range(0, len(data), 40):
        inside.send(at, data[at : at + 40])
    for at in range(0, len(data), 20):
        outside.send(at, data[at : at + 20])
    assert inside.modes == ["token_authenticated", "normal_mode"] and outside.modes == []
