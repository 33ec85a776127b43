# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Are the role's variables the same in its defaults, its argument specification and its README?"""

from __future__ import annotations

import re

import yaml

from .client import LAUNCHER

ROLE = LAUNCHER.parents[1]


def test_defaults_are_those_of_the_argument_specification() -> None:
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text(encoding="utf-8"))
    specs = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text(encoding="utf-8"))
    options = specs["argument_specs"]["main"]["options"]
    assert defaults == {name: option["default"] for name, option in options.items()}


def test_the_readme_has_a_row_for_each() -> None:
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text(encoding="utf-8"))
    rows = re.findall(r"^\| `(\w+)` \|", (ROLE / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert rows and sorted(rows) == sorted(defaults)
