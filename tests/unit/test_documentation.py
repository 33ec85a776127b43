# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation says what the code does."""

from __future__ import annotations

import importlib

import pytest
import yaml
from ansible_collections.alicloud.imds.plugins.doc_fragments._imds import ModuleDocFragment
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _gather
from ansible_collections.alicloud.imds.plugins.module_utils._imds._options import argument_spec

PLUGINS = "ansible_collections.alicloud.imds.plugins."


def test_the_shared_options_are_documented_with_their_defaults() -> None:
    documented = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    spec = argument_spec()
    assert set(documented) == set(spec)
    for name, option in spec.items():
        assert documented[name]["type"] == option["type"], name
        assert documented[name]["default"] == option["default"], name


def test_each_shared_option_can_be_set_everywhere_on_the_controller() -> None:
    sources = yaml.safe_load(ModuleDocFragment.CONTROLLER)["options"]
    assert set(sources) == set(argument_spec())
    for name, source in sources.items():
        assert source["env"] == [{"name": "ALICLOUD_IMDS_" + name.upper()}]
        assert source["ini"] == [{"section": "alicloud_imds", "key": name}]
        assert source["vars"] == [{"name": "alicloud_imds_" + name}]


def test_every_subset_is_documented() -> None:
    module = importlib.import_module(PLUGINS + "modules.metadata_facts")
    text = " ".join(yaml.safe_load(module.DOCUMENTATION)["options"]["gather_subset"]["description"])
    for name in (*_gather.SUBSETS, *_gather.SECRET_SUBSETS, "all"):
        assert "V(%s)" % name in text


@pytest.mark.parametrize(
    "name",
    [
        "lookup.metadata",
        "modules.access_modes_info",
        "modules.metadata_facts",
        "modules.metadata_info",
        "modules.preflight_info",
        "modules.callers_info",
    ],
)
def test_examples_are_yaml_with_full_names(name: str) -> None:
    examples = yaml.safe_load(importlib.import_module(PLUGINS + name).EXAMPLES)
    assert all("name" in example for example in examples)
