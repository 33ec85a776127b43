# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalog of findings: every entry is complete, used and documented."""

from __future__ import annotations

import re

from ansible_collections.alicloud.imds.plugins.module_utils._preflight import _catalog

from .page import CATALOG, COMMAND, PAGE, page

SOURCES = "".join(path.read_text() for path in CATALOG.parent.glob("*.py") if path != CATALOG)


def test_the_page_agrees_with_the_catalog() -> None:
    assert PAGE.read_text() == page(_catalog.CATALOG), "Run: " + COMMAND


def test_every_finding_has_all_its_parts() -> None:
    for name, kind in _catalog.CATALOG.items():
        assert kind.severity in _catalog.SEVERITIES, name
        assert kind.title and not kind.title.endswith(".") and kind.evidence, name
        assert kind.impact.endswith("."), name
        assert kind.remedy.endswith(".") or re.search(r"https://\S+\Z", kind.remedy), name


def test_every_finding_is_used_and_every_used_finding_exists() -> None:
    assert [name for name in _catalog.CATALOG if '"%s"' % name not in SOURCES] == []
    assert set(re.findall(r'\bfinding\("([a-z0-9_]+)"', SOURCES)) <= set(_catalog.CATALOG)
