# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Targets of the Makefile: each has one recipe, and each name that the documentation types exists."""

from __future__ import annotations

import re
from collections import Counter

from checkout import CHECKOUT

MAKEFILE = (CHECKOUT / "Makefile").read_text()
TARGETS = Counter(re.findall(r"(?m)^([a-z][a-z-]*):(?!=)", MAKEFILE))


def test_each_target_has_one_recipe() -> None:
    assert [name for name, count in TARGETS.items() if count > 1] == []


def test_each_phony_name_is_a_target() -> None:
    phony = re.search(r"(?m)^\.PHONY:(.*)$", MAKEFILE)
    assert phony is not None
    assert set(phony[1].split()) - set(TARGETS) == set()


def test_documented_commands_exist() -> None:
    pages = [CHECKOUT / name for name in ("README.md", "README.zh-CN.md", "CONTRIBUTING.md")]
    pages += [*(CHECKOUT / "docs").glob("*.md"), *(CHECKOUT / "docs/docsite/rst").glob("*.rst")]
    typed = {name for page in pages for name in re.findall(r"(?:`|\$ |then `)make ([a-z][a-z-]*)", page.read_text())}
    assert {"demo", "test", "benchmark-fleet"} <= typed
    assert typed - set(TARGETS) == set()
