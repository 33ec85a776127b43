# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Profiles of the aliyun CLI: each mode, and the error for each mistake in the file."""

from __future__ import annotations

import json

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._openapi import _assume_role as assume
from ansible_collections.alicloud.imds.plugins.module_utils._openapi import _credential_chain, _credentials, _profile
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._transport import Settings

from .conftest import KEY, SECRET, TOKEN
from .scripted import Server, failure, reply

ARN = "acs:ram::1234567890123456:role/fleet"


@pytest.fixture
def write(tmp_path):
    def write(*profiles: dict, text: str | None = None, current: str | None = "default") -> str:
        path = tmp_path / "config.json"
        path.write_text(json.dumps({"current": current, "profiles": profiles}) if text is None else text)
        path.chmod(0o600)
        return str(path)

    return write


def find(path: str, sts: str = "https://sts.aliyuncs.com", name: str | None = None) -> _credential_chain.Resolved:
    def role(role_name):
        return _credentials.Credentials("id-of-role-%s" % role_name, SECRET, TOKEN)

    assume_role = assume.AssumeRole(Settings(timeout=60.0, deadline=300.0, retries=1), sts)
    return _credential_chain.resolve(
        _credential_chain.Sources({"config_file": path, "profile": name}, {}, role, assume_role)
    )


def profile(mode: str, **fields) -> dict:
    return {"name": "default", "mode": mode, "access_key_id": KEY, "access_key_secret": SECRET, **fields}


def test_a_profile_with_an_access_key(write) -> None:
    credentials = find(write(profile("AK", sts_token="left over"))).provider.current()
    assert (credentials.access_key_id, credentials.access_key_secret) == (KEY, SECRET)
    assert credentials.security_token is None


def test_a_profile_with_temporary_keys(write) -> None:
    assert find(write(profile("StsToken", sts_token=TOKEN))).provider.current().security_token == TOKEN


def test_a_profile_with_the_role_of_the_instance(write) -> None:
    given = {"name": "default", "mode": "EcsRamRole", "ram_role_name": "web"}
    assert find(write(given)).provider.current().access_key_id == "id-of-role-web"
    assert find(write(dict(given, ram_role_name=""))).provider.current().access_key_id == "id-of-role-None"


ASSUMED = reply(
    {
        "RequestId": "R",
        "Credentials": {
            "AccessKeyId": "STS.assumed",
            "AccessKeySecret": "secret-of-the-assumed-role",
            "SecurityToken": "token-of-the-assumed-role",
            "Expiration": "2100-01-01T00:00:00Z",
        },
    },
    action="AssumeRole",
)


def test_a_role_is_assumed_with_the_keys_of_the_profile(write) -> None:
    fields = {
        "ram_role_arn": ARN,
        "ram_session_name": "me",
        "expired_seconds": 1800,
        "external_id": "x",
        "policy": "{}",
    }
    path = write(profile("RamRoleArn", sts_token=TOKEN, **fields))
    with Server([ASSUMED]) as server:
        provider = find(path, server.url).provider
        assert server.requests == []  # the call waits until credentials are needed
        credentials = provider.current()
        provider.current()
    assert credentials.access_key_id == "STS.assumed"
    assert credentials.security_token == "token-of-the-assumed-role"
    assert credentials.expires_at == 4102444800.0
    [seen] = server.requests
    assert seen.headers["x-acs-version"] == "2015-04-01"
    assert seen.headers["x-acs-security-token"] == TOKEN
    assert "Credential=%s," % KEY in seen.headers["authorization"]
    assert seen.parameters == {
        "RoleArn": ARN, "RoleSessionName": "me", "DurationSeconds": "1800", "ExternalId": "x", "Policy": "{}"
    }  # fmt: skip


def test_an_assumed_role_has_defaults(write) -> None:
    with Server([ASSUMED]) as server:
        find(write(profile("RamRoleArn", ram_role_arn=ARN)), server.url).provider.current()
    assert server.requests[0].parameters == {
        "RoleArn": ARN, "RoleSessionName": "alicloud-imds", "DurationSeconds": "3600"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "region", "used"),
    [
        ("https://sts.aliyuncs.com", None, "https://sts.aliyuncs.com"),
        ("https://sts.aliyuncs.com", "cn-beijing", "https://sts.cn-beijing.aliyuncs.com"),
        ("https://sts-vpc.cn-hangzhou.aliyuncs.com", "cn-beijing", "https://sts-vpc.cn-hangzhou.aliyuncs.com"),
    ],
)
def test_the_region_of_a_profile_changes_the_default_endpoint_only(given, region, used) -> None:
    role = assume.Role(ARN, sts_region=region)
    assert assume.AssumeRole(Settings(), given).service(role).endpoint == used


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (failure("NoPermission", 403), "sts:AssumeRole"),
        (failure("EntityNotExist.Role", 404), "EntityNotExist.Role"),
        (reply({"RequestId": "R"}), "returned no credentials"),
        (reply({"Credentials": {"AccessKeyId": "x"}}), "a field is missing"),
        (
            reply({"Credentials": dict(json.loads(ASSUMED.body)["Credentials"], Expiration="soon")}),
            "an invalid expiration time",
        ),
        (reply(b"<html>login</html>"), "HTML"),
    ],
)
def test_a_failed_assume_role_names_the_profile(write, answer, said) -> None:
    path = write(profile("RamRoleArn", ram_role_arn=ARN))
    with Server([answer]) as server:
        with pytest.raises(ApiError) as caught:
            find(path, server.url).provider.current()
    assert said in str(caught.value)
    assert "profile 'default' of %s" % path in str(caught.value)
    assert caught.value.kind == "credentials"
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (profile("AK", access_key_secret=""), "access_key_secret"),
        ({"name": "default", "mode": "AK", "access_key_id": KEY}, "access_key_secret"),
        (profile("StsToken"), "sts_token"),
        (profile("RamRoleArn"), "ram_role_arn"),
        (profile("RamRoleArn", ram_role_arn=ARN, access_key_id=None), "access_key_id"),
        (profile("RamRoleArn", ram_role_arn=ARN, expired_seconds="x"), "expired_seconds"),
        (profile("CloudSSO"), "CloudSSO"),
        (profile(""), "mode"),
        ({"name": "default"}, "mode"),
        (profile("AK", access_key_id=5), "access_key_id"),
        ({"name": "default", "mode": "EcsRamRole", "ram_role_name": 5}, "ram_role_name"),
    ],
)
def test_an_invalid_profile_is_named_with_its_file(write, given, said) -> None:
    path = write(given)
    with pytest.raises(ApiError) as caught:
        find(path)
    assert caught.value.kind == "credentials"
    for part in ("profile 'default' of %s" % path, said):
        assert part in str(caught.value)
    assert SECRET not in str(caught.value)


def test_the_error_for_an_unknown_mode_lists_the_supported_ones(write) -> None:
    with pytest.raises(ApiError, match="AK, StsToken, RamRoleArn, EcsRamRole"):
        find(write(profile("OAuth")))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"profiles": {}}', '{"profiles": [1]}', '{"current": 3, "profiles": []}', "\x00"]
)
def test_an_invalid_file_is_named_with_the_profile(write, text) -> None:
    path = write(text=text)
    with pytest.raises(ApiError) as caught:
        find(path, name="default")
    assert path in str(caught.value) and "'default'" in str(caught.value)
    with pytest.raises(ApiError) as caught:
        find(path)
    assert path in str(caught.value)


def test_a_file_that_does_not_exist_can_be_created(tmp_path) -> None:
    with pytest.raises(
        ApiError, match=r"config.json \(to look up the profile 'prod'\): No such file .*'aliyun configure'"
    ):
        find(str(tmp_path / "config.json"), name="prod")


def test_a_file_that_is_not_utf8_is_invalid(write, tmp_path) -> None:
    path = write(text="")
    (tmp_path / "config.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(ApiError, match="config.json"):
        find(path)


def test_a_profile_without_keys_is_skipped_unless_it_is_named(write) -> None:
    """The aliyun CLI creates such a profile when a user only views the configuration."""
    empty = {"name": "default", "mode": "AK", "access_key_id": "", "access_key_secret": ""}
    assert find(write(empty)).provider.current().access_key_id == "id-of-role-None"
    assert find(write(current="")).provider.current().access_key_id == "id-of-role-None"
    with pytest.raises(ApiError, match="access_key_id"):
        find(write(empty), name="default")


def test_a_missing_current_profile_is_an_error(write) -> None:
    with pytest.raises(ApiError, match="Cannot find the profile 'work'"):
        find(write(profile("AK"), current="work"))


def test_the_supported_modes() -> None:
    assert _profile.MODES == ("AK", "StsToken", "RamRoleArn", "EcsRamRole")
