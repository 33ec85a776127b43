# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API made from options: defaults, ranges, and no_log."""

from __future__ import annotations

import json

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._openapi import _options
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError

from .conftest import KEY, SECRET, TOKEN
from .scripted import Server, reply

REGIONS = reply({"Regions": {"Region": [{"RegionId": "cn-hangzhou"}]}}, action="DescribeRegions")


def make(environ=None, connections=8, **given):
    values = {name: option.get("default") for name, option in _options.argument_spec().items()}
    assert set(given) <= set(values)
    values.update(given)
    return _options.make_api(values.__getitem__, connections, environ or {})


def test_the_options_are_used_for_calls() -> None:
    with Server([REGIONS]) as server:
        api = make(api_endpoint=server.url + "/", access_key_id=KEY, access_key_secret=SECRET, security_token=TOKEN)
        assert api.describe_regions() == ["cn-hangzhou"]
        api.close()
    assert server.requests[0].headers["x-acs-accesskey-id"] == KEY
    assert api.warnings == []


def test_the_region_is_part_of_the_host() -> None:
    api = make(access_key_id=KEY, access_key_secret=SECRET)
    assert api._service.url("cn-beijing") == "https://ecs.cn-beijing.aliyuncs.com"
    assert (
        make(
            access_key_id=KEY, access_key_secret=SECRET, api_endpoint="https://ecs-vpc.{region}.aliyuncs.com"
        )._service.url("eu-central-1")
        == "https://ecs-vpc.eu-central-1.aliyuncs.com"
    )


def test_warnings_are_kept_for_the_user(tmp_path) -> None:
    path = tmp_path / "config.json"
    keys = {"name": "a", "mode": "AK", "access_key_id": KEY, "access_key_secret": SECRET}
    path.write_text(json.dumps({"current": "a", "profiles": [keys]}))
    path.chmod(0o644)
    [warning] = make(config_file=str(path)).warnings
    assert str(path) in warning


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"api_timeout": 0.0}, "api_timeout"),
        ({"api_deadline": -1.0}, "api_deadline"),
        ({"api_retries": -1}, "api_retries"),
        ({"api_endpoint": "http://ecs.aliyuncs.com"}, "api_endpoint"),
        ({"sts_endpoint": "sts.aliyuncs.com"}, "sts_endpoint"),
        ({"endpoint": "https://100.100.100.200"}, "http://"),
    ],
)
def test_an_invalid_option_is_named(given, named) -> None:
    with pytest.raises(ValueError, match=named):
        make(**given)


def test_an_incomplete_pair_is_reported_before_any_call() -> None:
    with pytest.raises(ApiError, match="access_key_secret is missing"):
        make(access_key_id=KEY)


def test_secrets_have_no_log() -> None:
    spec = _options.argument_spec(more={"type": "str"}, access_key_id={"required": True})
    assert spec["access_key_secret"]["no_log"] is spec["security_token"]["no_log"] is True
    assert spec["more"] == {"type": "str"}
    assert spec["access_key_id"] == {"type": "str", "no_log": False, "required": True}
    assert spec["endpoint"] == {"type": "str"}  # both addresses of the service


def test_the_role_of_the_instance_is_read_with_a_token(emulator) -> None:
    host = emulator.add_instance(http_tokens="required", role={"name": "web"})
    with Server([REGIONS]) as server:
        api = make(api_endpoint=server.url, endpoint=host.endpoint)
        assert host.journal() == []  # read with the first call
        api.describe_regions()
    assert server.requests[0].headers["x-acs-accesskey-id"].startswith("STS.")
    assert {entry["mode"] for entry in host.journal()} == {"token_request", "token_authenticated"}
    with pytest.raises(ApiError, match="ALIBABA_CLOUD_ECS_METADATA_DISABLED"):
        make({"ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true"}, endpoint=host.endpoint)
