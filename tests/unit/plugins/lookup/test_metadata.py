# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup metadata, loaded as ansible-core loads it, against the emulator."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleError
from ansible.plugins.loader import lookup_loader
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _options


@pytest.fixture
def lookup(instance, monkeypatch):
    """Run the lookup on the emulated instance, with the state of a new process."""
    monkeypatch.setattr(_options, "_shared", {})

    def run(*terms, variables=None, **options):
        options.setdefault("endpoint", instance.endpoint)
        options.setdefault("timeout", 60)
        return lookup_loader.get("alicloud.imds.metadata").run(list(terms), variables or {}, **options)

    return run


def test_one_element_per_term(lookup, instance) -> None:
    assert lookup("instance-id", "/2016-01-01/meta-data/instance-id") == [instance.id, instance.id]
    assert lookup() == []


def test_listings_are_lists_of_names(lookup, instance) -> None:
    instance.set(network_interfaces=[{"mac": "00:16:3e:00:00:01"}, {"mac": "00:16:3e:00:00:02"}])
    assert lookup("network/interfaces/macs/") == [["00:16:3e:00:00:01", "00:16:3e:00:00:02"]]
    assert "meta-data" in lookup("/latest/")[0]


def test_json_is_parsed_on_request_only(lookup, instance) -> None:
    path = "dynamic/instance-identity/document"
    assert lookup(path)[0].startswith('{"')
    assert lookup(path, parse_json=True)[0]["instance-id"] == instance.id
    assert lookup("owner-account-id", parse_json=True)[0].isdigit()


def test_a_bracketed_list_that_is_not_json_stays_text(lookup, instance) -> None:
    instance.set(network_interfaces=[{"mac": "00:16:3e:00:00:01", "ipv6s": ["2408:1::1", "2408:1::2"]}])
    path = "network/interfaces/macs/00:16:3e:00:00:01/ipv6s"
    assert lookup(path, parse_json=True) == ["[2408:1::1,2408:1::2]"]


def test_a_hundred_lookups_share_a_token_and_a_connection(lookup, instance) -> None:
    for _time in range(100):
        lookup("instance-id")
    journal = instance.journal()
    assert [entry["method"] for entry in journal] == ["PUT"] + ["GET"] * 100
    assert len({entry["connection"] for entry in journal}) == 1


def test_a_repeated_term_is_requested_once(lookup, instance) -> None:
    lookup("instance-id", "instance-id")
    assert [entry["method"] for entry in instance.journal()] == ["PUT", "GET"]


def test_other_options_use_another_client(lookup, instance) -> None:
    lookup("instance-id")
    lookup("instance-id", token_ttl=60)
    assert [entry["method"] for entry in instance.journal()].count("PUT") == 2


def test_missing_items_fail_or_get_a_default_or_are_skipped(lookup) -> None:
    with pytest.raises(AnsibleError, match="GET /latest/meta-data/nonsense at .*: 404 Not Found"):
        lookup("instance-id", "nonsense")
    assert lookup("nonsense", missing="null") == [None]
    assert lookup("nonsense", missing="skip") == []
    assert lookup("nonsense", default="x") == ["x"]
    assert lookup("nonsense", default="x", missing="skip") == ["x"]
    assert lookup("nonsense", default="") == [""]
    with pytest.raises(AnsibleError, match="missing"):
        lookup("nonsense", missing="never")


def test_user_data_is_text_or_base64(lookup, instance) -> None:
    instance.set(user_data="#!/bin/sh\necho {{ secret }}\n")
    assert lookup("user-data") == ["#!/bin/sh\necho {{ secret }}\n"]
    instance.set(user_data=None, user_data_base64="//4A")
    with pytest.raises(AnsibleError, match="not UTF-8 text.*'encoding' to 'base64'"):
        lookup("user-data")
    assert lookup("user-data", encoding="base64") == ["//4A"]


def test_values_are_never_evaluated_as_templates(lookup, instance) -> None:
    from ansible import template
    from ansible.parsing.dataloader import DataLoader

    instance.set(instance_metadata_tags="enabled", tags={"evil": "{{ 7 * 7 }}"})
    trust = getattr(template, "trust_as_template", str)  # ansible-core before 2.19 trusts all text
    templar = template.Templar(loader=DataLoader())
    for value in (
        lookup("tags/instance/evil")[0],
        trust("{{ lookup('alicloud.imds.metadata', 'tags/instance/evil', endpoint='%s') }}" % instance.endpoint),
    ):
        assert templar.template(value) == "{{ 7 * 7 }}"


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "/latest/api/token", "a\r\nb"])
def test_invalid_paths_fail_without_a_request(lookup, instance, path) -> None:
    with pytest.raises(AnsibleError, match="path"):
        lookup(path)
    assert instance.journal() == []


def test_options_out_of_range_fail(lookup) -> None:
    with pytest.raises(AnsibleError, match="token_ttl must be 1 to 21600"):
        lookup("instance-id", token_ttl=21601)


def test_options_come_from_the_task_then_variables_then_the_environment(
    lookup, instance, emulator, monkeypatch
) -> None:
    other = emulator.add_instance()
    run = lookup_loader.get("alicloud.imds.metadata").run
    assert run(["instance-id"], {"alicloud_imds_endpoint": instance.endpoint}) == [instance.id]
    monkeypatch.setenv("ALICLOUD_IMDS_ENDPOINT", instance.endpoint)
    assert run(["instance-id"], {}) == [instance.id]
    assert run(["instance-id"], {"alicloud_imds_endpoint": other.endpoint}) == [other.id]
    assert run(["instance-id"], {"alicloud_imds_endpoint": "http://127.0.0.1:9"}, endpoint=other.endpoint) == [other.id]


@pytest.mark.parametrize("name", ["metadata", "ram_credentials"])
def test_a_fact_of_a_host_sets_no_option(instance, name: str) -> None:
    """Ansible makes variables of facts, which a host may return with the result of any module."""
    chosen = {"alicloud_imds_endpoint": instance.endpoint}
    with pytest.raises(AnsibleError, match="alicloud_imds_endpoint is a fact of this host"):
        lookup_loader.get("alicloud.imds." + name).run(["instance-id"], {**chosen, "ansible_facts": chosen})
    assert instance.journal() == []


def test_the_documentation_begins_with_where_the_lookup_runs() -> None:
    import ansible_collections.alicloud.imds.plugins.lookup.metadata as plugin
    import yaml

    assert yaml.safe_load(plugin.DOCUMENTATION)["description"][0].startswith("Runs on the controller")


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ("end_point", "Did you mean 'endpoint'?"),
        ("parse-json", "Did you mean 'parse_json'?"),
        ("zzz", "Its options are deadline, default, encoding, endpoint, "),
        ("_terms", "Its options are"),
    ],
)
def test_an_unknown_option_is_an_error(lookup, option, hint) -> None:
    with pytest.raises(AnsibleError) as caught:
        lookup("instance-id", **{option: "x"})
    assert "The lookup alicloud.imds.metadata has no option '%s'. %s" % (option, hint) in str(caught.value)


def test_arguments_of_ansible_core_are_accepted(lookup, instance) -> None:
    """A loop `with_alicloud.imds.metadata` passes wantlist."""
    assert lookup("instance-id", wantlist=True) == [instance.id]


@pytest.mark.parametrize("term", ["", " "])
def test_an_empty_path_is_an_error(lookup, term) -> None:
    with pytest.raises(AnsibleError, match="a path is empty"):
        lookup("instance-id", term)


def test_a_near_miss_names_the_path_that_exists(lookup) -> None:
    with pytest.raises(AnsibleError, match="Did you mean 'instance-id'?"):
        lookup("instance_id")
