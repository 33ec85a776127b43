# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin with the emulated control plane, through the inventory manager of ansible-core."""

from __future__ import annotations

import json
import os

import lab
import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader
from ansible.template import Templar

# Each test reads an inventory source with ansible-core.
pytestmark = pytest.mark.slow

KEY, SECRET = "LTAI5tInventory000001", "inventory-test-secret"
OWN, OTHER = "1600000000000000", "1700000000000000"
ROLE = "acs:ram::%s:role/auditor" % OTHER
UNTRUSTED_ROLE = "acs:ram::%s:role/closed" % OTHER
NASTY = {
    "jinja": "{{ 1 + 1 }}{% raw %}",
    "newline": "a\nb",
    "rtl": "\u202eevil",
    "long": "x" * 1_000_000,
    "__ansible_vault": "x",
    "__ansible_unsafe": "x",
    "__ansible_type": "TrustedAsTemplate",
}
NAMES = ["{{ 7 * 7 }}", "two\nlines", "\u202ertl", "y" * 1_000_000, "localhost", "all", "imds_required"]
NAMES += ["-oProxyCommand=x", "a,b", "127.1"]
READER = {"name": "auditor", "actions": ["ecs:Describe*"]}


def instance(name: str, region: str = "cn-hangzhou", account: str = OWN, **config) -> dict:
    return {
        "instance_id": "i-" + name,
        "instance_name": name,
        "region_id": region,
        "owner_account_id": account,
        "http_tokens": "optional",
        "http_endpoint": "enabled",
        "clients": [],
        **config,
    }


FLEET = [
    instance("web1", tags={"app": "web", "fqdn": "web1.example"}),
    instance("web2", tags={"app": "web"}, http_tokens="required"),
    instance("off", http_endpoint="disabled", status="Stopped"),
    instance("win", os_type="windows"),
    instance("ack", ack_cluster="c123"),
    instance("far", "eu-central-1", tags={"app": "web"}),
    instance("theirs", account=OTHER, role=READER),
    instance("closed", account=OTHER, role={"name": "closed", "actions": []}),
]
HOSTILE = [
    instance("bad%d" % number, "cn-beijing", instance_name=name, tags=NASTY) for number, name in enumerate(NAMES)
]


@pytest.fixture(scope="module")
def cloud():
    keys = {
        KEY: {"secret": SECRET, "account": OWN, "user": "ann", "roles": [ROLE, UNTRUSTED_ROLE]},
        "LTAI5tHangzhou0000001": {"secret": SECRET, "account": OWN, "actions": []},
    }
    config = {"instances": FLEET + HOSTILE, "control": {"access_keys": keys, "account_id": OWN}}
    with lab.start_emulator(config, control=True) as process:
        yield process


@pytest.fixture
def load(cloud, tmp_path, monkeypatch):
    """Return a function that loads an inventory source with these options."""
    for name in os.environ:
        if name.startswith(("ALIBABA_CLOUD_", "ALICLOUD_")):
            monkeypatch.delenv(name)
    cloud.admin("PATCH", "/control", {"faults": [], "throttle": None})
    cloud.admin("DELETE", "/calls")

    def load(refresh: bool = False, **options) -> InventoryManager:
        source = {
            "plugin": "alicloud.imds.ecs",
            "access_key_id": KEY,
            "access_key_secret": SECRET,
            "api_endpoint": cloud.control_endpoint,
            "sts_endpoint": cloud.control_endpoint,
            "api_deadline": 600,
            "regions": ["cn-hangzhou", "eu-central-1"],
            **options,
        }
        path = tmp_path / "fleet.imds.yml"
        path.write_text(yaml.safe_dump(source))
        loader = DataLoader()
        manager = InventoryManager(loader, sources=None)
        plugin = inventory_loader.get("alicloud.imds.ecs")
        assert plugin.verify_file(str(path))
        plugin.parse(manager._inventory, loader, str(path), cache=not refresh)
        if options.get("cache"):
            plugin.update_cache_if_changed()
        manager.reconcile_inventory()
        return manager

    return load


def members(manager: InventoryManager, group: str) -> set[str]:
    return {host.name for host in manager.groups[group].get_hosts()} if group in manager.groups else set()


def failure(load, **options) -> str:
    with pytest.raises(Exception) as caught:
        load(**options)
    assert SECRET not in str(caught.value)
    return str(caught.value)


def test_each_host_is_in_the_group_of_its_mode(load) -> None:
    manager = load()
    assert members(manager, "imds_optional") == {"web1", "far"}
    assert members(manager, "imds_required") == {"web2"}
    assert members(manager, "imds_disabled") == {"off"}
    assert members(manager, "imds_exempt") == {"win", "ack"}
    assert members(manager, "imds_unknown") == set() and "imds_unknown" in manager.groups
    assert list(manager.hosts) == ["ack", "far", "off", "web1", "web2", "win"]


def test_variables_have_the_documented_keys_and_types(load) -> None:
    variables = load().get_host("ack").vars
    assert variables["imds"] == {
        "http_endpoint": "enabled",
        "http_tokens": "optional",
        "instance_metadata_tags": "disabled",
        "verdict": "exempt",
        "reason": variables["imds"]["reason"],
        "ack_cluster": "c123",
        "is_ack_node": True,
        "is_windows": False,
    }
    assert "node pool" in variables["imds"]["reason"]
    ecs = variables["ecs"]
    assert ecs["instance_id"] == "i-ack" and ecs["region_id"] == "cn-hangzhou" and ecs["role_arn"] is None
    assert ecs["private_ips"] == [variables["ansible_host"]]
    assert {name for name, value in ecs.items() if isinstance(value, list)} == {
        "ipv6s",
        "private_ips",
        "public_ips",
        "security_group_ids",
    }


def test_all_regions_are_listed_once(load, cloud) -> None:
    hosts = load(regions=["all"], exclude={"instance_ids": ["i-bad%d" % number for number in range(len(NAMES))]}).hosts
    assert set(hosts) == {"web1", "web2", "off", "win", "ack", "far"}
    assert len(cloud.calls("DescribeRegions")) == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"filters": {"tags": {"app": "web"}}}, {"web1", "web2", "far"}),
        ({"filters": {"tags": {"fqdn": None}}}, {"web1"}),
        ({"filters": {"states": ["Stopped"]}}, {"off"}),
        ({"filters": {"http_tokens": "required"}}, {"web2"}),
        ({"filters": {"name": "w*"}}, {"web1", "web2", "win"}),
        ({"filters": {"vpc_id": "vpc-none"}}, set()),
        ({"exclude": {"instance_ids": ["i-web1"], "names": ["w?n", "a*"], "tags": {"app": "none"}}}, {"web2", "off", "far"}),
        ({"exclude": {"tags": {"app": None}}}, {"off", "win", "ack"}),
        ({"exclude": {"tags": {"app": "web"}}, "regions": ["eu-central-1"]}, set()),
    ],
)  # fmt: skip
def test_filters_and_exclusions_select_hosts(load, options, expected) -> None:
    assert set(load(**options).hosts) == expected


def test_exempt_instances_have_their_group_and_reason(load) -> None:
    manager = load(exempt={"i-web1": "legacy agent"})
    assert "web1" in members(manager, "imds_exempt") and "web1" not in members(manager, "imds_optional")
    assert manager.get_host("web1").vars["imds"]["reason"] == "legacy agent"


def test_constructed_features_use_the_variables(load) -> None:
    manager = load(
        compose={"zone": "ecs.region_id ~ '-x'"},
        groups={"to_do": "imds.verdict == 'optional'"},
        keyed_groups=[{"key": "ecs.tags.app"}, {"key": "ecs.os_type", "prefix": "os"}],
        leading_separator=False,
    )
    assert manager.get_host("far").vars["zone"] == "eu-central-1-x"
    assert members(manager, "to_do") == {"web1", "far"}
    assert members(manager, "web") == {"web1", "web2", "far"}
    assert members(manager, "os_windows") == {"win"}


def test_strict_reports_an_invalid_expression(load) -> None:
    assert set(load(compose={"zone": "ecs.none.none"}).hosts)
    assert "zone" in failure(load, compose={"zone": "ecs.none.none"}, strict=True)


def test_host_names_follow_the_precedence(load) -> None:
    assert set(load(hostnames=["tag:fqdn", "instance_id"], filters={"tags": {"app": "web"}}).hosts) == {
        "web1.example",
        "i-web2",
        "i-far",
    }
    by_address = load(hostnames=["ipv6", "private_ip"])
    assert by_address.hosts and all(
        host.vars["ecs"]["private_ips"][0] == name for name, host in by_address.hosts.items()
    )


def test_addresses_may_be_left_out(load) -> None:
    assert all("ansible_host" not in host.vars for host in load(addresses=[]).hosts.values())


def test_hostile_names_and_tags_stay_data(load) -> None:
    options = {
        "regions": ["cn-beijing"],
        "keyed_groups": [{"key": "ecs.tags.jinja", "prefix": "t"}, {"key": "ecs.tags.newline", "prefix": "t"}],
        "compose": {"again": "ecs.tags.jinja"},
        "strict": True,
    }
    manager = load(**options)
    assert set(manager.hosts) == {"i-bad%d" % number for number in range(len(NAMES))}
    assert set(manager.groups) <= {"all", "ungrouped", "t____1___1______raw___", "t_a_b"} | {
        "imds_" + name for name in ("optional", "required", "disabled", "exempt", "unknown")
    }
    for number, name in enumerate(NAMES):
        variables = manager.get_host("i-bad%d" % number).vars
        templar = Templar(DataLoader(), variables=variables)
        assert templar.template(variables["ecs"]) == variables["ecs"]
        assert variables["ecs"]["name"] == name and variables["ecs"]["tags"] == NASTY
        assert templar.template(variables["again"]) == NASTY["jinja"]


def test_a_name_of_two_instances_is_used_for_neither(load, cloud) -> None:
    cloud.admin("POST", "/instances", instance("copy", instance_name="web1"))
    try:
        assert {"i-web1", "i-copy"} < set(load().hosts)
    finally:
        cloud.admin("DELETE", "/instances/i-copy")


@pytest.fixture
def cached(load, tmp_path):
    """Return `load` with a cache in files."""
    cache = {"cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache"), "cache": True}
    return lambda refresh=False, **options: load(refresh, **{**cache, **options})


def test_the_second_run_from_the_cache_makes_no_call(cached, cloud) -> None:
    first = cached()
    calls = len(cloud.calls())
    second = cached()
    assert calls > 0 and len(cloud.calls()) == calls
    assert {name: host.vars for name, host in first.hosts.items()} == {
        name: host.vars for name, host in second.hosts.items()
    }
    assert members(second, "imds_optional") == {"web1", "far"}


def test_other_options_and_a_refresh_do_not_use_the_cache(cached, cloud) -> None:
    cached()
    assert set(cached(exclude={"names": ["web*"]}).hosts) == {"off", "win", "ack", "far"}
    cloud.admin("PATCH", "/instances/i-web1", {"http_tokens": "required"})
    try:
        assert "web1" in members(cached(), "imds_optional")
        assert "web1" in members(cached(refresh=True), "imds_required")
    finally:
        cloud.admin("PATCH", "/instances/i-web1", {"http_tokens": "optional"})


def test_the_cache_has_no_secret_and_gives_tags_no_meaning(cached, cloud, tmp_path) -> None:
    cached(regions=["cn-beijing"])
    cloud.admin("DELETE", "/calls")
    again = cached(regions=["cn-beijing"])
    assert cloud.calls() == []
    assert again.get_host("i-bad0").vars["ecs"]["tags"] == NASTY
    files = list((tmp_path / "cache").iterdir())
    assert files and not any(SECRET in path.read_text() or SECRET in path.name for path in files)


def test_a_damaged_cache_is_replaced(cached, cloud, tmp_path) -> None:
    cached()
    for path in (tmp_path / "cache").iterdir():
        path.write_text(json.dumps({"instances": "[{}]"}))
    cloud.admin("DELETE", "/calls")
    assert "web1" in cached().hosts and cloud.calls()


def test_accounts_are_listed_with_their_roles(load, cloud) -> None:
    manager = load(assume_role=[{"role_arn": ROLE, "session_name": "inventory"}], regions=["cn-hangzhou"])
    assert set(manager.hosts) == {"theirs", "closed"}
    assert manager.get_host("theirs").vars["ecs"]["role_arn"] == ROLE
    assert len(cloud.calls("AssumeRole")) == 1
    both = load(assume_role=[ROLE], own_account=True, regions=["cn-hangzhou"])
    assert {"theirs", "web1"} < set(both.hosts)


def test_an_error_names_the_account_and_the_region(load) -> None:
    options = {"assume_role": [ROLE, UNTRUSTED_ROLE], "regions": ["cn-hangzhou"]}
    message = failure(load, **options)
    assert "%s, cn-hangzhou" % UNTRUSTED_ROLE in message and "ecs:DescribeInstances" in message
    unknown = "acs:ram::%s:role/none" % OTHER
    assert unknown in failure(load, assume_role=[ROLE, unknown], regions=["all"])


def test_a_warning_keeps_the_hosts_of_the_others(cached, cloud, capsys) -> None:
    options = {"assume_role": [ROLE, UNTRUSTED_ROLE], "regions": ["cn-hangzhou"], "on_region_error": "warn"}
    assert set(cached(**options).hosts) == {"theirs", "closed"}
    assert "role/closed, cn-hangzhou" in " ".join(capsys.readouterr().err.split())
    cloud.admin("DELETE", "/calls")
    assert cached(**options).hosts and cloud.calls()  # an incomplete result is not cached


def test_a_region_that_fails(load) -> None:
    regions = ["cn-hangzhou", "xx-nowhere-1"]
    assert "xx-nowhere-1" in failure(load, regions=regions)
    assert "web1" in load(regions=regions, on_region_error="warn").hosts


def test_nothing_that_can_be_listed_is_an_error(load) -> None:
    nobody = {"access_key_id": "LTAI5tHangzhou0000001", "on_region_error": "warn"}
    assert "ecs:DescribeInstances" in failure(load, **nobody)
    assert "ecs:DescribeRegions" in failure(load, regions=["all"], **nobody)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"excludes": {}}, "Did you mean 'exclude'?"),
        ({"filters": {"tag": {}}}, "Did you mean 'tags'?"),
        ({"filters": {"http_tokens": "on"}}, "must be optional or required"),
        ({"filters": {"tags": {"a": ["b"]}}}, "'filters.tags' must be"),
        ({"exclude": {"name": "x"}}, "'exclude' has no key 'name'"),
        ({"exclude": {"names": [1]}}, "'exclude.names' must be a list of text"),
        ({"hostnames": ["names"]}, "'hostnames' has no source 'names'"),
        ({"addresses": ["name"]}, "'addresses' has no source 'name'"),
        ({"assume_role": ["auditor"]}, "must be the ARN of a role"),
        ({"assume_role": [{"arn": ROLE}]}, "'assume_role' has no option 'arn'"),
        ({"assume_role": [ROLE, ROLE]}, "twice"),
        ({"assume_role": [{"role_arn": ROLE, "duration_seconds": 1}]}, "must be 900 to 43200"),
        ({"own_account": False}, "needs 'assume_role'"),
        ({"max_concurrency": 0}, "max_concurrency must be 1 to 64"),
        ({"regions": ["Hangzhou"]}, "is not a region ID"),
        ({"regions": []}, "at least one region"),
        ({"api_endpoint": "http://example.com"}, "api_endpoint"),
    ],
)
def test_an_invalid_option_is_an_error(load, cloud, options, message) -> None:
    assert message in failure(load, **options)
    assert cloud.calls() == []


def test_other_files_are_not_read(tmp_path) -> None:
    for name, expected in (("imds.yml", True), ("a.imds.yaml", True), ("hosts.yml", False), ("imds.json", False)):
        (tmp_path / name).write_text("")
        assert inventory_loader.get("alicloud.imds.ecs").verify_file(str(tmp_path / name)) is expected
    assert inventory_loader.get("alicloud.imds.ecs").verify_file(str(tmp_path / "none.imds.yml")) is False


def test_a_file_with_another_name_is_named_in_a_warning(tmp_path, monkeypatch) -> None:
    warned: list[str] = []
    plugin = inventory_loader.get("alicloud.imds.ecs")
    monkeypatch.setattr(plugin.display, "warning", warned.append)
    for name, text in (
        ("ours.yml", "plugin: alicloud.imds.ecs\n"),
        ("other.yml", "plugin: other.ecs\n"),
        ("imds.yml", "plugin: alicloud.imds.ecs\n"),
    ):
        (tmp_path / name).write_text("---\n" + text)
        plugin.verify_file(str(tmp_path / name))
    assert warned == [
        "Rename %s: the name of a file for alicloud.imds.ecs must end in imds.yml or imds.yaml."
        % (tmp_path / "ours.yml")
    ]


def test_ten_thousand_instances_need_one_call_for_each_page(load, cloud) -> None:
    """Two accounts with two regions each: the calls are those of the pages, also when the API throttles."""
    regions = ["cn-shanghai", "cn-shenzhen"]
    config = {
        "instances": [
            instance("n%05d" % number, regions[number % 2], OTHER if number % 4 > 1 else OWN, role=READER)
            for number in range(10_000)
        ],
        "control": {
            "access_keys": {KEY: {"secret": SECRET, "account": OWN, "user": "ann", "roles": [ROLE]}},
            "account_id": OWN,
            "throttle": {"per_second": 20},
        },
    }
    with lab.start_emulator(config, control=True) as process:
        manager = load(
            regions=regions,
            assume_role=[ROLE],
            own_account=True,
            api_endpoint=process.control_endpoint,
            sts_endpoint=process.control_endpoint,
        )
        accepted = [call for call in process.calls("DescribeInstances") if call["status"] == 200]
        assert len(manager.hosts) == 10_000
        assert len(members(manager, "imds_optional")) == 10_000
        assert len(accepted) == 100
        assert len(process.calls("AssumeRole")) == 1
