# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Permissions of callers, and sessions of roles."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict

import pytest

from ..client import Emulator, Instance
from .caller import KEY, Caller

pytestmark = pytest.mark.slow

Make = Callable[..., Any]
ACCOUNT = "1609000000000000"
ROLE = "acs:ram::%s:role/Auditor" % ACCOUNT


def limited(control: Make, address: str, *actions: str, **fields: Any) -> Caller:
    control(access_keys={"LTAIother": {"secret": "s", "actions": list(actions), **fields}})
    return Caller(address, "LTAIother", "s")


def of_instance(address: str, instance: Instance, role: str = "NodeRole") -> Caller:
    """As software on the instance: with the keys that the data side hands out."""
    keys = json.loads(instance.get("/latest/meta-data/ram/security-credentials/" + role).text)
    return Caller(address, keys["AccessKeyId"], keys["AccessKeySecret"], keys["SecurityToken"])


def test_list_without_permission_is_empty(address: str, region: str, instance: Any, control: Make) -> None:
    other = limited(control, address, "ecs:ModifyInstanceMetadataOptions")
    reply = other.describe(region)
    assert (reply.ids(), reply.data["TotalCount"], reply.data["NextToken"]) == ([], 0, "")
    refused = other.describe(region, DryRun="true")
    assert (refused.status, refused.code) == (403, "Forbidden.RAM")


def test_dry_run_with_permission(caller: Caller, region: str, instance: Instance) -> None:
    reply = caller.describe(region, DryRun="true")
    assert (reply.status, reply.code) == (400, "DryRunOperation")
    assert caller.describe(region, DryRun="true", InstanceIds="x").code == "InvalidParameter"
    assert caller.describe(region, DryRun="false").ids() == [instance.id]


def test_modify_without_permission(address: str, region: str, instance: Instance, control: Make) -> None:
    other = limited(control, address, "ecs:Describe*")
    assert other.describe(region).ids() == [instance.id]
    reply = other.modify(region, instance.id, HttpTokens="required")
    assert (reply.status, reply.code) == (403, "Forbidden.RAM")
    assert other.modify(region, "i-unknown").code == "Forbidden.RAM", "it does not tell what is there"
    assert other.v3("ModifyInstanceMetadataOptions", {"RegionId": region}).code == "MissingParameter"
    assert instance.get("/latest/meta-data/").status == 200


@pytest.mark.parametrize("action, parameters", [("DescribeRegions", {}), ("DescribeImages", {"RegionId": "cn-empty"})])
def test_others_without_permission(address: str, control: Make, action: str, parameters: Dict[str, str]) -> None:
    assert limited(control, address).v3(action, parameters).code == "Forbidden.RAM"
    assert limited(control, address, "ECS:describe*").v3(action, parameters).code is None


def test_permissions_change_at_run_time(address: str, region: str, instance: Instance, control: Make) -> None:
    other = limited(control, address)
    assert other.modify(region, instance.id).code == "Forbidden.RAM"
    control(access_keys={"LTAIother": {"actions": ["ecs:*"]}})
    assert other.modify(region, instance.id).code is None
    control(access_keys={"LTAIother": None})
    assert other.modify(region, instance.id).code == "InvalidAccessKeyId.NotFound"


def test_key_of_an_instances_role(address: str, region: str, instance: Instance) -> None:
    """The whole way: keys through a metadata token, a call with them, the change seen from inside."""
    token = instance.token()
    keys = json.loads(instance.get("/latest/meta-data/ram/security-credentials/NodeRole", token).text)
    inside = Caller(address, keys["AccessKeyId"], keys["AccessKeySecret"], keys["SecurityToken"])
    for form in (inside.v3, inside.v1):
        parameters = {
            "RegionId": region,
            "InstanceId": instance.id,
            "HttpEndpoint": "enabled",
            "HttpTokens": "required",
        }
        assert form("ModifyInstanceMetadataOptions", parameters).code is None
    assert instance.get("/latest/meta-data/").status == 403


def test_role_without_actions_may_do_nothing(address: str, region: str, new_instance: Make) -> None:
    made = new_instance(listen="127.0.0.1:0", role={"name": "Plain"})
    inside = of_instance(address, made, "Plain")
    assert inside.describe(region).ids() == [] and inside.modify(region, made.id).code == "Forbidden.RAM"
    made.set(role={"name": "Plain", "actions": ["ecs:*"]})
    assert inside.describe(region).ids() == [made.id]


@pytest.mark.parametrize("form", ["v3", "v1"])
def test_security_token(address: str, region: str, instance: Instance, form: str) -> None:
    inside = of_instance(address, instance)

    def code(token: Any, key: str = inside.key, secret: str = inside.secret) -> Any:
        return getattr(Caller(address, key, secret, token), form)("DescribeInstances", {"RegionId": region}).code

    assert code(inside.token) is None
    assert code(None) == "MissingSecurityToken"
    assert code("CAISinvented") == "InvalidSecurityToken.Malformed"
    assert code(inside.token, KEY, "secret-of-the-test-key") == "InvalidSecurityToken.MismatchWithAccessKey"
    assert code(inside.token, secret="wrong") == "SignatureDoesNotMatch"


def test_expired_security_token(emulator: Emulator, address: str, region: str, new_instance: Make) -> None:
    role = {"name": "R", "actions": ["ecs:*"], "rotate_seconds": 1000, "overlap_seconds": 100}
    made = new_instance(listen="127.0.0.1:0", role=role)
    old = of_instance(address, made, "R")
    emulator.advance(1000)
    new = of_instance(address, made, "R")
    assert new.key != old.key and new.describe(region).ids() == [made.id]
    emulator.advance(1000)
    reply = old.describe(region)
    assert (reply.status, reply.code) == (400, "InvalidSecurityToken.Expired")
    emulator.advance(5000)
    assert old.describe(region).code == "InvalidAccessKeyId.NotFound", "forgotten at last"


def test_keys_of_an_instance_that_has_gone(emulator: Emulator, address: str, region: str, new_instance: Make) -> None:
    made = new_instance(listen="127.0.0.1:0", role={"name": "R", "actions": ["ecs:*"]})
    inside = of_instance(address, made, "R")
    assert inside.describe(region).ids() == [made.id]
    emulator.admin("DELETE", "/instances/" + made.id)
    assert inside.describe("cn-empty").code == "InvalidAccessKeyId.NotFound"


@pytest.fixture
def user(control: Make, address: str) -> Caller:
    """Return a RAM user with all permissions. The account itself cannot assume roles."""
    return limited(control, address, "*", user="ann")


def assume(caller: Caller, arn: str = ROLE, session: str = "test", **parameters: Any) -> Any:
    return caller.v3("AssumeRole", {"RoleArn": arn, "RoleSessionName": session, **parameters})


def test_assumed_role(
    emulator: Emulator, address: str, user: Caller, region: str, instance: Any, control: Make
) -> None:
    control(roles={"Auditor": {"actions": ["ecs:DescribeInstances"]}})
    answer = assume(user).data
    keys = answer["Credentials"]
    assert keys["AccessKeyId"].startswith("STS.") and keys["Expiration"].endswith("Z")
    assert answer["AssumedRoleUser"]["Arn"] == "acs:ram::%s:role/auditor/test" % ACCOUNT
    auditor = Caller(address, keys["AccessKeyId"], keys["AccessKeySecret"], keys["SecurityToken"])
    assert auditor.describe(region).ids() == [instance.id]
    assert auditor.modify(region, instance.id).code == "Forbidden.RAM"
    emulator.advance(3599)
    assert auditor.describe(region).code is None
    emulator.advance(1)
    assert auditor.describe(region).code == "InvalidSecurityToken.Expired"


def test_role_of_an_instance_may_be_assumed(user: Caller, caller: Caller, instance: Instance) -> None:
    refused = assume(caller, "acs:ram::%s:role/NodeRole" % ACCOUNT)
    assert (refused.status, refused.code) == (403, "NoPermission")
    assert refused.data["Message"] == "Roles may not be assumed by root accounts."
    assert assume(user, "acs:ram::%s:role/NodeRole" % ACCOUNT).code is None


@pytest.mark.parametrize(
    "parameters, code",
    [
        ({"arn": "Auditor"}, "InvalidParameter.RoleArn"),
        ({"arn": "acs:ram::%s:role/Nobody" % ACCOUNT}, "EntityNotExist.Role"),
        ({"arn": "acs:ram::1700000000000000:role/Auditor"}, "EntityNotExist.Role"),
        ({"session": "a b"}, "InvalidParameter.RoleSessionName"),
        ({"session": "a"}, "InvalidParameter.RoleSessionName"),
        ({"DurationSeconds": 899}, "InvalidParameter.DurationSeconds"),
        ({"DurationSeconds": 3601}, "InvalidParameter.DurationSeconds"),
        ({"DurationSeconds": 900}, None),
        ({"Policy": "{}"}, "InvalidParameter"),
    ],
)
def test_assume_role_refused(user: Caller, control: Make, parameters: Any, code: Any) -> None:
    control(roles={"Auditor": {"actions": []}})
    assert assume(user, **parameters).code == code


def test_longer_sessions_where_the_role_allows_them(user: Caller, control: Make) -> None:
    control(roles={"Auditor": {"maximum_seconds": 43200}})
    assert assume(user, DurationSeconds=43200).code is None


def test_who_may_assume(address: str, control: Make) -> None:
    control(roles={"Auditor": {}, "Other": {}})
    without = limited(control, address, "ecs:*")
    reply = assume(without)
    assert (reply.status, reply.code) == (403, "NoPermission")
    only = limited(control, address, "sts:AssumeRole", user="ann", roles=["Auditor"])
    assert assume(only).code is None
    assert assume(only, "acs:ram::%s:role/Other" % ACCOUNT).code == "NoPermission"


def test_a_role_of_another_account_needs_its_arn(address: str, control: Make, new_instance: Any, region: str) -> None:
    theirs = "acs:ram::1700000000000000:role/Theirs"
    actions = ["ecs:DescribeInstances"]
    listed = new_instance(owner_account_id="1700000000000000", role={"name": "Theirs", "actions": actions})
    assert assume(limited(control, address, "sts:AssumeRole", user="ann"), theirs).code == "NoPermission"
    assert (
        assume(limited(control, address, "sts:AssumeRole", user="ann", roles=["Theirs"]), theirs).code == "NoPermission"
    )
    keys = assume(limited(control, address, "sts:AssumeRole", user="ann", roles=[theirs]), theirs).data["Credentials"]
    session = Caller(address, keys["AccessKeyId"], keys["AccessKeySecret"], keys["SecurityToken"])
    assert session.describe(region).ids() == [listed.id]


def test_caller_identity(address: str, caller: Caller, instance: Instance, control: Make) -> None:
    root = caller.v3("GetCallerIdentity").data
    assert (root["IdentityType"], root["AccountId"], root["Arn"]) == ("Account", ACCOUNT, "acs:ram::%s:root" % ACCOUNT)
    user = limited(control, address, user="ann").v1("GetCallerIdentity").data
    assert (user["IdentityType"], user["Arn"]) == ("RAMUser", "acs:ram::%s:user/ann" % ACCOUNT)
    inside = of_instance(address, instance).v3("GetCallerIdentity").data
    assert inside["IdentityType"] == "AssumedRoleUser"
    assert inside["Arn"] == "acs:ram::%s:assumed-role/noderole/%s" % (ACCOUNT, instance.id)
