# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signed identity documents as the service creates them, and wrong ones, for tests."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from imds_emulator import identity, test_key

DOCUMENT = {
    "zone-id": "cn-hangzhou-i",
    "serial-number": "s-1",
    "instance-id": "i-web1",
    "region-id": "cn-hangzhou",
    "private-ipv4": "10.0.0.1",
    "owner-account-id": "1",
    "mac": "00:16:3e:00:00:01",
    "image-id": "m-1",
    "instance-type": "ecs.g7.large",
}


def text(**changed: str) -> str:
    """Return the document as JSON; *changed* has the members with underscores."""
    members = {**DOCUMENT, **{name.replace("_", "-"): value for name, value in changed.items()}}
    return json.dumps(members, separators=(",", ":"))


def signed(content: str) -> str:
    """Return *content* signed with the emulator's key, in Base64."""
    return base64.b64encode(identity.signed_data(content.encode())).decode()


def document(audience: str = "audience", **changed: str) -> str:
    """Return a signed document for *audience*."""
    return identity.pkcs7(text(**changed), audience)


@pytest.fixture
def certificate(tmp_path: Path) -> str:
    """Return the path of the emulator's certificate."""
    path = tmp_path / "emulator.pem"
    path.write_text(test_key.CERTIFICATE)
    return str(path)
