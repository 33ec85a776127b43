# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdicts and plans: tables of what is decided about an instance."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._instance import Options, parse
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._plan import Permissions, plan
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._verdict import judge


def raw(endpoint="enabled", tokens="optional", tags="disabled", **more):
    options = {
        "HttpEndpoint": endpoint,
        "HttpTokens": tokens,
        "InstanceMetadataTags": tags,
        "HttpPutResponseHopLimit": 0,
    }
    return {"InstanceId": "i-1", "RegionId": "cn-hangzhou", "OSType": "linux", "MetadataOptions": options, **more}


def instance(*args, empty_means_default=False, **more):
    return parse(raw(*args, **more), "cn-hangzhou", empty_means_default)


ACK = {"Tags": {"Tag": [{"TagKey": "ack.aliyun.com", "TagValue": "c123"}]}}
WINDOWS = {"OSType": "windows"}


@pytest.mark.parametrize(
    ("it", "verdict", "reason"),
    [
        (instance(tokens="required"), "compliant", None),
        (instance(), "optional", None),
        (instance(endpoint="disabled"), "endpoint_disabled", None),
        (instance(endpoint="disabled", tokens="required"), "endpoint_disabled", None),
        (instance(**WINDOWS), "exempt", "Windows"),
        (instance(tokens="required", **WINDOWS), "compliant", None),
        (instance(**ACK), "exempt", "c123"),
        (instance(MetadataOptions=None), "unknown", "did not return"),
        (instance(endpoint="", tokens="", tags=""), "unknown", "did not return"),
        (instance(endpoint="", tokens="required"), "unknown", "did not return"),
        (instance(endpoint="", tokens="", tags="", empty_means_default=True), "optional", None),
        (instance(endpoint="", tokens="required", empty_means_default=True), "compliant", None),
        (instance(MetadataOptions=None, empty_means_default=True), "unknown", "did not return"),
    ],
)
def test_verdicts(it, verdict, reason) -> None:
    judged = judge(it, {})
    assert judged.verdict == verdict
    assert (judged.reason is None) == (reason is None)
    assert reason is None or reason in judged.reason


def test_an_exemption_by_id_has_its_reason() -> None:
    assert judge(instance(), {"i-1": "until March"}) == ("exempt", "until March")
    assert judge(instance(tokens="required"), {"i-1": "until March"}).verdict == "compliant"


def test_what_the_wish_leaves_out_keeps_its_value() -> None:
    change = plan(instance(endpoint="disabled", tags="enabled"), Options(http_tokens="required"), Permissions())
    assert change.after == Options("disabled", "required", "enabled")


def test_an_endpoint_is_enabled_only_by_name() -> None:
    for tokens, tags in itertools.product((None, "optional", "required"), (None, "enabled", "disabled")):
        change = plan(instance(endpoint="disabled"), Options(None, tokens, tags), Permissions())
        assert change.after is None or change.after.http_endpoint == "disabled"
    change = plan(instance(endpoint="disabled"), Options(http_endpoint="enabled"), Permissions())
    assert change.after == Options("enabled", "optional", "disabled")


def test_nothing_to_do_is_no_call() -> None:
    for it in (instance(), instance(tokens="required"), instance(endpoint="disabled")):
        assert plan(it, it.options, Permissions()) == (it, None, None)
        assert plan(it, Options(), Permissions()) == (it, None, None)


@pytest.mark.parametrize(
    ("kind", "permission", "remedy"),
    [(WINDOWS, Permissions(windows=True), "allow_windows"), (ACK, Permissions(ack_nodes=True), "allow_ack_nodes")],
)
def test_what_breaks_is_refused_unless_it_is_named(kind, permission, remedy) -> None:
    it = instance(**kind)
    wish = Options(http_tokens="required")
    refused = plan(it, wish, Permissions())
    assert refused.after is None and "'%s: true'" % remedy in refused.refusal
    assert plan(it, wish, permission).after.http_tokens == "required"
    other = Permissions(windows=not permission.windows, ack_nodes=not permission.ack_nodes)
    assert plan(it, wish, other).refusal
    # the way back is always open
    back = plan(instance(tokens="required", **kind), Options(http_tokens="optional"), Permissions())
    assert back.after.http_tokens == "optional"


def test_options_that_were_not_returned_are_never_changed() -> None:
    change = plan(instance(MetadataOptions=None), Options(http_tokens="required"), Permissions())
    assert change.after is None and "empty_options" in change.refusal
