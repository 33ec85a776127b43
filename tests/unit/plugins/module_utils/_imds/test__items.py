# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of chosen paths: order, missing items, encodings, and secrets."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _errors, _items
from ansible_collections.alicloud.imds.plugins.module_utils._imds._client import Client, Settings


@pytest.fixture
def client(instance):
    """Return a client of the emulated instance."""
    made = Client(Settings(endpoint=instance.endpoint, timeout=60.0, deadline=300.0))
    yield made
    made.close()


def test_bodies_are_in_the_order_of_the_paths_and_none_if_missing(client, instance) -> None:
    paths = ["instance-id", "nonsense", "/latest/meta-data/instance-id"]
    assert _items.read_paths(client, paths) == [instance.id.encode(), None, instance.id.encode()]


def test_two_spellings_of_a_path_are_requested_once(client, instance) -> None:
    _items.read_paths(client, ["instance-id", "/latest/meta-data/instance-id"])
    assert [entry["method"] for entry in instance.journal()] == ["PUT", "GET"]


def test_an_invalid_path_fails_before_any_request(client, instance) -> None:
    with pytest.raises(ValueError, match="'..'"):
        _items.read_paths(client, ["instance-id", "../x"])
    assert instance.journal() == []


def test_a_refusal_is_raised(client, instance) -> None:
    instance.fault("status", status=403, on="data")
    with pytest.raises(_errors.Refused):
        _items.read_paths(client, ["instance-id"])


def test_the_error_for_a_missing_item_names_the_request(client, instance) -> None:
    error = _items.not_found(client, "nonsense")
    assert isinstance(error, _errors.NotFound)
    assert str(error).startswith("GET /latest/meta-data/nonsense at %s: 404 Not Found. " % instance.endpoint)


@pytest.mark.parametrize(
    ("path", "body", "encoding", "parse_json", "value"),
    [
        ("mac", b"00:16", "text", False, "00:16"),
        ("mac", b"00:16\n", "text", False, "00:16"),
        ("mac", b"00:16\r\n", "text", False, "00:16"),
        ("mac", b"00:16\n\n", "text", False, "00:16\n"),
        ("mac", b"00:16\n", "base64", False, "MDA6MTYK"),
        ("user-data", b"#!/bin/sh\n", "text", False, "#!/bin/sh\n"),
        ("user-data", b"\xff", "base64", False, "/w=="),
        ("disks/", b"a/\nb", "text", False, ["a", "b"]),
        ("x", b'{"a": 1}', "text", False, '{"a": 1}'),
        ("x", b'{"a": 1}', "text", True, {"a": 1}),
        ("x", b"[1]", "text", True, [1]),
        ("x", b"1", "text", True, "1"),
        ("x", b"[2001:db8::1]", "text", True, "[2001:db8::1]"),
        ("x", b"[" * 100_000, "text", True, "[" * 100_000),
    ],
)
def test_to_value(path: str, body: bytes, encoding: str, parse_json: bool, value: object) -> None:
    assert _items.to_value(path, body, encoding, parse_json) == value


def test_a_value_that_is_not_utf_8_names_the_path_and_the_option() -> None:
    with pytest.raises(ValueError, match="at path 'user-data' is not UTF-8 text. Set 'encoding' to 'base64'."):
        _items.to_text("user-data", b"\xff", "text")


def test_the_keys_of_a_role_are_registered_as_secrets(monkeypatch) -> None:
    registered: list[str | None] = []
    monkeypatch.setattr(_items, "register_secret", registered.append)
    body = b'{"AccessKeyId": "STS.id", "AccessKeySecret": "the-secret", "SecurityToken": "the-token"}'
    _items.to_text("ram/security-credentials/WebRole", body, "text")
    _items.to_text("instance-id", body, "text")
    _items.to_text("ram/security-credentials/", b"WebRole", "text")
    assert registered == ["the-secret", "the-token"]
