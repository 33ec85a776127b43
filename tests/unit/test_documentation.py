# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare the documentation of plugins, and the repository layout in CONTRIBUTING.md, with the code."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.alicloud.imds.plugins.doc_fragments._imds import ModuleDocFragment
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _gather
from ansible_collections.alicloud.imds.plugins.module_utils._imds._options import argument_spec

PLUGINS = "ansible_collections.alicloud.imds.plugins."
CHECKOUT = Path(__file__).resolve().parents[2]


def test_shared_options_are_documented_with_their_defaults() -> None:
    documented = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    spec = argument_spec()
    assert set(documented) == set(spec)
    for name, option in spec.items():
        assert documented[name]["type"] == option["type"], name
        assert documented[name].get("default") == option.get("default"), name


def test_lookups_read_shared_options_from_environment_configuration_and_variables() -> None:
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


def layout() -> list[str]:
    """Return the paths in the repository layout of CONTRIBUTING.md."""
    section = (CHECKOUT / "CONTRIBUTING.md").read_text().split("## Repository layout\n")[1].split("\n\n")[0]
    return re.findall(r"^    (\S+)  ", section, re.MULTILINE)


def test_every_path_of_the_repository_layout_exists() -> None:
    paths = layout()
    assert len(paths) > 20
    assert [path for path in paths if not (CHECKOUT / path).exists()] == []


@pytest.mark.parametrize("parent", ["plugins/module_utils", "plugins/plugin_utils", "plugins", "roles", "tests"])
def test_the_repository_layout_lists_every_package_and_folder(parent: str) -> None:
    folders = {f"{parent}/{path.parent.name}/" for path in (CHECKOUT / parent).glob("*/*") if path.suffix != ".pyc"}
    missing = {folder for folder in folders if not any(path.startswith(folder) for path in layout())}
    assert {folder for folder in missing if not folder.endswith(("/__pycache__/", "/output/"))} == set()
