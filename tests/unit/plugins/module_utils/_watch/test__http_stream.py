# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bytes to requests: every mode, cut anywhere, and nothing of what was sent is kept."""

from __future__ import annotations

import gc
import random

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._callers._paths import every_class, path_class
from ansible_collections.alicloud.imds.plugins.module_utils._callers._vocabulary import MODES
from ansible_collections.alicloud.imds.plugins.module_utils._watch._http_stream import LONGEST_HEAD, Stream
from hypothesis import given, settings
from hypothesis import strategies as st

HOST = b"Host: 100.100.100.200\r\n"
PUT = b"PUT /latest/api/token HTTP/1.1\r\n" + HOST + b"X-aliyun-ecs-metadata-token-ttl-seconds: 60\r\n\r\n"
PLAIN = b"GET /latest/meta-data/instance-id HTTP/1.1\r\n" + HOST + b"\r\n"
TOKEN = b"GET /latest/meta-data/ram/security-credentials/Role HTTP/1.1\r\n" + HOST
TOKEN += b"x-Aliyun-ECS-metadata-TOKEN: secret-token\r\n\r\n"
BODY = b"POST /latest/user-data HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(PLAIN) + PLAIN
CHUNKS = b"PUT /latest/x HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS += b"%x;x=y\r\n%s\r\n0\r\nA: b\r\n\r\n" % (len(PLAIN), PLAIN)
LAST = b"GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n" + PLAIN

ROLE = "ram/security-credentials/*"
TABLE = {
    "token request": (PUT, ["token_request api/token"]),
    "plain": (PLAIN, ["normal_mode instance-id"]),
    "token": (TOKEN, ["token_authenticated " + ROLE]),
    "mixed on one connection": (
        PUT + TOKEN + PLAIN + TOKEN,
        [
            "token_request api/token",
            "token_authenticated " + ROLE,
            "normal_mode instance-id",
            "token_authenticated " + ROLE,
        ],
    ),
    "a body is no request": (BODY + TOKEN, ["normal_mode user-data", "token_authenticated " + ROLE]),
    "chunks are no requests": (CHUNKS + TOKEN, ["normal_mode other", "token_authenticated " + ROLE]),
    "empty lines first": (b"\r\n\r\n" + PLAIN, ["normal_mode instance-id"]),
    "an empty token is a token": (b"GET / HTTP/1.0\r\nX-ALIYUN-ECS-METADATA-TOKEN:\r\n\r\n", ["token_authenticated /"]),
    "the lifetime's header is not the token": (
        b"GET / HTTP/1.0\r\nX-aliyun-ecs-metadata-token-ttl-seconds: 1\r\n\r\n",
        ["normal_mode /"],
    ),
    "a token elsewhere is none": (
        b"GET /latest/mac?x-aliyun-ecs-metadata-token:1 HTTP/1.0\r\nA: x-aliyun-ecs-metadata-token: 1\r\n\r\n",
        ["normal_mode other"],
    ),
    "nothing after the last": (LAST, ["normal_mode /"]),
    "nothing after HTTP/1.0": (b"GET / HTTP/1.0\r\n\r\n" + PLAIN, ["normal_mode /"]),
    "HTTP/1.0 can be kept": (
        b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" + PLAIN,
        ["normal_mode /", "normal_mode instance-id"],
    ),
    "GET of the token's path": (b"GET /latest/api/token HTTP/1.1\r\n\r\n", ["normal_mode api/token"]),
    "TLS": (b"\x16\x03\x01\x02\x00\x01" + PLAIN, ["unparsable -"]),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ["unparsable -"]),
    "bare line feeds": (b"GET / HTTP/1.1\nHost: x\n\n", ["unparsable -"]),
    "two framings": (b"PUT / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", ["unparsable -"]),
    "two lengths": (b"PUT / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", ["unparsable -"]),
    "a header that is none": (b"GET / HTTP/1.1\r\nX y: 1\r\n\r\n", ["unparsable -"]),
    "a folded header": (b"GET / HTTP/1.1\r\nA: b\r\n x-aliyun-ecs-metadata-token: 1\r\n\r\n", ["unparsable -"]),
    "garbage after a request": (PLAIN + b"\0\1\2", ["normal_mode instance-id", "unparsable -"]),
    "a huge header": (
        b"GET / HTTP/1.1\r\nA: " + b"x" * (LONGEST_HEAD - 500) + b"\r\nx-aliyun-ecs-metadata-token: 1\r\n\r\n",
        ["token_authenticated /"],
    ),
    "a head without end": (b"GET / HTTP/1.1\r\nA: " + b"x" * LONGEST_HEAD, ["unparsable -"]),
    "a name without end": (b"GET / HTTP/1.1\r\n" + b"x" * LONGEST_HEAD, ["unparsable -"]),
    "a line without end": (b"G" * 100000, ["unparsable -"]),
    "half a request": (PLAIN[:-2], ["unparsable -"]),
    "nothing": (b"", []),
}


def read(*segments: bytes) -> list[str]:
    stream = Stream()
    found = [request for segment in segments for request in stream.feed(segment)]
    return ["%s %s" % (request.mode, request.path) for request in found + stream.end()]


@pytest.mark.parametrize("name", TABLE)
def test_modes_and_paths(name: str) -> None:
    data, expected = TABLE[name]
    assert read(data) == expected


@pytest.mark.parametrize("name", TABLE)
def test_byte_by_byte_gives_the_same(name: str) -> None:
    data, expected = TABLE[name]
    assert read(*(data[at : at + 1] for at in range(len(data)))) == expected


PIECES = st.lists(
    st.sampled_from([PUT, PLAIN, TOKEN, BODY, CHUNKS, LAST, b"\r\n", b"\x80", b"GET ", b"x\r\n\r\n"]), max_size=6
)


@settings(max_examples=200)
@given(st.one_of(st.binary(max_size=200), PIECES.map(b"".join)), st.integers())
def test_any_segmentation_gives_the_same(data: bytes, seed: int) -> None:
    cuts = random.Random(seed)
    segments, rest = [], data
    while rest:
        at = cuts.choice([1, 2, 7, cuts.randint(1, len(rest))])
        segments.append(rest[:at])
        rest = rest[at:]
    assert read(*segments) == read(data)


@given(st.text(max_size=60), st.sampled_from(["", "/latest/", "/2016-01-01/meta-data/", "/latest/meta-data/tags/"]))
def test_a_path_becomes_one_of_a_closed_set(text: str, start: str) -> None:
    assert path_class(start + text) in every_class()


@pytest.mark.parametrize(
    ("target", "expected"),
    {
        "/": "/",
        "/latest": "/",
        "/latest/meta-data": "meta-data/",
        "/2016-01-01/meta-data/": "meta-data/",
        "/latest/meta-data/all": "all",
        "/latest/meta-data/Ram/security-credentials/": "ram/security-credentials/",
        "/latest/meta-data/ram/security-credentials/Name?x=y": ROLE,
        "/latest/meta-data/ram/security%2Dcredentials/Name": ROLE,
        "/latest/meta-data/tags/instance/password": "tags/*",
        "/latest/meta-data/network/interfaces/macs/00:16:3e:01:02:03/vpc-id": "network/*",
        "/latest/dynamic/instance-identity/pkcs7?audience=1": "dynamic/*",
        "/latest/user-data": "user-data",
        "http://100.100.100.200/latest/meta-data/mac": "mac",
        "/latest/meta-data/instance-id/x": "other",
        "/1.0/meta-data/": "other",
        "*": "other",
    }.items(),
)
def test_path_classes(target: str, expected: str) -> None:
    assert path_class(target) == expected


def test_what_is_missing_is_visible_and_never_guessed() -> None:
    stream = Stream()
    assert stream.feed(PLAIN[:20]) == []
    assert [request.mode for request in stream.lost()] == ["unparsable"]
    assert stream.lost() == []
    assert stream.feed(TOKEN[30:]) == []  # the middle of a request
    assert [request.mode for request in stream.feed(TOKEN)] == ["token_authenticated"]
    assert stream.end() == []


def test_nothing_that_was_sent_is_kept() -> None:
    stream = Stream()
    found = stream.feed(
        b"GET /latest/meta-data/tags/instance/sesame?sesame=1 HTTP/1.1\r\nx-aliyun-ecs-metadata-token: sesame\r\n\r\n"
    )
    assert "sesame" not in repr(found)
    assert "sesame" not in repr([getattr(stream, name) for name in Stream.__slots__])


def test_a_stream_is_small_whatever_is_sent() -> None:
    gc.collect()
    stream = Stream()
    for start in (b"G" * 8000, b"GET / HTTP/1.1\r\n" + b"A: " + b"x" * 16000):
        stream = Stream()
        stream.feed(start)
        assert len(stream._line) <= 8192


def test_modes_are_all_there_is() -> None:
    assert {line.split()[0] for _data, lines in TABLE.values() for line in lines} == set(MODES)


@pytest.mark.parametrize(
    ("agent", "item", "is_probe"),
    [
        ("alicloud-imds-probe", "instance-id", True),
        ("curl/8", "instance-id", False),
        ("alicloud-imds-probe", "ram/security-credentials/web", False),  # a name excuses no read of keys
    ],
)
def test_the_probe_is_known_by_its_name_and_asks_for_nothing_else(agent: str, item: str, is_probe: bool) -> None:
    head = f"GET /latest/meta-data/{item} HTTP/1.1\r\nHost: x\r\nUser-Agent: {agent}\r\n\r\n".encode()
    first, second = Stream().feed(head + head.replace(agent.encode(), b"other"))
    assert (first.mode, first.probe, second.probe) == ("normal_mode", is_probe, False)
