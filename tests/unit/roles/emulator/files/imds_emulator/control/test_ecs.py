# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ModifyInstanceMetadataOptions, and its effect on the metadata service."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ..client import Emulator, Instance
from .caller import Caller

pytestmark = pytest.mark.slow

Make = Callable[..., Any]
ID = "/latest/meta-data/instance-id"
TAG = "/latest/meta-data/tags/instance/env"
ASKED = {"AdditionalAttributes.1": "META_OPTIONS"}


def options(caller: Caller, region: str) -> Any:
    shown = caller.describe(region, **ASKED).instances()[0]["MetadataOptions"]
    return shown["HttpEndpoint"], shown["HttpTokens"], shown["InstanceMetadataTags"]


def test_takes_effect_in_the_guest(caller: Caller, region: str, instance: Instance, new_instance: Make) -> None:
    other = new_instance(listen="127.0.0.1:0")
    assert instance.get(ID).status == 200
    reply = caller.modify(region, instance.id, HttpTokens="required")
    assert reply.status == 200 and set(reply.data) == {"RequestId"}
    assert instance.get(ID).status == 403
    assert instance.get(ID, instance.token()).text == instance.id
    assert other.get(ID).status == 200, "only the one that was named"
    assert caller.modify(region, instance.id, HttpTokens="optional").code is None
    assert instance.get(ID).status == 200


def test_endpoint(caller: Caller, region: str, instance: Instance) -> None:
    assert caller.modify(region, instance.id, "disabled", HttpTokens="required").code is None
    assert (instance.get(ID).status, instance.put().status) == (403, 403)
    assert options(caller, region) == ("disabled", "required", "disabled")
    assert caller.modify(region, instance.id, "enabled", HttpTokens="optional").code is None
    assert instance.get(ID).status == 200


def test_tags(caller: Caller, region: str, new_instance: Make) -> None:
    made = new_instance(listen="127.0.0.1:0", tags={"env": "test"})
    assert made.get(TAG).status == 404
    assert caller.modify(region, made.id, InstanceMetadataTags="enabled").code is None
    assert made.get(TAG).text == "test" and options(caller, region)[2] == "enabled"


def test_what_leaving_out_does(caller: Caller, region: str, instance: Instance, control: Make) -> None:
    everything = {"HttpTokens": "required", "InstanceMetadataTags": "enabled"}
    assert caller.modify(region, instance.id, **everything).code is None
    control(omitted_http_tokens="keep", omitted_metadata_tags="keep")
    assert caller.modify(region, instance.id).code is None
    assert options(caller, region) == ("enabled", "required", "enabled")
    control(omitted_http_tokens="optional", omitted_metadata_tags="disabled")
    assert caller.modify(region, instance.id).code is None
    assert options(caller, region) == ("enabled", "optional", "disabled")


def test_delayed_effect(emulator: Emulator, caller: Caller, region: str, instance: Instance, control: Make) -> None:
    control(delay_seconds=30)
    assert caller.modify(region, instance.id, HttpTokens="required").code is None
    assert options(caller, region)[1] == "required" and instance.get(ID).status == 200
    emulator.advance(29)
    assert instance.get(ID).status == 200
    emulator.advance(1)
    assert instance.get(ID).status == 403


def test_delayed_reading_back(
    emulator: Emulator, caller: Caller, region: str, instance: Instance, control: Make
) -> None:
    control(describe_delay_seconds=30)
    assert caller.modify(region, instance.id, HttpTokens="required").code is None
    assert options(caller, region)[1] == "optional" and instance.get(ID).status == 403
    assert caller.describe(region, HttpTokens="required").ids() == []
    emulator.advance(30)
    assert options(caller, region)[1] == "required"
    assert caller.describe(region, HttpTokens="required").ids() == [instance.id]


@pytest.mark.parametrize("name", ["RegionId", "HttpEndpoint", "InstanceId"])
@pytest.mark.parametrize("form", ["v3", "v1"])
def test_mandatory(caller: Caller, region: str, instance: Instance, name: str, form: str) -> None:
    whole = {"RegionId": region, "InstanceId": instance.id, "HttpEndpoint": "enabled", "HttpTokens": "required"}
    for parameters in ({key: value for key, value in whole.items() if key != name}, {**whole, name: ""}):
        reply = getattr(caller, form)("ModifyInstanceMetadataOptions", parameters)
        assert (reply.status, reply.code) == (400, "MissingParameter") and '"%s"' % name in reply.data["Message"]
    assert instance.get(ID).status == 200, "nothing has changed"


@pytest.mark.parametrize(
    "parameters, code",
    [
        ({"HttpTokens": "Required"}, "InvalidHttpTokens.NotSupported"),
        ({"HttpEndpoint": "on", "HttpTokens": "required"}, "InvalidHttpEndpoint.NotSupported"),
        ({"InstanceMetadataTags": "yes", "HttpTokens": "required"}, "InvalidInstanceMetadataTags.NotSupported"),
        ({"HttpPutResponseHopLimit": "65", "HttpTokens": "required"}, "InvalidHttpPutResponseHopLimit.NotSupported"),
    ],
)
def test_impossible_values(caller: Caller, region: str, instance: Instance, parameters: Any, code: str) -> None:
    whole = {"RegionId": region, "InstanceId": instance.id, "HttpEndpoint": "enabled", **parameters}
    reply = caller.v3("ModifyInstanceMetadataOptions", whole)
    assert (reply.status, reply.code) == (400, code)
    assert instance.get(ID).status == 200, "nothing has changed"


def test_instance_that_is_not_there(caller: Caller, region: str, instance: Instance, new_instance: Make) -> None:
    foreign = new_instance(owner_account_id="1700000000000000")
    for where, which in ((region, "i-unknown"), ("cn-first", instance.id), (region, foreign.id), (region, "[]")):
        reply = caller.modify(where, which, HttpTokens="required")
        assert (reply.status, reply.code) == (404, "InvalidInstanceId.NotFound")
    assert caller.modify("cn-atlantis", instance.id).code == "InvalidRegionId.NotFound"
    assert instance.get(ID).status == 200


def test_dry_run_is_not_known_here_and_so_the_change_is_made(caller: Caller, region: str, instance: Instance) -> None:
    assert caller.modify(region, instance.id, HttpTokens="required", DryRun="true").code is None
    assert instance.get(ID).status == 403


def test_change_survives_a_restart(tmp_path: Any) -> None:
    config = {"instances": [{"instance_id": "i-1"}], "control": {"access_keys": {"LTAIa": {"secret": "s"}}}}
    arguments = ["--control", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--state", str(tmp_path / "state")]
    for tokens in ("optional", "required"):
        running = Emulator(tmp_path, *arguments, config=config)
        try:
            caller = Caller(running.ready["control"], "LTAIa", "s")
            shown = caller.describe("cn-hangzhou", **ASKED).instances()[0]["MetadataOptions"]["HttpTokens"]
            assert shown in (tokens, "" if tokens == "optional" else None)
            assert caller.modify("cn-hangzhou", "i-1", HttpTokens="required").code is None
            running.admin("PATCH", "/control", {"access_keys": {"LTAIa": {"actions": ["ecs:*"]}}})
        finally:
            assert running.stop() == 0
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o600
