# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accounts and excluded instances: which role and which rule apply."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._fleet import _accounts, _exclude
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._accounts import role_for

from .instances import instance

ONE, OTHER_OF_ONE, TWO = "acs:ram::11:role/harden", "acs:ram::11:role/audit", "acs:ram::22:role/harden"


def test_an_item_is_restored_with_its_role_or_another_one_of_its_account() -> None:
    assert role_for(ONE, [None, TWO, OTHER_OF_ONE, ONE]) == ONE
    assert role_for(ONE, [None, TWO, OTHER_OF_ONE]) == OTHER_OF_ONE
    assert role_for(None, [ONE, None]) is None
    for recorded, known, hint in ((ONE, [None, TWO], ONE), (ONE, [], ONE), (None, [ONE], "own_account: true")):
        with pytest.raises(ValueError, match=hint):
            role_for(recorded, known)
    with pytest.raises(ValueError, match="assume_role"):
        role_for("acs:ram::111:role/harden", [ONE])


def test_the_first_rule_that_matches_is_named() -> None:
    exclude = _exclude.parse(
        {"instance_ids": ["i-1"], "names": ["build-*", "ci[0-9]"], "tags": {"keep": None, "stage": "dev"}}
    )

    def rule(name: str, instance_id: str = "i-2", **tags: str) -> str | None:
        found = [{"TagKey": key, "TagValue": value} for key, value in tags.items()]
        return exclude.rule(instance(InstanceId=instance_id, InstanceName=name, Tags={"Tag": found}))

    assert rule("build-1", "i-1") == "instance_ids: i-1"
    assert rule("build-1") == "names: build-*" and rule("ci7", keep="") == "names: ci[0-9]"
    assert rule("web", keep="yes") == "tags: keep" and rule("web", stage="dev") == "tags: stage=dev"
    assert rule("Build-1") is rule("ci77") is rule("web", stage="development") is rule("", kept="") is None
    assert _exclude.parse({}).rule(instance(InstanceName="")) is None


def test_the_role_none_stands_for_the_account_of_the_credentials() -> None:
    assert _accounts.roles([], None) == [None]
    (role,) = _accounts.roles([{"role_arn": ONE, "external_id": "x", "duration_seconds": 900}], None)
    assert role is not None and (role.arn, role.external_id, role.seconds) == (ONE, "x", 900)
    assert [it and it.arn for it in _accounts.roles([ONE, TWO], True)] == [None, ONE, TWO]
