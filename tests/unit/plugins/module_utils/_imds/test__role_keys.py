# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of the RAM role: valid fields only, and no secret in any representation or message."""

from __future__ import annotations

import json

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _role_keys
from ansible_collections.alicloud.imds.plugins.module_utils._imds._role_keys import KeysError, RoleKeys

SECRET, TOKEN = "SecretOfThisTest", "TokenOfThisTest"
VALID = {
    "Code": "Success",
    "AccessKeyId": "STS.Key",
    "AccessKeySecret": SECRET,
    "SecurityToken": TOKEN,
    "Expiration": "2026-01-01T00:00:00Z",
}


class Service:
    """A client whose role has this document."""

    def __init__(self, document: bytes) -> None:
        self._document = document

    def get(self, target: str) -> bytes:
        return self._document if target.endswith("/web") else b"web"


def read(document: object) -> RoleKeys:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return _role_keys.read(Service(content))  # type: ignore[arg-type]


def test_the_environment_has_the_names_of_the_sdks_and_of_older_tools() -> None:
    keys = read(VALID)
    assert keys.environment() == {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "STS.Key",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": SECRET,
        "ALIBABA_CLOUD_SECURITY_TOKEN": TOKEN,
        "ALICLOUD_ACCESS_KEY": "STS.Key",
        "ALICLOUD_SECRET_KEY": SECRET,
        "ALICLOUD_SECURITY_TOKEN": TOKEN,
    }
    assert SECRET not in repr(keys) and TOKEN not in repr(keys) and SECRET not in str([keys])


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 100000,
        {**VALID, "Code": "Failed"},
        {**VALID, "SecurityToken": ""},
        {**VALID, "AccessKeySecret": SECRET + "\n"},
        {**VALID, "AccessKeySecret": SECRET + "\0"},
        {**VALID, "AccessKeyId": [SECRET]},
        {**VALID, "Expiration": SECRET},
    ],
)
def test_an_invalid_document_is_an_error_without_its_values(document: object) -> None:
    with pytest.raises(KeysError) as caught:
        read(document)
    assert SECRET not in str(caught.value) and TOKEN not in str(caught.value)


@pytest.mark.parametrize("text", ["", "2026-01-01", "soon", "2026-01-01T00:00:00+08:00"])
def test_an_expiration_that_is_not_utc_is_an_error(text) -> None:
    assert _role_keys.parse_expiration("1970-01-02T00:00:00Z") == 86400
    with pytest.raises(ValueError):
        _role_keys.parse_expiration(text)
