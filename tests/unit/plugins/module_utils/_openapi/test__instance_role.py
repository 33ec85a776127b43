# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The credentials of the instance's role from the emulator: read with a token, never in normal mode."""

from __future__ import annotations

import json

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _client
from ansible_collections.alicloud.imds.plugins.module_utils._openapi import _instance_role
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError

ROLES = "/latest/meta-data/ram/security-credentials/"


@pytest.fixture
def host(emulator):
    """An instance that requires tokens."""
    return emulator.add_instance(http_tokens="required", role={"name": "web"})


def fetch(host, name=None, **settings):
    client = _client.Client(
        _client.Settings(**{"endpoint": host.endpoint, "timeout": 60.0, "deadline": 300.0, **settings})
    )
    try:
        return _instance_role.fetch(client, name)
    finally:
        client.close()


def modes(host) -> set[str]:
    return {entry["mode"] for entry in host.journal()}


def test_the_role_is_discovered_and_read_with_one_token(host) -> None:
    credentials = fetch(host)
    assert credentials.access_key_id.startswith("STS.")
    assert credentials.access_key_secret and credentials.security_token and credentials.expires_at
    journal = [(entry["method"], entry["mode"], entry["path"]) for entry in host.journal()]
    assert journal == [
        ("PUT", "token_request", "/latest/api/token"),
        ("GET", "token_authenticated", ROLES),
        ("GET", "token_authenticated", ROLES + "web"),
    ]


def test_a_named_role_is_read_without_the_listing(host) -> None:
    assert fetch(host, "web").access_key_id.startswith("STS.")
    assert [entry["path"] for entry in host.journal()][1:] == [ROLES + "web"]
    assert modes(host) == {"token_request", "token_authenticated"}


def test_a_host_without_a_role_is_an_error(emulator) -> None:
    host = emulator.add_instance(http_tokens="required", role=None)
    with pytest.raises(ApiError, match="No RAM role is bound") as caught:
        fetch(host)
    assert caught.value.kind == "credentials"
    assert modes(host) == {"token_request", "token_authenticated"}


def test_a_role_with_another_name_is_an_error(host) -> None:
    with pytest.raises(ApiError, match="role has another name"):
        fetch(host, "other")


@pytest.mark.parametrize("name", ["../../user-data", "a b", "a?b", "a/b", "a\r\nb", "é", ".."])
def test_an_invalid_name_is_not_requested(host, name) -> None:
    with pytest.raises(ApiError, match="invalid role name"):
        fetch(host, name)
    assert host.journal() == []


def test_an_invalid_name_in_the_listing_is_not_requested(emulator) -> None:
    host = emulator.add_instance(role=None, metadata={"ram/security-credentials/a b?c": "x"})
    with pytest.raises(ApiError, match="invalid role name"):
        fetch(host)


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        "{",
        json.dumps({"Code": "Success"}),
        json.dumps(
            {
                "Code": "Failed", "AccessKeyId": "STS.x", "AccessKeySecret": "hidden-secret", "SecurityToken": "t",
                "Expiration": "2100-01-01T00:00:00Z",
            }
        ),
        json.dumps({"Code": "Success", "AccessKeyId": "STS.x", "AccessKeySecret": "hidden-secret", "SecurityToken": ""}),
        json.dumps(
            {
                "Code": "Success", "AccessKeyId": "STS.x", "AccessKeySecret": "hidden-secret", "SecurityToken": "t",
                "Expiration": "later",
            }
        ),
        json.dumps(
            {
                "Code": "Success", "AccessKeyId": "STS.x", "AccessKeySecret": "hidden-secret", "SecurityToken": "t\r\nX: y",
                "Expiration": "2100-01-01T00:00:00Z",
            }
        ),
    ],
)  # fmt: skip
def test_an_invalid_document_is_an_error_without_secrets(host, document) -> None:
    host.set(metadata={"ram/security-credentials/web": document})
    with pytest.raises(ApiError) as caught:
        fetch(host, "web")
    assert caught.value.kind == "credentials"
    assert "web" in str(caught.value)
    assert "hidden-secret" not in str(caught.value)


def test_an_unreachable_service_is_an_error_with_alternatives(free_port) -> None:
    class Nothing:
        endpoint = "http://127.0.0.1:%d" % free_port

    with pytest.raises(ApiError, match="no answer") as caught:
        fetch(Nothing, retries=0)
    assert "access_key_id" in caught.value.hint


def test_a_refused_token_is_an_error(host) -> None:
    """Normal mode is not used, although the service permits it here."""
    host.set(http_tokens="optional")
    host.fault(kind="status", on="token", status=403)
    with pytest.raises(ApiError):
        fetch(host)
    assert modes(host) == {"token_request"}
