# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of the sources of credentials; keys of different sources are never combined."""

from __future__ import annotations

import json

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._openapi import _credential_chain
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._credentials import Credentials
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError

from .conftest import SECRET, TOKEN


class World:
    """The sources of credentials: options, environment, a file with a profile, the role of an instance."""

    def __init__(self, tmp_path) -> None:
        self.options, self.environ = {}, {}
        self.file = tmp_path / "config.json"
        self.options["config_file"] = str(self.file)
        self.role_error: ApiError | None = None
        self.role_keys = None

    def profile(self, name: str = "default", current: str = "default", **fields) -> None:
        profile = {"name": name, "mode": "AK", "access_key_id": "id-of-" + name, "access_key_secret": SECRET, **fields}
        self.file.write_text(json.dumps({"current": current, "profiles": [profile]}))
        self.file.chmod(0o600)

    def find(self) -> _credential_chain.Resolved:
        def role(name):
            if self.role_error is not None:
                raise self.role_error
            if self.role_keys is not None:
                return self.role_keys()
            return Credentials("id-of-role-%s" % name, SECRET, TOKEN)

        return _credential_chain.resolve(_credential_chain.Sources(self.options, self.environ, role, None))

    def key(self) -> tuple[str, str]:
        found = self.find()
        return found.provider.current().access_key_id, found.provider.source

    def error(self) -> str:
        with pytest.raises(ApiError) as caught:
            self.find().provider.current()
        assert caught.value.kind == "credentials"
        assert SECRET not in str(caught.value)
        return str(caught.value)


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path)


def test_the_order_of_the_sources(world) -> None:
    """From last to first: each added source takes precedence over the earlier ones."""
    assert world.key() == ("id-of-role-None", "the RAM role of this instance")
    world.environ["ALIBABA_CLOUD_ECS_METADATA"] = "web"
    assert world.key()[0] == "id-of-role-web"
    world.profile()
    assert world.key() == ("id-of-default", "the profile 'default' of %s" % world.file)
    world.environ.update(ALICLOUD_ACCESS_KEY="id-older", ALICLOUD_SECRET_KEY=SECRET)
    assert world.key() == ("id-older", "the environment (ALICLOUD_ACCESS_KEY)")
    world.environ.update(ALIBABA_CLOUD_ACCESS_KEY_ID="id-env", ALIBABA_CLOUD_ACCESS_KEY_SECRET=SECRET)
    assert world.key() == ("id-env", "the environment (ALIBABA_CLOUD_ACCESS_KEY_ID)")
    world.options.update(access_key_id="id-option", access_key_secret=SECRET)
    assert world.key() == ("id-option", "the options")


def test_the_profile_named_by_the_environment(world) -> None:
    world.profile("other")
    world.environ["ALIBABA_CLOUD_PROFILE"] = "other"
    assert world.key()[0] == "id-of-other"
    world.environ["ALIBABA_CLOUD_PROFILE"] = "missing"
    assert "Cannot find the profile 'missing'" in world.error()


def test_options_of_the_task_precede_the_environment(world) -> None:
    world.environ.update(ALIBABA_CLOUD_ACCESS_KEY_ID="id-env", ALIBABA_CLOUD_ACCESS_KEY_SECRET=SECRET)
    world.profile("other")
    world.options["profile"] = "other"
    assert world.key()[0] == "id-of-other"
    world.options["profile"] = None
    world.options["ram_role"] = "web"
    assert world.key()[0] == "id-of-role-web"


def test_a_security_token_belongs_to_its_pair(world) -> None:
    world.environ["ALIBABA_CLOUD_SECURITY_TOKEN"] = "token-of-the-environment"
    world.options.update(access_key_id="id-option", access_key_secret=SECRET)
    assert world.find().provider.current().security_token is None
    world.options["security_token"] = TOKEN
    assert world.find().provider.current().security_token == TOKEN


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({"ALIBABA_CLOUD_ACCESS_KEY_ID": "id"}, "ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
        ({"ALIBABA_CLOUD_ACCESS_KEY_SECRET": SECRET}, "ALIBABA_CLOUD_ACCESS_KEY_ID"),
        (
            {"ALIBABA_CLOUD_ACCESS_KEY_ID": "id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ""},
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        ),
        ({"ALICLOUD_ACCESS_KEY": "id"}, "ALICLOUD_SECRET_KEY"),
        ({"ALICLOUD_SECRET_KEY": SECRET}, "ALICLOUD_ACCESS_KEY"),
        ({"ALIBABA_CLOUD_SECURITY_TOKEN": TOKEN}, "ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
    ],
)
def test_an_incomplete_pair_in_the_environment_is_an_error(world, environ, missing) -> None:
    world.environ.update(environ)
    world.profile()
    assert "%s is missing" % missing in world.error().replace(" are ", " is ")


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        ({"access_key_id": "id"}, "access_key_secret is missing"),
        ({"access_key_secret": SECRET}, "access_key_id is missing"),
        ({"security_token": TOKEN}, "access_key_id and access_key_secret are missing"),
    ],
)
def test_an_incomplete_pair_of_options_is_an_error(world, options, missing) -> None:
    world.options.update(options)
    world.environ.update(ALIBABA_CLOUD_ACCESS_KEY_ID="id-env", ALIBABA_CLOUD_ACCESS_KEY_SECRET=SECRET)
    assert missing in world.error()


def test_an_empty_value_counts_as_missing(world) -> None:
    world.options.update(access_key_id="", access_key_secret="", profile="", ram_role="")
    world.environ.update(ALIBABA_CLOUD_ACCESS_KEY_ID="", ALIBABA_CLOUD_PROFILE="", ALIBABA_CLOUD_ECS_METADATA="")
    assert world.key()[0] == "id-of-role-None"


@pytest.mark.parametrize("value", ["id with space", "id\nX-Evil: 1", "ключ"])
def test_keys_with_invalid_characters_are_refused(world, value) -> None:
    world.options.update(access_key_id=value, access_key_secret=SECRET)
    assert "access_key_id" in world.error()


def test_the_role_can_be_disabled(world) -> None:
    world.environ["ALIBABA_CLOUD_ECS_METADATA_DISABLED"] = "true"
    error = world.error()
    assert "no credentials" in error.lower()
    assert "ALIBABA_CLOUD_ECS_METADATA_DISABLED" in error
    for way in ("access_key_id", "ALIBABA_CLOUD_ACCESS_KEY_ID", str(world.file)):
        assert way in error


def test_a_file_that_others_can_read_causes_a_warning(world) -> None:
    world.profile()
    assert world.find().warnings == []
    world.file.chmod(0o640)
    [warning] = world.find().warnings
    assert str(world.file) in warning and "0640" in warning and "chmod 600" in warning


def test_an_unused_file_is_not_read(world) -> None:
    world.file.write_text("{broken")
    world.options.update(access_key_id="id-option", access_key_secret=SECRET)
    assert world.find().warnings == []


def test_a_named_profile_needs_its_file(world) -> None:
    world.options["profile"] = "x"
    assert "Cannot read %s" % world.file in world.error()


def test_the_file_of_the_aliyun_cli_is_the_default(world, tmp_path) -> None:
    world.options["config_file"] = None
    folder = tmp_path / ".aliyun"
    folder.mkdir()
    world.file = folder / "config.json"
    world.profile()
    assert world.key()[0] == "id-of-default"


@pytest.mark.parametrize(
    ("profile", "shown"), [(None, "does not exist"), ({"access_key_id": ""}, "has no current profile with keys")]
)
def test_without_credentials_the_error_names_each_source_and_what_it_lacks(world, profile, shown) -> None:
    if profile is not None:
        world.profile(access_key_secret="", **profile)
    world.role_error = ApiError("credentials", "No token at %s", hint="Set a profile")
    error = world.error()
    parts = [
        "No credentials found. Looked in: 1. options (access_key_id, profile and ram_role are not set)",
        "2. environment (ALIBABA_CLOUD_ACCESS_KEY_ID, ALICLOUD_ACCESS_KEY, ALIBABA_CLOUD_PROFILE are not set)",
        "3. profile (%s %s)" % (world.file, shown),
        "4. the RAM role of this instance (No token at %s.)",
    ]
    assert error.startswith("; ".join(parts) + ". Set access_key_id and access_key_secret, or ")


def test_a_source_that_was_chosen_is_not_called_missing(world) -> None:
    world.role_error = ApiError("credentials", "No token")
    world.options["ram_role"] = "web"
    assert world.error() == "No token."


def test_rejected_keys_of_the_role_are_replaced(world) -> None:
    numbers = iter(range(5))
    world.role_keys = lambda: Credentials("id", SECRET, "token%d" % next(numbers), 4_000_000_000.0)
    provider = world.find().provider
    first = provider.current()
    fresh = provider.replace(first)
    assert fresh is not None and fresh.security_token == "token1"
