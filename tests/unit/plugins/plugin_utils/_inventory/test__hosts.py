# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names and addresses of hosts."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._instance import parse
from ansible_collections.alicloud.imds.plugins.plugin_utils._inventory._hosts import (
    Row,
    address,
    host_names,
    host_row,
    is_host_name,
)
from ansible_collections.alicloud.imds.plugins.plugin_utils._inventory._options import Naming


def row(instance_id: str, name: str = "", ips: tuple[str, ...] = (), ipv6s: tuple[str, ...] = ()) -> Row:
    raw = {
        "InstanceId": instance_id,
        "InstanceName": name,
        "VpcAttributes": {"PrivateIpAddress": {"IpAddress": list(ips)}},
        "NetworkInterfaces": {
            "NetworkInterface": [{"Ipv6Sets": {"Ipv6Set": [{"Ipv6Address": it} for it in ipv6s]}}],
        },
    }
    return host_row(raw, parse(raw, "cn-hangzhou", False), None, {})


SAFE = ["web", "web-1.example", "数据库", "_x", "a" * 255, "db1_2", "שרת"]
UNSAFE = (
    ["", "-x", ".x", "a b", "a\n", "a:b", "a,b", "a[1:2]", "{{a}}", "a" * 256, "\u202ea", "a/b", "a$b", "!a", "&a", "a*"]
    + ["localhost", "LOCALHOST", "localhost.localdomain", "all", "ungrouped", "imds_required"]
    + ["127.0.0.1", "::1", "8.8.8.8", "127.1", "0x7f.1", "2130706433"]
)  # fmt: skip


def test_unsafe_names() -> None:
    assert [name for name in [*SAFE, *UNSAFE] if is_host_name(name)] == SAFE


def test_nobody_takes_the_name_of_another_instance() -> None:
    naming = Naming(["name"], [])
    assert host_names([row("i-a", "web"), row("i-b", "web")], naming) == ["i-a", "i-b"]
    assert host_names([row("i-a", "i-b"), row("i-b", "web")], naming) == ["i-a", "web"]
    assert host_names([row("i-a", "10.0.0.2"), row("i-b", "", ("10.0.0.2",))], Naming(["name", "private_ip"], [])) == [
        "i-a",
        "10.0.0.2",
    ]


def test_names_do_not_depend_on_the_order() -> None:
    rows = [row("i-a", "web", ("10.0.0.1",)), row("i-b", "web", ("10.0.0.2",)), row("i-c", "db", ("10.0.0.2",))]
    naming = Naming(["name", "private_ip"], [])
    assert host_names(rows, naming) == ["10.0.0.1", "i-b", "db"]
    assert host_names(rows[::-1], naming) == ["db", "i-b", "10.0.0.1"]


NOT_OTHERS = ["127.0.0.1", "::1", "0.0.0.0", "fe80::1", "fd00::1%$(id)", "::ffff:127.0.0.1", "evil", "224.0.0.1"]


@pytest.mark.parametrize("text", NOT_OTHERS)
def test_only_addresses_of_other_machines_are_used(text) -> None:
    naming = Naming([], ["private_ip", "ipv6"])
    assert address(row("i-a", ips=(text,), ipv6s=(text,)), naming) is None
    assert address(row("i-a", ips=(text, "10.0.0.1")), naming) == "10.0.0.1"


def test_an_instance_without_ipv4_has_its_ipv6_address() -> None:
    assert address(row("i-a", ipv6s=("FD00::1",)), Naming([], ["private_ip", "ipv6"])) == "fd00::1"
