# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a role says of itself in several places is the same in all of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[2] / "roles"
NAMES = sorted(path.name for path in ROLES.iterdir())


def options(role: str) -> dict[str, dict[str, Any]]:
    specs = yaml.safe_load((ROLES / role / "meta/argument_specs.yml").read_text(encoding="utf-8"))
    found: dict[str, dict[str, Any]] = specs["argument_specs"]["main"]["options"]
    return found


@pytest.mark.parametrize("role", NAMES)
def test_defaults_are_those_of_the_argument_specification(role: str) -> None:
    defaults = yaml.safe_load((ROLES / role / "defaults/main.yml").read_text(encoding="utf-8"))
    assert defaults == {name: option["default"] for name, option in options(role).items()}


@pytest.mark.parametrize("role", NAMES)
def test_the_readme_names_no_variable_that_is_none(role: str) -> None:
    text = (ROLES / role / "README.md").read_text(encoding="utf-8")
    results = {"hardening_result", "hardening_report"}
    assert set(re.findall(rf"\b{role}_[a-z_]+\b", text)) - results <= set(options(role))


def test_the_readme_of_the_emulator_has_a_row_for_each() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", (ROLES / "emulator/README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert rows and sorted(rows) == sorted(options("emulator"))
