# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client with the control plane of the emulator, which verifies signatures and permissions."""

from __future__ import annotations

import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor

import lab
import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._openapi import _ecs, _options, _transport
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._credentials import Credentials, static
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError

pytestmark = pytest.mark.slow


REGION, ACCOUNT = "cn-hangzhou", "1234567890123456"
KEY, SECRET = "LTAI5tFullAccessOfTheTest", "SecretOfTheFullAccessKey"
READER, NOBODY = "LTAI5tReaderOfTheTest", "LTAI5tNobodyOfTheTest"
ARN = "acs:ram::%s:role/fleet" % ACCOUNT


@pytest.fixture(scope="module")
def cloud():
    instances = [
        {"instance_id": "i-web%04d" % n, "instance_name": "web-%d" % n, "region_id": REGION, "owner_account_id": ACCOUNT,
         "listen": "127.0.0.1:0" if n == 0 else None, "tags": {"team": "größe/*~"} if n % 2 else {},
         "http_tokens": "required" if n == 0 else "optional", "image_imds_support": "v2",
         "role": {"name": "web", "actions": ["ecs:Modify*"]}}
        for n in range(120)
    ]  # fmt: skip
    keys = {
        KEY: {"secret": SECRET, "account": ACCOUNT, "user": "ann"},
        READER: {"secret": SECRET, "account": ACCOUNT, "actions": ["ecs:Describe*"]},
        NOBODY: {"secret": SECRET, "account": ACCOUNT, "actions": []},
    }
    control = {"access_keys": keys, "account_id": ACCOUNT, "roles": {"fleet": {"actions": ["ecs:*"]}}}
    config = {"instances": [{k: v for k, v in row.items() if v is not None} for row in instances], "control": control}
    with lab.start_emulator(config, control=True) as process:
        yield process


@pytest.fixture
def make(cloud):
    made = []

    def make(key: str | None = KEY, environ=None, connections=8, **given):
        values = {name: option.get("default") for name, option in _options.argument_spec().items()}
        values.update(access_key_id=key, access_key_secret=SECRET if key else None, api_endpoint=cloud.control_endpoint)
        values.update({"sts_endpoint": cloud.control_endpoint, "api_deadline": 600.0, **given})
        made.append(_options.make_api(values.__getitem__, connections, environ or {}))
        return made[-1]

    yield make
    for api in made:
        api.close()
    cloud.admin("PATCH", "/control", {"faults": [], "throttle": None})


def test_two_pages_of_instances_with_their_options(make, cloud) -> None:
    cloud.admin("DELETE", "/calls")
    rows = list(make().instances(REGION))
    assert [row["InstanceId"] for row in rows] == ["i-web%04d" % n for n in range(120)]
    assert {row["MetadataOptions"]["HttpTokens"] for row in rows} <= {"optional", "required", ""}
    assert rows[0]["MetadataOptions"]["HttpTokens"] == "required"
    assert [(call["action"], call["version"], call["status"]) for call in cloud.calls()] == [
        ("DescribeInstances", "v3", 200)
    ] * 2


def test_each_filter_selects_instances(make) -> None:
    api = make()
    assert len(list(api.instances(REGION, tags={"team": "größe/*~"}))) == 60
    assert len(list(api.instances(REGION, tags={"team": None}))) == 60
    assert [row["InstanceName"] for row in api.instances(REGION, name="web-11*")] == ["web-11"] + [
        "web-%d" % n for n in range(110, 120)
    ]
    named = ["i-web%04d" % n for n in range(115)] + ["i-missing"]
    assert [row["InstanceId"] for row in api.instances(REGION, instance_ids=named)] == named[:-1]
    assert list(api.instances(REGION, vpc_id="vpc-none")) == []
    assert REGION in api.describe_regions()


def test_the_image_declares_its_support(make) -> None:
    api = make()
    image = next(api.instances(REGION))["ImageId"]
    assert api.images(REGION, [image, "m-none"]) == {image: {"ImdsSupport": "v2"}}


@pytest.mark.parametrize(("key", "allowed"), [(KEY, True), (READER, True), (NOBODY, False)])
def test_a_missing_permission_differs_from_an_empty_list(make, key, allowed) -> None:
    assert make(key).is_permitted(REGION, "DescribeInstances") is allowed
    assert bool(list(make(key).instances(REGION))) is allowed


@pytest.mark.parametrize(("key", "refused"), [(KEY, False), (READER, True), (NOBODY, True)])
def test_the_permission_to_change_is_tested_without_a_change(make, key, refused) -> None:
    (before,) = make().instances(REGION, instance_ids=["i-web0001"])
    reason = make(key).refusal(REGION, "i-web0001")
    assert ("Forbidden.RAM" in reason and "ecs:ModifyInstanceMetadataOptions" in reason) if refused else reason is None
    assert list(make().instances(REGION, instance_ids=["i-web0001"])) == [before]


@pytest.mark.parametrize(
    ("given", "region", "instance", "code", "hint"),
    [
        ({"key": READER}, REGION, "i-web0001", "Forbidden.RAM", "ecs:ModifyInstanceMetadataOptions"),
        ({"key": "LTAI5tUnknown"}, REGION, "i-web0001", "InvalidAccessKeyId.NotFound", "does not exist"),
        ({"access_key_secret": "wrong-secret"}, REGION, "i-web0001", "SignatureDoesNotMatch", "secret does not belong"),
        ({}, REGION, "i-none", "InvalidInstanceId.NotFound", "instance does not exist"),
        ({}, "xx-nowhere-1", "i-web0001", "InvalidRegionId.NotFound", "region does not exist"),
    ],
)
def test_a_refused_change_has_code_hint_and_request_id(make, given, region, instance, code, hint) -> None:
    with pytest.raises(ApiError) as caught:
        make(**given).modify_metadata_options(region, instance, "enabled", "required")
    assert caught.value.code == code
    assert hint in caught.value.hint
    assert caught.value.request_id and caught.value.request_id in str(caught.value)


def test_the_error_has_the_difference_of_the_clocks(cloud) -> None:
    keys = static(Credentials(KEY, SECRET), "the test")
    late = _transport.Transport(_transport.Settings(), keys, clock=lambda: time.time() - 3600)
    with pytest.raises(ApiError, match="(3599|3600|3601) s behind") as caught:
        _ecs.Ecs(late, cloud.control_endpoint).describe_regions()
    assert caught.value.code == "InvalidTimeStamp.Expired"
    late.close()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "error", "code": "Throttling.User"},
        {"kind": "error", "code": "ServiceUnavailable"},
        {"kind": "error", "code": "OperationConflict", "after": True},
        {"kind": "html", "status": 502},
        {"kind": "cut"},
        {"kind": "reset"},
    ],
    ids=lambda fault: fault.get("code", fault["kind"]),
)
def test_transient_faults_are_retried(make, cloud, fault) -> None:
    cloud.admin("PATCH", "/control", {"faults": [dict(fault, times=2)]})
    cloud.admin("DELETE", "/calls")
    assert make().modify_metadata_options(REGION, "i-web0005", "enabled", "required")
    assert len(cloud.calls()) == 3


@pytest.mark.parametrize("fault", [{"kind": "html", "status": 200}, {"kind": "truncated"}, {"kind": "repeat_token"}])
def test_an_invalid_page_is_an_error(make, cloud, monkeypatch, fault) -> None:
    monkeypatch.setattr(_ecs, "PAGE", 50)  # three pages, so that one is between the first and the last
    cloud.admin("PATCH", "/control", {"faults": [dict(fault, action="DescribeInstances", times=None)]})
    with pytest.raises(ApiError) as caught:
        list(make().instances(REGION))
    assert caught.value.kind == "unexpected"


def normal_mode_status(endpoint: str) -> int:
    """Return the status of a normal-mode request from inside the guest."""
    connection = http.client.HTTPConnection(endpoint[len("http://") :], timeout=60)
    connection.request("GET", "/latest/meta-data/instance-id")
    status = connection.getresponse().status
    connection.close()
    return status


def test_an_instance_changes_its_own_options_with_its_role(make, cloud) -> None:
    """The instance requires tokens, so the client reads the keys of the role with a token."""
    endpoint = cloud.endpoint("i-web0000")
    assert normal_mode_status(endpoint) == 403
    before = len(cloud.journal("i-web0000"))
    api = make(key=None, endpoint=endpoint)
    assert api.modify_metadata_options(REGION, "i-web0000", "enabled", "optional")
    assert normal_mode_status(endpoint) == 200
    api.modify_metadata_options(REGION, "i-web0000", "enabled", "required")
    assert normal_mode_status(endpoint) == 403
    ours = [entry["mode"] for entry in cloud.journal("i-web0000")[before:] if "instance-id" not in entry["path"]]
    assert [mode for mode in ours if mode != "api"] == ["token_request", "token_authenticated", "token_authenticated"]


def test_a_profile_assumes_a_role(make, cloud, tmp_path) -> None:
    path = tmp_path / "config.json"
    profile = {
        "name": "p",
        "mode": "RamRoleArn",
        "access_key_id": KEY,
        "access_key_secret": SECRET,
        "ram_role_arn": ARN,
    }
    path.write_text(json.dumps({"current": "p", "profiles": [profile]}))
    path.chmod(0o600)
    cloud.admin("DELETE", "/calls")
    assert list(make(key=None, config_file=str(path)).instances(REGION, instance_ids=["i-web0000"]))
    assert [(call["action"], call["status"]) for call in cloud.calls()] == [
        ("AssumeRole", 200),
        ("DescribeInstances", 200),
    ]
    path.write_text(json.dumps({"current": "p", "profiles": [dict(profile, ram_role_arn=ARN + "less")]}))
    with pytest.raises(ApiError, match="profile 'p' of .*EntityNotExist.Role|profile 'p' of .*NoPermission"):
        list(make(key=None, config_file=str(path)).instances(REGION))


def test_throttled_calls_are_retried_until_all_are_accepted(make, cloud) -> None:
    """test__pacing.py and _fleet/test__apply_pace.py simulate the time and the number of throttled calls."""
    rate, calls = 50, 150
    cloud.admin("PATCH", "/control", {"throttle": {"per_second": rate}})
    cloud.admin("DELETE", "/calls")
    api = make(connections=16)
    with ThreadPoolExecutor(16) as pool:
        list(
            pool.map(
                lambda n: api.modify_metadata_options(REGION, "i-web%04d" % (n % 119 + 1), "enabled", "required"),
                range(calls),
            )
        )
    statuses = [call["status"] for call in cloud.calls()]
    assert statuses.count(200) == calls
