# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of the hardening role: their documentation and their errors."""

from __future__ import annotations

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
        assert page["description"][-1].startswith("Internal to the role C(alicloud.imds.hardening)"), name
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
