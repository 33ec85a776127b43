# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of calls, and settings of the control plane."""

from __future__ import annotations

import json
import subprocess
from typing import Any, Callable

import pytest

from ..client import LAUNCHER, Emulator, Instance, ask
from .caller import KEY, SECRET, Caller

pytestmark = pytest.mark.slow

Make = Callable[..., Any]


def calls(emulator: Emulator, after: int) -> Any:
    return emulator.admin("GET", "/calls?after=%d" % after)["entries"]


@pytest.fixture
def start(emulator: Emulator) -> int:
    return int(emulator.admin("GET", "/calls")["next"])


def test_entries(emulator: Emulator, caller: Caller, region: str, instance: Instance, start: int) -> None:
    caller.describe(region)
    caller.v1("DescribeInstances", {"RegionId": region})
    caller.modify(region, "i-unknown")
    Caller(caller.address, "LTAIwrong").v3("DescribeRegions")
    entries = calls(emulator, start)
    keys = ("n", "action", "region", "instance", "access_key", "status", "code", "version")
    modify, describe = "ModifyInstanceMetadataOptions", "DescribeInstances"
    assert [tuple(entry[key] for key in keys) for entry in entries] == [
        (start + 1, describe, region, None, "LTAI", 200, None, "v3"),
        (start + 2, describe, region, None, "LTAI", 200, None, "v1"),
        (start + 3, modify, region, "i-unknown", "LTAI", 404, "InvalidInstanceId.NotFound", "v3"),
        (start + 4, "DescribeRegions", None, None, "LTAI", 404, "InvalidAccessKeyId.NotFound", "v3"),
    ]
    assert emulator.admin("GET", "/calls?after=%d" % start)["next"] == start + 4
    shared = emulator.admin("GET", "/journal")["entries"][-4:]
    assert [(entry["mode"], entry["action"], entry["status"]) for entry in shared] == [
        ("api", entry["action"], entry["status"]) for entry in entries
    ]


def test_same_question_is_recognised(
    emulator: Emulator, caller: Caller, region: str, instance: Any, start: int
) -> None:
    caller.describe(region, MaxResults=10)
    caller.describe(region, MaxResults=20)
    caller.v1("DescribeInstances", {"MaxResults": 10, "RegionId": region})
    one, two, three = (entry["query"] for entry in calls(emulator, start))
    assert one == three != two


def test_totals(emulator: Emulator, caller: Caller, region: str, instance: Instance) -> None:
    emulator.admin("DELETE", "/calls")
    caller.describe(region)
    caller.describe(region)
    caller.describe("cn-atlantis")
    expected = {"DescribeInstances": {"ok": 2, "InvalidRegionId.NotFound": 1}}
    assert emulator.admin("GET", "/calls")["totals"] == expected


def test_no_secret_anywhere(emulator: Emulator, address: str, caller: Caller, region: str, instance: Instance) -> None:
    inside = json.loads(instance.get("/latest/meta-data/ram/security-credentials/NodeRole").text)
    role = Caller(address, inside["AccessKeyId"], inside["AccessKeySecret"], inside["SecurityToken"])
    for one in (caller, role, Caller(address, role.key, "wrong", role.token), Caller(address, role.key, role.secret)):
        one.describe(region)
        one.v1("DescribeInstances", {"RegionId": region})
        one.v1_form("DescribeInstances", {"RegionId": region})
    emulator.admin("PATCH", "/control", {"access_keys": {"LTAIother": {"secret": "s", "user": "ann"}}})
    user = Caller(address, "LTAIother", "s")
    session = user.v3("AssumeRole", {"RoleArn": "acs:ram::1609000000000000:role/NodeRole", "RoleSessionName": "abc"})
    made = session.data["Credentials"]
    kept = json.dumps(
        [emulator.admin("GET", path) for path in ("/calls", "/journal", "/control", "/instances", "/stats")]
    )
    kept += emulator.journal_file.read_text(encoding="utf-8")
    kept += emulator.stderr.read_text(encoding="utf-8")
    secrets = [SECRET, KEY[:5], role.secret, role.key[:5], role.token, made["AccessKeySecret"], made["SecurityToken"]]
    for secret in secrets:
        assert str(secret) not in kept
    assert "nonce-" not in kept and "Signature" not in kept.replace("SignatureDoesNotMatch", "")


def test_calls_need_not_be_of_this_world(emulator: Emulator, caller: Caller, start: int) -> None:
    caller.v3("X" * 5000, {"RegionId": "\x00\n" + "r" * 5000})
    entry = calls(emulator, start)[0]
    assert entry["action"] == "X" * 64 and entry["region"] == "??" + "r" * 62


def test_null_removes_a_field_of_an_access_key(
    emulator: Emulator, address: str, region: str, instance: Instance
) -> None:
    def change(**fields: Any) -> None:
        emulator.admin("PATCH", "/control", {"access_keys": {"LTAIother": fields}})

    change(secret="s", security_token="t")
    assert Caller(address, "LTAIother", "s").describe(region).code == "MissingSecurityToken"
    change(security_token=None)
    assert Caller(address, "LTAIother", "s").describe(region).code is None
    body = {"access_keys": {"LTAIother": {"secret": None}}}
    assert emulator.admin_status("PATCH", "/control", body)[0] == 400, "the secret is required"


def test_settings_are_shown_without_secrets(emulator: Emulator) -> None:
    shown = emulator.admin("GET", "/control")
    assert {"id": KEY[:4], "actions": ["*"]} in shown["access_keys"] or {"id": KEY[:4]} in shown["access_keys"]
    assert shown["tag_limit"] == 1000 and SECRET not in json.dumps(shown)


@pytest.mark.parametrize(
    "changes, named",
    [
        ({"nothing": 1}, "control.nothing"),
        ({"throttle": {"per_second": 0}}, "control.throttle"),
        ({"throttle": {}}, "control.throttle"),
        ({"delay_seconds": -1}, "control.delay_seconds"),
        ({"access_keys": {"LTAIx": {"actions": ["*"]}}}, "control.access_keys"),
        ({"access_keys": {"LTAIx": {"secret": "unseen", "action": []}}}, "control.access_keys"),
        ({"access_keys": ["unseen"]}, "control.access_keys"),
        ({"untouched_options": "unseen"}, "control.untouched_options"),
        ({"faults": [{"kind": "nova"}]}, "html"),
        ({"faults": [{"kind": "error"}]}, "code"),
        ({"faults": [{"kind": "html", "size": 1}]}, "size"),
        ({"faults": {"kind": "html"}}, "list"),
        ([], "object"),
    ],
)
def test_settings_that_are_refused(emulator: Emulator, changes: Any, named: str) -> None:
    before = emulator.admin("GET", "/control")
    status, answer = emulator.admin_status("PATCH", "/control", changes)
    assert status == 400 and named in answer["error"] and "unseen" not in answer["error"]
    assert emulator.admin("GET", "/control") == before


def test_bad_configuration_is_named(tmp_path: Any) -> None:
    config = {"instances": [{"instance_id": "i-1"}], "control": {"regions": "cn-hangzhou"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    command = [str(LAUNCHER), "check-config", str(tmp_path / "config.json")]
    done = subprocess.run(command, stderr=subprocess.PIPE, check=False, universal_newlines=True)
    assert done.returncode == 1 and done.stderr.startswith(
        "imds-emulator: %s:1: control.regions: " % (tmp_path / "config.json")
    )


def test_off_unless_asked_for(tmp_path: Any) -> None:
    running = Emulator(tmp_path, "--listen", "127.0.0.1:0", config={"instances": [{"instance_id": "i-1"}]})
    try:
        assert running.ready["control"] is None
    finally:
        assert running.stop() == 0


def test_address_that_is_taken(emulator: Emulator, tmp_path: Any) -> None:
    taken = str(emulator.ready["control"])
    command = [str(LAUNCHER), "serve", "--listen", "127.0.0.1:0", "--control", taken]
    done = subprocess.run(command, stderr=subprocess.PIPE, check=False, universal_newlines=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and taken in done.stderr


def test_built_in_example_has_a_key(tmp_path: Any) -> None:
    running = Emulator(tmp_path, "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0")
    try:
        caller = Caller(running.ready["control"], "LTAI5tEmulatorExample", "emulated-secret")
        assert caller.describe("cn-hangzhou").ids() == ["i-bp1example0000000001"]
        assert ask(running.listen[0], "/latest/meta-data/instance-id").text == "i-bp1example0000000001"
    finally:
        assert running.stop() == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"faults": [{"kind": "error"}]},
            "control.faults[0]: the required key code of error is missing; it must be the code",
        ),
        (
            {"faults": [{"kind": "html"}, {"kind": "htm"}]},
            "control.faults[1].kind: unknown kind 'htm' (did you mean html?)",
        ),
        (
            {"faults": [{"kind": "html", "actions": "*"}]},
            "control.faults[0].actions: unknown key (did you mean action?)",
        ),
        ({"faults": [{"kind": "html", "skip": -1}]}, "control.faults[0].skip: must be a whole number from 0, not -1"),
        (
            {"faults": [{"kind": "html", "status": 99}]},
            "control.faults[0].status: must be a whole number from 200 to 599",
        ),
        ({"faults": {"kind": "html"}}, "control.faults: must be a list"),
        (
            {"images": {"m-1": {"region_id": "r", "os_type": "bsd"}}},
            "control.images.m-1.os_type: must be linux or windows",
        ),
        ({"throttle": {"per_seconds": 1}}, "control.throttle.per_seconds: unknown key (did you mean per_second?)"),
        ({"throttle": {}}, "control.throttle: must have a key, or be null"),
        (
            {"access_keys": {"LTAIhidden": {"secrt": "hidden"}}},
            "control.access_keys.*.secrt: unknown key (did you mean",
        ),
        ({"access_keys": {"LTAIhidden": {"secret": ["hidden"]}}}, "control.access_keys.*.secret: must be text"),
        ({"region": ["r"]}, "control.region: unknown key (did you mean regions?); known keys: access_keys"),
    ],
    ids=str,
)
def test_an_error_names_key_and_index_and_no_secret(emulator: Emulator, changes: Any, message: str) -> None:
    status, data = emulator.admin_status("PATCH", "/control", changes)
    assert (status, data["error"][: len(message)]) == (400, message)
    assert "hidden" not in data["error"]
