# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values and formats of items, and absence of items that do not apply."""

from __future__ import annotations

import base64
import json
from typing import Any, Callable

import pytest

from .client import Instance

pytestmark = pytest.mark.slow

META = "/latest/meta-data/"


def walk(instance: Instance, path: str) -> Any:
    """The tree below a directory, from its listings alone."""
    result = {}
    for line in instance.get(path).text.split("\n"):
        below = path + line
        result[line.rstrip("/")] = walk(instance, below) if line.endswith("/") else instance.get(below).text
    return result


def test_all_is_the_walked_tree_but_for_the_role(new_instance: Callable[..., Instance]) -> None:
    instance = new_instance(instance_metadata_tags="enabled", disks=[{"serial": "bp1x", "name": "data"}])
    walked = walk(instance, META)
    assert walked.pop("ram") == {"security-credentials": {"TestRole": walked_role(instance)}}
    assert walked["tags"] == {"instance": {"env": "test", "team:name": "infra"}}
    assert walked["disks"] == {"bp1x": {"id": "d-bp1x", "name": "data"}}
    assert json.loads(instance.get(META + "all").text) == walked


def walked_role(instance: Instance) -> str:
    return instance.get(META + "ram/security-credentials/TestRole").text


def test_several_values_are_separated_by_cr_lf(instance: Instance) -> None:
    assert instance.get(META + "dns-conf/nameservers").body == b"100.100.2.136\r\n100.100.2.138"
    assert json.loads(instance.get(META + "all").text)["dns-conf"]["nameservers"] == "100.100.2.136\r\n100.100.2.138"


def test_interface_items(new_instance: Callable[..., Instance]) -> None:
    nic = {"mac": "00:16:3e:00:00:01", "primary_ip_address": "10.0.1.7", "private_ipv4s": ["10.0.1.7", "10.0.1.8"]}
    nic.update(ipv6s=["2408::1", "2408::2"], vpc_ipv6_cidr_blocks=["2408::/56"], ipv4_prefixes=["10.0.1.16/28"])
    instance = new_instance(network_interfaces=[nic])
    base = META + "network/interfaces/macs/00:16:3e:00:00:01/"
    assert instance.get(base + "private-ipv4s").text == '["10.0.1.7","10.0.1.8"]'
    assert instance.get(base + "ipv6s").text == "[2408::1,2408::2]"
    assert instance.get(base + "vpc-ipv6-cidr-blocks").text == "[2408::/56]"
    assert instance.get(base + "ipv4-prefixes").text == "10.0.1.16/28"
    assert instance.get(base + "netmask").text == "255.255.255.0"
    assert instance.get(base + "gateway").text == "10.0.1.253"
    assert instance.get(META + "private-ipv4").text == "10.0.1.7"
    assert instance.get(META + "sub-private-ipv4-list").text == "10.0.1.8"
    assert instance.get(base + "ipv6-gateway").status == 404


def test_the_first_client_address_is_the_private_address(new_instance: Callable[..., Instance]) -> None:
    assert new_instance(clients=["10.77.0.11"]).get(META + "private-ipv4").text == "10.77.0.11"


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"role": None}, "ram/"),
        ({"public_keys": {}}, "public-keys/"),
        ({"instance_metadata_tags": "disabled"}, "tags/instance/env"),
        ({"instance_metadata_tags": "enabled", "tags": {}}, "tags/"),
        ({"eipv4": None}, "eipv4"),
        ({"disks": []}, "disks/"),
        ({"spot": {"termination_time": 100, "appears_at": 10**9}}, "instance/spot/"),
        ({"metadata": {"zone-id": None}}, "zone-id"),
        ({"metadata": {"hibernation/configured": None}}, "hibernation/"),
        ({"metadata": {"all": None}}, "all"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_items_that_mean_nothing_are_absent(new_instance: Callable[..., Instance], settings: Any, path: str) -> None:
    instance = new_instance(**settings)
    assert instance.get(META + path).status == 404
    assert path.split("/")[0] not in walk_names(instance) or "/" in path.rstrip("/")


def walk_names(instance: Instance) -> Any:
    return [line.rstrip("/") for line in instance.get(META).text.split("\n")]


def test_tags_the_service_cannot_serve_are_left_out(new_instance: Callable[..., Instance]) -> None:
    tags = {"good@:_-.=,": "1", "bad/key": "2", "bad key": "3", "..": "4", "\u6807\u7b7e": "5"}
    instance = new_instance(tags=tags, instance_metadata_tags="enabled")
    assert instance.get(META + "tags/instance/").text == "good@:_-.=,"


def test_overrides_are_verbatim_and_come_last(new_instance: Callable[..., Instance]) -> None:
    hostile = "{{ lookup('pipe','id') }}\r\n\x1b[31m\u00e9"
    instance = new_instance(metadata={"hostname": hostile, "new/deep/leaf": "x", "instance": "a leaf now"})
    assert instance.get(META + "hostname").text == hostile
    assert instance.get(META + "new/").text == "deep/"
    assert instance.get(META + "instance").text == "a leaf now"
    assert json.loads(instance.get(META + "all").text)["hostname"] == hostile


def test_hostile_json_is_in_all_only(new_instance: Callable[..., Instance]) -> None:
    instance = new_instance(metadata_all={"hostname": ["a", None, 3], "instance": {"extra": {"x": 1.5}}})
    document = json.loads(instance.get(META + "all").text)
    assert document["hostname"] == ["a", None, 3]
    assert document["instance"]["extra"] == {"x": 1.5}
    assert document["instance"]["instance-type"] == "ecs.g6e.large"
    assert instance.get(META + "instance/extra").status == 404


def test_all_can_be_replaced_as_a_whole(new_instance: Callable[..., Instance]) -> None:
    assert new_instance(metadata={"all": "not json"}).get(META + "all").text == "not json"


def test_user_data_and_vendor_data_are_bytes_as_given(new_instance: Callable[..., Instance]) -> None:
    raw = bytes(range(256))
    instance = new_instance(user_data_base64=base64.b64encode(raw).decode(), vendor_data="#cloud-config\n")
    assert instance.get("/latest/user-data").body == raw
    assert instance.get("/2016-01-01/vendor-data").text == "#cloud-config\n"


def test_events_and_reclaiming_appear_at_their_time(new_instance: Callable[..., Instance]) -> None:
    now = new_instance().emulator.admin("GET", "/clock")["advanced"]
    event = {"EventId": "e-1", "appears_at": now + 1000}
    spot = {"termination_time": now + 1300, "appears_at": now + 1000}
    instance = new_instance(system_events=[event], spot=spot)
    assert instance.get("/latest/maintenance/active-system-events").text == "[]"
    instance.emulator.advance(900)
    assert instance.get(META + "instance/spot/termination-time").status == 404
    instance.emulator.advance(101)
    assert instance.get("/latest/maintenance/active-system-events").text == '[{"EventId":"e-1"}]'
    assert instance.get(META + "instance/spot/termination-time").text.endswith("Z")
    assert instance.get(META + "instance/").text.split("\n")[-3] == "spot/"
