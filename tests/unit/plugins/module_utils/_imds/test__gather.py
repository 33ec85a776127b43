# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gather facts from the emulator: the facts, and the requests that were sent."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _client, _connect, _errors, _gather
from ansible_collections.alicloud.imds.plugins.module_utils._imds._client import Client, Settings
from ansible_collections.alicloud.imds.plugins.module_utils._imds._dmi import Platform

from ....addresses import IPV4, IPV6, refused, silent
from ....timing import FakeClock, PassingTime

ON_ECS = Platform(True, "Alibaba Cloud ECS")
NOT_ECS = Platform(False, "Standard PC")
UNKNOWN = Platform(None, None)

RICH = {
    "instance_metadata_tags": "enabled",
    "tags": {"stage": "prod", "a:b": "{{ lookup('pipe','id') }}", "empty": ""},
    "role": {"name": "EcsWebRole"},
    "user_data": "#!/bin/sh\n",
    "eipv4": "203.0.113.7",
    "disks": [{"serial": "bp100", "id": "d-bp100", "name": "data"}],
    "network_interfaces": [
        {"mac": "00:16:3e:00:00:09", "primary_ip_address": "10.1.0.9", "private_ipv4s": ["10.1.0.9", "10.1.0.10"]},
        {"mac": "00:16:3e:00:00:02", "primary_ip_address": "10.1.0.2", "ipv6s": ["2408:1::1", "2408:1::2"]},
    ],
}


def gather(instance, subset=("all",), platform=ON_ECS, **settings):
    client = Client(
        Settings(**{"endpoint": instance.endpoint, "retries": 0, "timeout": 60.0, "deadline": 300.0, **settings})
    )
    try:
        facts, warnings = _gather.gather(client, platform, _gather.select(subset))
    finally:
        client.close()
    return facts, warnings


def paths(instance) -> list[str]:
    return sorted(entry["path"] for entry in instance.journal() if entry["method"] == "GET")


def test_meta_data_all_and_a_walk_result_in_the_same_facts(emulator) -> None:
    instance = emulator.add_instance(**RICH)
    at_once, warnings = gather(instance)
    assert warnings == []
    emulator.switch(all=False)
    walked, warnings = gather(instance)
    assert warnings == []
    assert walked == at_once
    assert at_once["available"] is True
    assert at_once["tags"] == RICH["tags"]
    assert at_once["ram_role"] == "EcsWebRole"
    assert [nic["mac"] for nic in at_once["network_interfaces"]] == ["00:16:3e:00:00:09", "00:16:3e:00:00:02"]
    assert at_once["network_interfaces"][0]["private_ipv4s"] == ["10.1.0.9", "10.1.0.10"]
    assert at_once["network_interfaces"][1]["ipv6s"] == ["2408:1::1", "2408:1::2"]
    assert at_once["identity_document"]["instance_id"] == instance.id == at_once["instance_id"]
    assert at_once["system_events"] == []
    assert at_once["spot_termination_time"] is None


@pytest.mark.parametrize("included", [[], ["tags"], ["public-keys"], ["tags", "public-keys", "ram"]])
def test_facts_do_not_depend_on_what_meta_data_all_includes(emulator, included) -> None:
    instance = emulator.add_instance(**RICH)
    emulator.switch(all=False)
    walked, _warnings = gather(instance)
    emulator.switch(all=True, all_includes=included)
    assert gather(instance)[0] == walked


def test_with_meta_data_all_five_requests_are_sent(instance, emulator) -> None:
    emulator.switch(all_includes=["tags", "public-keys", "ram"])
    gather(instance)
    assert paths(instance) == [
        "/latest/dynamic/instance-identity/document",
        "/latest/maintenance/active-system-events",
        "/latest/meta-data/",
        "/latest/meta-data/all",
        "/latest/meta-data/ram/security-credentials/",
    ]


def test_secrets_are_neither_returned_nor_requested(emulator) -> None:
    instance = emulator.add_instance(**RICH)
    for switch in (True, False):
        emulator.switch(all=switch, all_includes=["tags", "public-keys", "ram"])
        facts, _warnings = gather(instance)
        assert "STS." not in str(facts) and "CAIS" not in str(facts) and "#!/bin/sh" not in str(facts)
    asked = paths(instance)
    assert "/latest/meta-data/ram/security-credentials/" in asked
    assert not [path for path in asked if "EcsWebRole" in path or path.endswith(("user-data", "vendor-data", "pkcs7"))]


def test_secrets_are_gathered_if_they_are_named(emulator) -> None:
    instance = emulator.add_instance(**RICH)
    facts, _warnings = gather(instance, ["!all", "user_data", "ram_credentials", "identity_signature", "vendor_data"])
    assert facts["user_data"] == "#!/bin/sh\n"
    assert facts["ram_credentials"]["AccessKeyId"].startswith("STS.")
    assert facts["ram_credentials"]["Code"] == "Success"
    assert len(facts["identity_signature"]) > 500
    assert facts["vendor_data"] is None


def test_without_a_role_its_credentials_are_null(emulator) -> None:
    instance = emulator.add_instance(role=None)
    facts, _warnings = gather(instance, ["ram_credentials", "ram"])
    assert facts["ram_credentials"] is None
    assert facts["ram_role"] is None


def test_the_subset_min_takes_three_requests(instance) -> None:
    facts, _warnings = gather(instance, ["!all"])
    assert set(facts) == {"available", "instance_id", "region_id", "zone_id"}
    assert paths(instance) == ["/latest/meta-data/" + name for name in ("instance-id", "region-id", "zone-id")]


def test_only_the_chosen_subset_is_walked(emulator) -> None:
    instance = emulator.add_instance(**RICH)
    emulator.switch(all=False)
    facts, _warnings = gather(instance, ["tags"])
    assert set(facts) == {"available", "instance_id", "region_id", "zone_id", "tags"}
    assert not [path for path in paths(instance) if "network" in path or "disks" in path or "dynamic" in path]


def test_an_excluded_subset_is_not_gathered(emulator) -> None:
    instance = emulator.add_instance(**RICH)
    facts, _warnings = gather(instance, ["!network", "!identity"])
    assert "network_interfaces" not in facts and "mac" not in facts and "identity_document" not in facts
    assert facts["tags"] and facts["disks"]


@pytest.mark.parametrize(
    ("requested", "chosen"),
    [
        (["all"], set(_gather.SUBSETS)),
        ([], set(_gather.SUBSETS)),
        (["!all"], {"min"}),
        (["!all", "!min"], set()),
        (["!all", "tags"], {"min", "tags"}),
        (["tags"], {"min", "tags"}),
        (["!tags"], set(_gather.SUBSETS) - {"tags"}),
        (["all", "user_data"], set(_gather.SUBSETS) | {"user_data"}),
        (["all", "!disks"], set(_gather.SUBSETS) - {"disks"}),
    ],
)
def test_select_follows_the_rules_of_setup(requested, chosen) -> None:
    assert _gather.select(requested) == chosen


def test_select_refuses_unknown_names() -> None:
    with pytest.raises(ValueError, match="does not have 'hardware'. Choose from all, disks, instance"):
        _gather.select(["hardware"])


def test_spot_release_and_events_appear(emulator) -> None:
    instance = emulator.add_instance(
        spot={"termination_time": "2031-01-01T00:00:00Z"}, system_events=[{"EventId": "e-1"}]
    )
    facts, _warnings = gather(instance)
    assert facts["spot_termination_time"] == "2031-01-01T00:00:00Z"
    assert facts["instance"]["spot"] == {"termination_time": "2031-01-01T00:00:00Z"}
    assert facts["system_events"][0]["EventId"] == "e-1"


def test_hostile_tags_are_only_text(emulator) -> None:
    tags = {
        "template": "{{ lookup('pipe','id') }}",
        "lines": "a\r\nX-Forwarded-For: 1",
        "nul": "a\0b",
        "big": "x" * 1_000_000,
        "dots": "../../latest/api/token",
    }
    instance = emulator.add_instance(instance_metadata_tags="enabled", tags=tags)
    for switch in (True, False):
        emulator.switch(all=switch)
        facts, warnings = gather(instance)
        assert facts["tags"] == tags
        assert warnings == []


def test_unsafe_names_are_skipped_with_a_warning(emulator) -> None:
    instance = emulator.add_instance()
    instance.set(metadata_all={"../../user-data": "x", "tags": {"instance": {"a/b": "x", "ok": "y"}}})
    facts, warnings = gather(instance)
    assert facts["tags"] == {"ok": "y"}
    assert len(warnings) == 1 and "2 metadata names that are unsafe" in warnings[0]


def test_meta_data_all_may_contain_null_numbers_and_lists(emulator) -> None:
    instance = emulator.add_instance()
    instance.set(metadata_all={"eipv4": None, "number": 7, "deep": {"er": {"list": [1, None], "none": None}}})
    facts, _warnings = gather(instance)
    assert "eipv4" not in facts
    assert facts["number"] == "7"
    assert facts["deep"] == {"er": {"list": "[1, null]"}}
    assert "None" not in str([value for value in facts.values() if isinstance(value, str)])


def test_meta_data_all_that_is_not_json_is_replaced_by_a_walk_with_a_warning(emulator, instance) -> None:
    emulator.switch(all=False)
    walked, _warnings = gather(instance)
    instance.fault(kind="status", status=200, body="<html>", on="data", path="*/all")
    facts, warnings = gather(instance)
    assert facts == walked
    assert len(warnings) == 1 and "is not JSON; the tree is walked instead" in warnings[0]


def test_an_item_with_the_name_of_a_derived_fact_is_an_error(emulator) -> None:
    instance = emulator.add_instance(metadata={"network-interfaces": "x"})
    with pytest.raises(ValueError, match="network_interfaces"):
        gather(instance)


def test_outside_of_alibaba_cloud_one_attempt_is_made_and_nothing_fails(monkeypatch) -> None:
    clock = FakeClock()
    with refused(IPV4) as ipv4, refused(IPV6) as ipv6:
        monkeypatch.setattr(_client, "ENDPOINTS", (ipv4.url, ipv6.url))
        client = Client(Settings(retries=20), clock.clock)
        facts, warnings = _gather.gather(client, NOT_ECS, _gather.select(["all"]))
    assert clock.pauses == []
    assert facts == {"available": False, "unavailable_reason": facts["unavailable_reason"]}
    assert "Connection refused" in facts["unavailable_reason"]
    assert warnings == []


def test_outside_of_alibaba_cloud_both_addresses_share_the_short_timeout(monkeypatch) -> None:
    """Both addresses drop all packets: the answer takes 0.3 s, whatever the timeout is."""
    clock = FakeClock()
    poll = PassingTime(clock)
    monkeypatch.setattr(_connect.select, "poll", lambda: poll)
    with silent(IPV4) as ipv4, silent(IPV6) as ipv6:
        monkeypatch.setattr(_client, "ENDPOINTS", (ipv4.url, ipv6.url))
        client = Client(Settings(timeout=60.0, deadline=300.0, retries=20), clock.clock)
        facts, _warnings = _gather.gather(client, NOT_ECS, _gather.select(["all"]))
    assert facts["available"] is False
    assert ipv4.url in facts["unavailable_reason"] and ipv6.url in facts["unavailable_reason"]
    assert poll.waits == pytest.approx([0.1, 0.2, 0.0], abs=0.002) and clock.pauses == []


@pytest.mark.parametrize("unusable", [refused, silent])
def test_facts_of_an_instance_without_ipv4(emulator, monkeypatch, unusable) -> None:
    instance = emulator.add_instance(listen="[::1]:0")
    with unusable(IPV4) as ipv4:
        monkeypatch.setattr(_client, "ENDPOINTS", (ipv4.url, instance.endpoint))
        client = Client(Settings(timeout=60.0, deadline=300.0))
        facts, warnings = _gather.gather(client, ON_ECS, _gather.select(["all"]))
        client.close()
    assert (facts["instance_id"], warnings) == (instance.id, [])
    assert [entry["method"] for entry in instance.journal()].count("PUT") == 1


@pytest.mark.parametrize("platform", [ON_ECS, NOT_ECS, UNKNOWN])
def test_an_explicit_endpoint_that_does_not_answer_fails(free_port, platform) -> None:
    """Facts with `available: false` would hide that an emulator is missing: a playbook that skips such hosts would succeed."""
    client = Client(Settings(endpoint="http://127.0.0.1:%d" % free_port, retries=0))
    with pytest.raises(_errors.Unreachable):
        _gather.gather(client, platform, _gather.select(["all"]))


def test_on_an_ecs_instance_an_unreachable_service_fails(free_port) -> None:
    client = Client(Settings(endpoint="http://127.0.0.1:%d" % free_port, retries=0))
    with pytest.raises(_errors.Unreachable):
        _gather.gather(client, ON_ECS, _gather.select(["all"]))


def test_an_explicit_endpoint_that_refuses_fails(instance) -> None:
    instance.set(http_endpoint="disabled")
    with pytest.raises(_errors.Refused):
        gather(instance, platform=UNKNOWN)


def test_an_emulator_works_without_a_dmi_table(instance) -> None:
    facts, _warnings = gather(instance, platform=UNKNOWN)
    assert facts["available"] is True
    assert [entry["method"] for entry in instance.journal()].count("PUT") == 1


def test_a_line_break_at_the_end_of_a_value_is_not_part_of_it(emulator) -> None:
    """Judged with several interfaces, whose order depends on the value of mac."""
    instance = emulator.add_instance(**RICH)
    expected, _warnings = gather(instance)
    for switches in ({"all": False}, {"all": True}):
        emulator.switch(trailing_newline=True, **switches)
        facts, warnings = gather(instance)
        assert (facts, warnings) == (expected, [])
        assert facts["network_interfaces"][0]["primary"] and facts["mac"] == "00:16:3e:00:00:09"
        assert gather(instance, ["min"])[0] == {
            key: expected[key] for key in ("available", "instance_id", "region_id", "zone_id")
        }


def test_user_data_that_cannot_be_decompressed_is_returned_as_it_is_with_a_warning(emulator) -> None:
    instance = emulator.add_instance(user_data_base64="H4sI")
    facts, warnings = gather(instance, ["!all", "user_data"])
    assert (facts["user_data"], facts["user_data_base64"]) == (None, "H4sI")
    (warning,) = warnings
    assert "begins like gzip data, but its end is missing" in warning
