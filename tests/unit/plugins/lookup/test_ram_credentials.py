# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of the role from the emulator, under each name."""

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleError
from ansible.plugins.loader import lookup_loader
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _options


@pytest.fixture
def lookup(instance, monkeypatch):
    monkeypatch.setattr(_options, "_shared", {})

    def run(*terms, **options):
        options.setdefault("endpoint", instance.endpoint)
        return lookup_loader.get("alicloud.imds.ram_credentials").run(list(terms), {}, **options)

    return run


def test_the_keys_have_each_name(lookup, instance) -> None:
    instance.set(role={"name": "EcsWebRole"})
    (keys,) = lookup()
    metadata = lookup_loader.get("alicloud.imds.metadata")
    document = metadata.run(["ram/security-credentials/EcsWebRole"], {}, endpoint=instance.endpoint)[0]
    served = json.loads(document)
    assert keys["access_key"] == served["AccessKeyId"] == keys["alicloud_access_key"]
    assert keys["access_key_secret"] == served["AccessKeySecret"] == keys["alicloud_secret_key"]
    assert keys["security_token"] == served["SecurityToken"] == keys["alicloud_security_token"]
    assert keys["expiration"] == served["Expiration"]
    assert (
        "environment" not in keys
    )  # it would invite to the keyword of the same name, which writes it into a command line
    assert lookup("EcsWebRole") == [keys]
    assert {entry["mode"] for entry in instance.journal()} == {"token_request", "token_authenticated"}


def test_a_missing_role_and_an_invalid_name_are_errors(lookup, instance) -> None:
    instance.set(role=None)
    with pytest.raises(AnsibleError, match="No RAM role is bound"):
        lookup()
    instance.set(role={"name": "EcsWebRole"})
    with pytest.raises(AnsibleError, match="or the role has another name"):
        lookup("Other")
    with pytest.raises(AnsibleError, match="invalid role name"):
        lookup("../x")


def test_the_code_of_a_failed_document_is_in_the_error(lookup, instance) -> None:
    instance.set(role={"name": "EcsWebRole", "code": "Failed"})
    with pytest.raises(AnsibleError, match="returned no credentials for the RAM role 'EcsWebRole': Failed"):
        lookup()


def test_an_unknown_option_is_an_error(lookup) -> None:
    with pytest.raises(AnsibleError, match=r"ram_credentials has no option 'endpoit'\. Did you mean 'endpoint'\?"):
        lookup(endpoit="http://127.0.0.1:1")
