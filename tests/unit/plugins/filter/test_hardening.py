# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of the hardening role: their documentation and their errors."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.alicloud.imds.plugins.filter.hardening import FilterModule
from ansible_collections.alicloud.imds.plugins.plugin_utils._hardening import _settings

from ...conftest import CHECKOUT

FOLDER = CHECKOUT / "plugins/filter"
FILTERS = FilterModule().filters()


def test_each_filter_has_a_documentation_file() -> None:
    assert sorted(path.stem for path in FOLDER.glob("hardening_*.yml")) == sorted(FILTERS)


def test_the_documentation_describes_the_arguments_and_says_internal() -> None:
    for name, function in FILTERS.items():
        page = yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))["DOCUMENTATION"]
        assert page["name"] == name
        users = ("the role C(alicloud.imds.hardening)", "the playbooks of this collection")
        assert page["description"][-1].startswith(tuple("Internal to %s" % user for user in users)), name
        arguments = [word for word in page.get("positional", "").split(", ") if word]
        assert set(page["options"]) == {"_input", *arguments}, name
        assert function.__wrapped__.__code__.co_argcount == 1 + len(arguments), name


def test_an_invalid_value_is_a_filter_error() -> None:
    with pytest.raises(AnsibleFilterError, match="hardening_verify must be true or false, not 'maybe'"):
        FILTERS["hardening_settings"]({"verify": "maybe"})
    with pytest.raises(AnsibleFilterError, match="imds_become must be true or false"):
        FILTERS["hardening_setting"]("maybe", "imds_become")


def test_an_unknown_variable_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        _settings.normalize_one("x", "imds_unknown")


GROUPS = {"all": ["web1", "db1"], "ungrouped": [], "web": ["web1"], "db": ["db1"]}


@pytest.mark.parametrize("pattern", ["all", "web", "web*:!db", "~w.b1", "web,wbe", ["wbe", "db"], "localhost"])
def test_a_pattern_with_hosts(pattern: Any) -> None:
    assert FILTERS["hardening_matching"](pattern, GROUPS) == pattern
    assert FILTERS["hardening_matching"]("all", {"all": []}) == "all", (
        "ansible-playbook --syntax-check has no inventory"
    )
    assert FILTERS["hardening_matching"]("all", GROUPS, ["drift"]) == "all"
    with pytest.raises(AnsibleFilterError, match="matches no host"):  # no condition would be evaluated
        FILTERS["hardening_matching"]("all", {"all": []}, ["drift"])


@pytest.mark.parametrize("pattern", ["wbe", "web:&db", "web:!web1", ["wbe", "x"], "~wbe"])
def test_a_pattern_without_hosts_is_an_error_with_its_name(pattern: Any) -> None:
    with pytest.raises(AnsibleFilterError) as raised:
        FILTERS["hardening_matching"](pattern, GROUPS)
    assert f"imds_hosts={pattern} matches no host" in str(raised.value)
