# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths that may be requested, and listings and trees in replies."""

from __future__ import annotations

import json

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._imds._tree import (
    Entry,
    insert,
    is_secret,
    parse_all,
    parse_listing,
    resolve,
)
from hypothesis import given
from hypothesis import strategies as st

TARGETS = [
    ("instance-id", "/latest/meta-data/instance-id"),
    ("network/interfaces/macs/", "/latest/meta-data/network/interfaces/macs/"),
    ("meta-data/instance-id", "/latest/meta-data/instance-id"),
    ("dynamic/instance-identity/document", "/latest/dynamic/instance-identity/document"),
    ("maintenance/active-system-events", "/latest/maintenance/active-system-events"),
    ("global-config/aliyun-assist-server-url", "/latest/global-config/aliyun-assist-server-url"),
    ("user-data", "/latest/user-data"),
    ("vendor-data", "/latest/vendor-data"),
    ("latest/meta-data/mac", "/latest/meta-data/mac"),
    ("/latest/meta-data/mac", "/latest/meta-data/mac"),
    ("/2016-01-01/user-data", "/2016-01-01/user-data"),
    ("/latest/", "/latest/"),
    ("/", "/"),
    ("tags/instance/a b", "/latest/meta-data/tags/instance/a%20b"),
    ("tags/instance/50%", "/latest/meta-data/tags/instance/50%25"),
    ("tags/instance/@:_-.=,", "/latest/meta-data/tags/instance/@:_-.=,"),
    ("tags/instance/k#y", "/latest/meta-data/tags/instance/k%23y"),
    (
        "dynamic/instance-identity/pkcs7?audience=a b&c",
        "/latest/dynamic/instance-identity/pkcs7?audience=a%20b&c",
    ),
]


def test_resolve_returns_the_request_target() -> None:
    assert [(path, resolve(path)) for path, _target in TARGETS] == TARGETS


INVALID = [
    ("../etc", "'..'"),
    ("tags/./x", "'.'"),
    ("tags//x", "empty segment"),
    ("a\r\nX-Forwarded-For: 1", "control character"),
    ("a\0b", "control character"),
    ("/etc/passwd", "must begin with /latest/"),
    ("http://127.0.0.1/x", "empty segment"),
    ("/latest/api/token", "tokens are never read"),
    ("latest/api/token", "tokens are never read"),
    ("/2016-01-01/api/token", "tokens are never read"),
]


def test_resolve_rejects_invalid_paths() -> None:
    for path, reason in INVALID:
        with pytest.raises(ValueError, match="path") as caught:
            resolve(path)
        assert reason in str(caught.value), path


@given(st.text(max_size=40))
def test_a_resolved_path_never_breaks_the_request_line(path: str) -> None:
    try:
        target = resolve(path)
    except ValueError:
        return
    assert target.isascii()
    assert not any(ord(char) <= 32 or ord(char) == 127 for char in target)
    assert target.startswith(("/latest", "/2016-01-01")) or target.partition("?")[0] == "/"
    assert ".." not in target.partition("?")[0].split("/")


SECRETS = [
    ("/latest/meta-data/ram/security-credentials/EcsRole", True),
    ("/2016-01-01/meta-data/Ram/security-credentials/EcsRole", True),
    ("/latest/meta-data/%72am/security-credentials/EcsRole", True),
    ("/latest/meta-data/ram/security-credentials/", False),
    ("/latest/meta-data/ram/", False),
    ("/latest/user-data", True),
    ("/2016-01-01/vendor-data", True),
    ("/latest/meta-data/all", True),
    ("/latest/dynamic/instance-identity/pkcs7?audience=x", True),
    ("/latest/dynamic/instance-identity/document", False),
    ("/latest/meta-data/instance-id", False),
    ("/latest/meta-data/tags/instance/user-data", False),
]


def test_secrets_are_recognized_in_all_spellings() -> None:
    assert [(target, is_secret(target)) for target, _secret in SECRETS] == SECRETS


def test_a_listing_may_have_any_line_ends() -> None:
    expected = [Entry("dns-conf", True), Entry("mac", False)]
    for body in (b"dns-conf/\nmac", b"dns-conf/\nmac\n", b"dns-conf/\r\nmac\r\n"):
        assert parse_listing(body) == (expected, [])
    assert parse_listing(b"") == ([], [])


def test_unsafe_names_of_a_listing_are_refused() -> None:
    entries, refused = parse_listing(b"../\n..\n./\na/b\n/etc\nok\nnul\0\n" + b"x" * 256)
    assert entries == [Entry("ok", False)]
    assert refused == ["../", "..", "./", "a/b", "/etc", "nul\0", "x" * 256]


def test_an_entry_listed_twice_is_one_entry_and_a_directory_wins() -> None:
    assert parse_listing(b"a\na/\na\nb/\nb")[0] == [Entry("a", True), Entry("b", True)]


def test_meta_data_all_becomes_the_tree_of_a_walk() -> None:
    content = {
        "instance-id": "i-1",
        "eipv4": None,
        "number": 7,
        "flag": True,
        "list": ["a", "b"],
        "network": {"interfaces": {"macs": {"00:16": {"private-ipv4s": '["10.0.0.1"]', "gone": None}}}},
    }
    tree, refused = parse_all(json.dumps(content).encode())
    assert refused == []
    assert tree == {
        "instance-id": "i-1",
        "number": "7",
        "flag": "true",
        "list": '["a", "b"]',
        "network": {"interfaces": {"macs": {"00:16": {"private-ipv4s": '["10.0.0.1"]'}}}},
    }


def test_unsafe_names_of_meta_data_all_are_refused() -> None:
    tree, refused = parse_all(b'{"../x": "1", "tags": {"instance": {"a/b": "1", "ok": "2"}}}')
    assert tree == {"tags": {"instance": {"ok": "2"}}}
    assert refused == ["../x", "a/b"]


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"x"', b"{", b"[" * 100_000, b'{"a":' * 50 + b"1" + b"}" * 50])
def test_invalid_meta_data_all_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError, match="not JSON|not a JSON object|nested too deeply"):
        parse_all(body)


def test_a_directory_is_never_replaced_by_a_leaf() -> None:
    tree: dict = {}
    insert(tree, ("a", "b"), "1")
    insert(tree, ("a",), "leaf")
    insert(tree, ("c",), "leaf")
    insert(tree, ("c", "d"), "2")
    assert tree == {"a": {"b": "1"}, "c": {"d": "2"}}
