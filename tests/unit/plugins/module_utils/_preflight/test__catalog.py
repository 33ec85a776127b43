# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalog of findings: every entry is complete, used and documented."""

from __future__ import annotations

import re

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._preflight import (
    _catalog,
    _cloud_init,
    _libraries,
    _node,
    _python,
)

from .page import CATALOG, COMMAND, GUIDES, MEASURED, PAGE, guide, page

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


def test_the_guides_have_the_measured_clients() -> None:
    for path in GUIDES:
        assert path.read_text(encoding="utf-8") == guide(path), "Run: " + COMMAND
    assert len(MEASURED["ROWS"]) >= 25


LIBRARIES = {**_python.LIBRARIES, _node._CREDENTIALS.package: _node._CREDENTIALS}
LIBRARIES["cloud-init"] = _libraries.Library("cloud_init_too_old", "cloud-init", "semver", _cloud_init.UPSTREAM_FIRST)


@pytest.mark.parametrize("row", MEASURED["ROWS"], ids=lambda row: row.package + row.version)
def test_the_judgment_of_a_version_is_what_was_measured(row) -> None:
    """A version that fails where tokens are required is a finding; one that reads with a token, or never succeeds, is none."""
    refused = "normal mode" in row.required and row.optional != row.required
    if row.package in LIBRARIES:
        found = [one["id"] for one in _libraries.judge(LIBRARIES[row.package], row.version, "/x")]
        assert found == ([row.finding] if refused else [])
    else:
        assert bool(row.finding) == refused
    assert row.finding in ("", "script_normal_mode", *_catalog.CATALOG)


def test_all_findings_about_software_are_in_the_measured_table() -> None:
    measured = {row.finding for row in MEASURED["ROWS"]} - {"", "script_normal_mode"}
    assert not measured & set(MEASURED["NOT_MEASURED"])
    software = {
        name
        for name in _catalog.CATALOG
        if re.search(r"_too_old|_normal_mode|_uncertain|_role", name)
        and not re.match(r"script_|program_|caller_|aliyun_cli_oss_role|ossutil_role", name)
    }
    assert measured | set(MEASURED["NOT_MEASURED"]) == software
