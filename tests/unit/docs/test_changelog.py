# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The changelog is written in reStructuredText: the macros of plugin documentation, such as C(name), would be printed as they are."""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
MACRO = re.compile(r"\b[BCEHILMOPRUV]\((?=[^\s)])")


def test_the_changelog_has_no_macros_of_plugin_documentation() -> None:
    files = [CHECKOUT / "changelogs/changelog.yaml", *(CHECKOUT / "changelogs/fragments").glob("*.y*ml")]
    found = [
        f"{file.name}: {line.strip()}" for file in files for line in file.read_text().splitlines() if MACRO.search(line)
    ]
    assert not found


def test_macros_are_found() -> None:
    assert MACRO.search("new option C(exclude)") and not MACRO.search("bpf(2), API (ECS), ``f(x)``")
