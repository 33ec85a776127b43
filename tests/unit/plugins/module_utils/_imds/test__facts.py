# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conversion of raw metadata to facts: types, keys and derived facts."""

from __future__ import annotations

import base64
import gzip

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _facts

MACS = {
    "00:16:3e:00:00:02": {"network-interface-id": "eni-2", "private-ipv4s": '["10.0.0.2","10.0.0.3"]'},
    "00:16:3e:00:00:09": {"network-interface-id": "eni-9", "ipv6s": "[2408:1::1,2408:1::2]"},
    "00:16:3e:00:00:05": {"network-interface-id": "eni-5", "ipv4-prefixes": "10.0.0.16/28"},
}


def test_names_become_identifiers_except_where_they_are_data() -> None:
    facts = _facts.from_tree(
        {
            "instance-id": "i-1",
            "network": {"interfaces": {"macs": MACS}},
            "disks": {"bp-1": {"id": "d-bp-1", "name": ""}},
            "public-keys": {"skp-bp1": {"openssh-key": "ssh-rsa AAAA"}},
        }
    )
    assert facts["instance_id"] == "i-1"
    assert list(facts["network"]["interfaces"]["macs"]) == list(MACS)
    assert facts["disks"] == {"bp-1": {"id": "d-bp-1", "name": None}}
    assert facts["public_keys"] == {"skp-bp1": {"openssh_key": "ssh-rsa AAAA"}}


@pytest.mark.parametrize(("name", "key"), [("a-b.c:d e", "a_b_c_d_e"), ("2nd", "_2nd"), ("Zone", "Zone")])
def test_identifier_replaces_characters_that_a_template_cannot_use(name: str, key: str) -> None:
    assert _facts.identifier(name) == key
    assert key.isidentifier()


def test_two_names_with_the_same_key_are_an_error() -> None:
    with pytest.raises(ValueError, match="fact 'a_b'"):
        _facts.from_tree({"a-b": "1", "a_b": "2"})


def test_the_type_depends_on_the_path() -> None:
    facts = _facts.from_tree(
        {
            "instance": {"max-netbw-egress": "1228800", "instance-name": "123"},
            "hibernation": {"configured": "false"},
            "owner-account-id": "0160",
            "dns-conf": {"nameservers": "100.100.2.136\r\n100.100.2.138"},
            "ntp-conf": {"ntp-servers": "ntp1.aliyun.com"},
            "sub-private-ipv4-list": "",
            "hostname": "true",
        }
    )
    assert facts == {
        "instance": {"max_netbw_egress": 1228800, "instance_name": "123"},
        "hibernation": {"configured": False},
        "owner_account_id": "0160",
        "dns_conf": {"nameservers": ["100.100.2.136", "100.100.2.138"]},
        "ntp_conf": {"ntp_servers": ["ntp1.aliyun.com"]},
        "sub_private_ipv4_list": [],
        "hostname": "true",
    }


def test_a_value_that_does_not_fit_its_type_stays_text() -> None:
    facts = _facts.from_tree({"instance": {"max-netbw-egress": "unlimited"}, "hibernation": {"configured": "maybe"}})
    assert facts == {"instance": {"max_netbw_egress": "unlimited"}, "hibernation": {"configured": "maybe"}}


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ('["192.168.0.1"]', ["192.168.0.1"]),
        ("[2408:4321::1,2408:4321::2]", ["2408:4321::1", "2408:4321::2"]),
        ("[]", []),
        ("", []),
        ("192.168.0.0/28", ["192.168.0.0/28"]),
        ("a\r\nb\n c ", ["a", "b", "c"]),
        ("['10.0.0.1', '10.0.0.2']", ["10.0.0.1", "10.0.0.2"]),
    ],
)
def test_parse_list_accepts_all_formats(text: str, items: list[str]) -> None:
    assert _facts.parse_list(text) == items


def test_network_interfaces_are_a_list_with_the_primary_first() -> None:
    facts = _facts.from_tree({"mac": "00:16:3e:00:00:09", "network": {"interfaces": {"macs": MACS}}})
    interfaces = _facts.network_interfaces(facts)
    assert [(nic["mac"][-2:], nic["primary"]) for nic in interfaces] == [("09", True), ("02", False), ("05", False)]
    assert interfaces[0]["ipv6s"] == ["2408:1::1", "2408:1::2"]
    assert interfaces[1]["private_ipv4s"] == ["10.0.0.2", "10.0.0.3"]
    assert interfaces[2]["ipv4_prefixes"] == ["10.0.0.16/28"]
    assert _facts.network_interfaces({}) == []


def test_tags_are_unchanged_and_not_in_the_other_facts() -> None:
    tree = {"tags": {"instance": {"a-b": "{{ 7 * 7 }}", "empty": ""}}}
    assert _facts.tags(tree) == {"a-b": "{{ 7 * 7 }}", "empty": ""}
    assert _facts.from_tree(tree) == {}


@pytest.mark.parametrize(
    ("text", "events"),
    [
        (None, []),
        ("", []),
        ("[]", []),
        ("null", []),
        ('[{"EventId":"e-1"}]', [{"EventId": "e-1"}]),
        ('{"a":1}', [{"a": 1}]),
        ("x\r\ny", ["x", "y"]),
    ],
)
def test_system_events_are_json_values_or_lines(text: str | None, events: list) -> None:
    assert _facts.system_events(text) == events


def test_the_spot_termination_time_is_null_until_it_is_announced() -> None:
    assert (
        _facts.spot_termination_time({"instance": {"spot": {"termination-time": "2026-01-01T00:00:00Z"}}})
        == "2026-01-01T00:00:00Z"
    )
    assert _facts.spot_termination_time({"instance": {}}) is None


def test_the_identity_document_has_identifiers_as_keys() -> None:
    assert _facts.json_object('{"zone-id":"cn-a","instance-id":"i-1"}') == {"zone_id": "cn-a", "instance_id": "i-1"}
    assert _facts.json_object("[1]") is None
    assert _facts.json_object("nonsense") is None
    assert _facts.json_object(None) is None


def test_user_data_is_text_or_base64() -> None:
    assert _facts.user_data(None) == ({"user_data": None}, None)
    assert _facts.user_data(b"#!/bin/sh\n") == ({"user_data": "#!/bin/sh\n"}, None)
    assert _facts.user_data(gzip.compress(b"packed")) == ({"user_data": "packed"}, None)
    assert _facts.user_data(b"\xff\xfe\0") == ({"user_data": None, "user_data_base64": "//4A"}, None)


@pytest.mark.parametrize("padding", [b"", b"\0" * 700])
def test_user_data_of_several_gzip_members_is_complete(padding: bytes) -> None:
    members = gzip.compress(b"#!/bin/sh\n") + gzip.compress(b"") + gzip.compress(b"echo 1\n")
    assert _facts.user_data(members + padding) == ({"user_data": "#!/bin/sh\necho 1\n"}, None)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\x1f\x8b", "its end is missing"),
        (b"\x1f\x8bno gzip", "is damaged"),
        (gzip.compress(b"#!/bin/sh\n" * 100)[:-9], "its end is missing"),
        (gzip.compress(b"#!/bin/sh\n" * 100)[:-1], "its end is missing"),
        (gzip.compress(b"one") + gzip.compress(b"two")[:-3], "its end is missing"),
        (gzip.compress(b"one") + b"two", "is damaged"),
        (gzip.compress(b"one")[:-8] + b"\0" * 8, "is damaged"),
        (gzip.compress(b"\0" * (8 * 1024 * 1024)), "more than 1048576 bytes"),
        (gzip.compress(b"a" * 600_000) + gzip.compress(b"b" * 600_000), "more than 1048576 bytes"),
        (gzip.compress(b"") * 1000, "more than 100 members"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_user_data_that_cannot_be_decompressed_is_returned_as_it_is_with_a_warning(body: bytes, reason: str) -> None:
    facts, warning = _facts.user_data(body)
    assert facts == {"user_data": None, "user_data_base64": base64.b64encode(body).decode()}
    assert warning is not None and reason in warning and "user_data_base64" in warning


@pytest.mark.parametrize("mac", ["00:16:3E:00:00:09", "00:16:3e:00:00:09\n", " 00:16:3E:00:00:09 "])
def test_the_primary_interface_is_found_however_the_mac_address_is_written(mac: str) -> None:
    facts = _facts.from_tree({"mac": mac, "network": {"interfaces": {"macs": MACS}}})
    assert [nic["primary"] for nic in _facts.network_interfaces(facts)] == [True, False, False]
    upper = {name.upper(): items for name, items in MACS.items()}
    facts = _facts.from_tree({"mac": mac.lower(), "network": {"interfaces": {"macs": upper}}})
    assert _facts.network_interfaces(facts)[0]["mac"] == "00:16:3E:00:00:09"
