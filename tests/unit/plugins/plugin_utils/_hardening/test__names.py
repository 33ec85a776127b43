# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of files in the record: different hosts have different ones, and earlier names are used only without ambiguity."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote

import pytest
from ansible_collections.alicloud.imds.plugins.plugin_utils._hardening._names import (
    audience,
    earlier_records,
    record_name,
    record_names,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("web1", "web1"),
        ("web-1.example.com", "web-1.example.com"),
        ("Web_1~a", "Web_1~a"),
        ("a b", "a%20b"),
        ("a:1", "a%3A1"),
        ("../x", "%2E.%2Fx"),
        (".a", "%2Ea"),
        ("a%20b", "a%2520b"),
        ("\u5317\u4eacweb1", "%E5%8C%97%E4%BA%ACweb1"),
    ],
)
def test_a_name_is_encoded(host: str, name: str) -> None:
    assert record_names([host]) == [name]
    assert unquote(name) == host


def test_names_that_earlier_versions_recorded_in_one_file_differ() -> None:
    hosts = [
        "\u5317\u4eacweb1",
        "\u4e0a\u6d77web1",
        "__web1",
        "web a",
        "web_a",
        "a:1",
        "a_1",
        ".x",
        "_x",
        "\u676d\u5dde" * 90,
        "\u676d\u5dde" * 91,
    ]
    assert len(set(record_names(hosts))) == len(hosts)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), unique=True))
def test_all_names_differ_and_are_valid(hosts: list[str]) -> None:
    names = record_names(hosts)
    assert len(set(names)) == len(hosts)
    assert all(len(name) <= 200 and name.isascii() and "/" not in name and name[0] != "." for name in names)


def test_a_long_name_can_be_created(tmp_path: Path) -> None:
    for host in ("\u676d\u5dde" * 100, "x" * 500, "." * 300):
        (tmp_path / (record_name(host) + ".json")).touch()
    assert len(os.listdir(tmp_path)) == 3


def test_the_file_of_an_earlier_version_is_used_only_if_no_other_host_had_the_same() -> None:
    def host(name: str, **more: str) -> dict[str, str]:
        return {"inventory_hostname": name, **more}

    inventory = ["web1", "web a", "web_a", "\u5317\u4eacdb"]
    hosts = [host("web1"), host("web a"), host("web_a", hardening_instance_id="i-2"), host("\u5317\u4eacdb")]
    assert earlier_records(hosts, inventory) == {
        "web1": {"name": "web1"},
        "web%20a": {"name": "web_a", "instance_ids": []},
        "web_a": {"name": "web_a", "instance_ids": ["i-2"]},
        "%E5%8C%97%E4%BA%ACdb": {"name": "__db"},
    }


def test_a_fact_does_not_state_the_instance_of_an_earlier_file() -> None:
    stated = {"hardening_instance_id": "i-2"}
    host = {"inventory_hostname": "web_a", **stated, "ansible_facts": stated}
    assert earlier_records([host], ["web a", "web_a"]) == {"web_a": {"name": "web_a", "instance_ids": []}}


def test_each_host_and_each_run_has_its_own_audience_of_safe_characters() -> None:
    seen = {audience(nonce, host) for nonce in ("0a", "0b") for host in ("web1", "web2", '\u5317\u4eac "x&')}
    assert len(seen) == 6
    assert all(it.replace("-", "").isalnum() and it.isascii() and len(it) < 120 for it in seen)
