# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The change that is planned for an instance."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._instance import Options
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._plan import Change, Permissions, plan
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._verdict import exemption

from .instances import ACK, WINDOWS, instance


def test_an_option_that_is_not_desired_keeps_its_value() -> None:
    change = plan(instance(endpoint="disabled", tags="enabled"), Options(http_tokens="required"), Permissions())
    assert change.after == Options("disabled", "required", "enabled")


def test_an_endpoint_is_enabled_only_if_desired() -> None:
    for tokens, tags in itertools.product((None, "optional", "required"), (None, "enabled", "disabled")):
        change = plan(instance(endpoint="disabled"), Options(None, tokens, tags), Permissions())
        assert change.after is None or change.after.http_endpoint == "disabled"
    change = plan(instance(endpoint="disabled"), Options(http_endpoint="enabled"), Permissions())
    assert change.after == Options("enabled", "optional", "disabled")


def test_present_options_need_no_change() -> None:
    for it in (instance(), instance(tokens="required"), instance(endpoint="disabled")):
        assert plan(it, it.options, Permissions()) == Change(it)
        assert plan(it, Options(), Permissions()) == Change(it)


@pytest.mark.parametrize(
    ("kind", "permission", "remedy"),
    [(WINDOWS, Permissions(windows=True), "allow_windows"), (ACK, Permissions(ack_nodes=True), "allow_ack_nodes")],
)
def test_required_tokens_are_refused_unless_permitted(kind, permission, remedy) -> None:
    it = instance(**kind)
    desired = Options(http_tokens="required")
    refused = plan(it, desired, Permissions())
    assert refused.after is None and "'%s: true'" % remedy in refused.refusal
    assert refused.exemption == exemption(it) is not None
    assert plan(it, desired, permission).after.http_tokens == "required"
    other = Permissions(windows=not permission.windows, ack_nodes=not permission.ack_nodes)
    assert plan(it, desired, other).refusal
    # Optional tokens are never refused.
    back = plan(instance(tokens="required", **kind), Options(http_tokens="optional"), Permissions())
    assert back.after.http_tokens == "optional"


def test_unknown_options_are_refused() -> None:
    change = plan(instance(MetadataOptions=None), Options(http_tokens="required"), Permissions())
    assert change.after is None and "empty_options" in change.refusal


def test_the_addresses_are_those_of_all_interfaces() -> None:
    sets = {"PrivateIpSets": {"PrivateIpSet": [{"PrivateIpAddress": "10.0.0.3"}]}}
    sets["Ipv6Sets"] = {"Ipv6Set": [{"Ipv6Address": "fd00::4"}]}
    found = instance(
        InnerIpAddress={"IpAddress": ["10.0.0.1"]},
        VpcAttributes={"PrivateIpAddress": {"IpAddress": ["10.0.0.2"]}},
        NetworkInterfaces={"NetworkInterface": [sets, {"PrimaryIpAddress": "10.0.0.5"}]},
    )
    assert found.addresses == {"10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::4", "10.0.0.5"}
