# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parsing requests from bytes: every mode, any segmentation, and no content is stored."""

from __future__ import annotations

import gc
import random

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._callers._vocabulary import MODES
from ansible_collections.alicloud.imds.plugins.module_utils._watch._http_stream import LONGEST_HEAD, Stream
from hypothesis import given, settings
from hypothesis import strategies as st

HOST = b"Host: 100.100.100.200\r\n"
PUT = b"PUT /latest/api/token HTTP/1.1\r\n" + HOST + b"X-aliyun-ecs-metadata-token-ttl-seconds: 60\r\n\r\n"
NORMAL = b"GET /latest/meta-data/instance-id HTTP/1.1\r\n" + HOST + b"\r\n"
TOKEN = b"GET /latest/meta-data/ram/security-credentials/Role HTTP/1.1\r\n" + HOST
TOKEN += b"x-Aliyun-ECS-metadata-TOKEN: secret-token\r\n\r\n"
BODY = b"POST /latest/user-data HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(NORMAL) + NORMAL
CHUNKS = b"PUT /latest/x HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS += b"%x;x=y\r\n%s\r\n0\r\nA: b\r\n\r\n" % (len(NORMAL), NORMAL)
LAST = b"GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n" + NORMAL

ROLE = "ram/security-credentials/*"
TABLE = {
    "token request": (PUT, ["token_request api/token"]),
    "normal mode": (NORMAL, ["normal_mode instance-id"]),
    "token-authenticated": (TOKEN, ["token_authenticated " + ROLE]),
    "mixed on one connection": (
        PUT + TOKEN + NORMAL + TOKEN,
        [
            "token_request api/token",
            "token_authenticated " + ROLE,
            "normal_mode instance-id",
            "token_authenticated " + ROLE,
        ],
    ),
    "a body is not a request": (BODY + TOKEN, ["normal_mode user-data", "token_authenticated " + ROLE]),
    "chunks are not requests": (CHUNKS + TOKEN, ["normal_mode other", "token_authenticated " + ROLE]),
    "empty lines first": (b"\r\n\r\n" + NORMAL, ["normal_mode instance-id"]),
    "an empty token is no token": (b"GET / HTTP/1.0\r\nX-ALIYUN-ECS-METADATA-TOKEN: \t \r\n\r\n", ["normal_mode /"]),
    "one of two tokens is empty": (
        b"GET / HTTP/1.0\r\nX-aliyun-ecs-metadata-token: x\r\nX-aliyun-ecs-metadata-token:\r\n\r\n",
        ["normal_mode /"],
    ),
    "a body of a GET request": (
        TOKEN[:-2] + b"Content-Length: %d\r\n\r\n" % len(NORMAL) + NORMAL,
        ["token_authenticated " + ROLE, "unparsable -"],
    ),
    "chunks of a GET request": (
        TOKEN[:-2] + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ["token_authenticated " + ROLE, "unparsable -"],
    ),
    "the TTL header is not the token": (
        b"GET / HTTP/1.0\r\nX-aliyun-ecs-metadata-token-ttl-seconds: 1\r\n\r\n",
        ["normal_mode /"],
    ),
    "the header name elsewhere": (
        b"GET /latest/mac?x-aliyun-ecs-metadata-token:1 HTTP/1.0\r\nA: x-aliyun-ecs-metadata-token: 1\r\n\r\n",
        ["normal_mode other"],
    ),
    "bytes after Connection: close": (LAST, ["normal_mode /", "unparsable -"]),
    "an empty line after the last request": (b"GET / HTTP/1.0\r\n\r\n\r\n", ["normal_mode /"]),
    "bytes after HTTP/1.0": (b"GET / HTTP/1.0\r\n\r\n" + NORMAL, ["normal_mode /", "unparsable -"]),
    "HTTP/1.0 can be kept": (
        b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" + NORMAL,
        ["normal_mode /", "normal_mode instance-id"],
    ),
    "GET of the token path": (b"GET /latest/api/token HTTP/1.1\r\n\r\n", ["normal_mode api/token"]),
    "TLS": (b"\x16\x03\x01\x02\x00\x01" + NORMAL, ["unparsable -"]),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ["unparsable -"]),
    "bare line feeds": (b"GET / HTTP/1.1\nHost: x\n\n", ["unparsable -"]),
    "two framings": (b"PUT / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", ["unparsable -"]),
    "two lengths": (b"PUT / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", ["unparsable -"]),
    "an invalid header": (b"GET / HTTP/1.1\r\nX y: 1\r\n\r\n", ["unparsable -"]),
    "a folded header": (b"GET / HTTP/1.1\r\nA: b\r\n x-aliyun-ecs-metadata-token: 1\r\n\r\n", ["unparsable -"]),
    "garbage after a request": (NORMAL + b"\0\1\2", ["normal_mode instance-id", "unparsable -"]),
    "a huge header": (
        b"GET / HTTP/1.1\r\nA: " + b"x" * (LONGEST_HEAD - 500) + b"\r\nx-aliyun-ecs-metadata-token: 1\r\n\r\n",
        ["token_authenticated /"],
    ),
    "a head without end": (b"GET / HTTP/1.1\r\nA: " + b"x" * LONGEST_HEAD, ["unparsable -"]),
    "a name without end": (b"GET / HTTP/1.1\r\n" + b"x" * LONGEST_HEAD, ["unparsable -"]),
    "a line without end": (b"G" * 100000, ["unparsable -"]),
    "half a request": (NORMAL[:-2], ["unparsable -"]),
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
def test_single_bytes_give_the_same_requests(name: str) -> None:
    data, expected = TABLE[name]
    assert read(*(data[at : at + 1] for at in range(len(data)))) == expected


PIECES = st.lists(
    st.sampled_from([PUT, NORMAL, TOKEN, BODY, CHUNKS, LAST, b"\r\n", b"\x80", b"GET ", b"x\r\n\r\n"]), max_size=6
)


@pytest.mark.slow
@settings(max_examples=200)
@given(st.one_of(st.binary(max_size=200), PIECES.map(b"".join)), st.integers())
def test_any_segmentation_gives_the_same_requests(data: bytes, seed: int) -> None:
    cuts = random.Random(seed)
    segments, rest = [], data
    while rest:
        at = cuts.choice([1, 2, 7, cuts.randint(1, len(rest))])
        segments.append(rest[:at])
        rest = rest[at:]
    assert read(*segments) == read(data)


def test_missing_bytes_are_an_unparsable_request() -> None:
    stream = Stream()
    assert stream.feed(NORMAL[:20]) == []
    assert [request.mode for request in stream.lost()] == ["unparsable"]
    assert stream.lost() == []
    assert stream.feed(TOKEN[30:]) == []  # the middle of a request
    assert [request.mode for request in stream.feed(TOKEN)] == ["token_authenticated"]
    assert stream.end() == []


def test_no_content_is_stored() -> None:
    stream = Stream()
    found = stream.feed(
        b"GET /latest/meta-data/tags/instance/sesame?sesame=1 HTTP/1.1\r\nx-aliyun-ecs-metadata-token: sesame\r\n\r\n"
    )
    assert "sesame" not in repr(found)
    assert "sesame" not in repr([getattr(stream, name) for name in Stream.__slots__])


def test_the_buffer_of_a_stream_is_bounded() -> None:
    gc.collect()
    stream = Stream()
    for start in (b"G" * 8000, b"GET / HTTP/1.1\r\n" + b"A: " + b"x" * 16000):
        stream = Stream()
        stream.feed(start)
        assert len(stream._line) <= 8192


def test_the_table_covers_all_modes() -> None:
    assert {line.split()[0] for _data, lines in TABLE.values() for line in lines} == set(MODES)


@pytest.mark.parametrize(
    ("agent", "item", "is_probe"),
    [
        ("alicloud-imds-probe", "instance-id", True),
        ("curl/8", "instance-id", False),
        ("alicloud-imds-probe", "ram/security-credentials/web", False),  # the user agent excuses no read of credentials
    ],
)
def test_the_probe_is_recognized_by_user_agent_and_path(agent: str, item: str, is_probe: bool) -> None:
    head = f"GET /latest/meta-data/{item} HTTP/1.1\r\nHost: x\r\nUser-Agent: {agent}\r\n\r\n".encode()
    first, second = Stream().feed(head + head.replace(agent.encode(), b"other"))
    assert (first.mode, first.probe, second.probe) == ("normal_mode", is_probe, False)
