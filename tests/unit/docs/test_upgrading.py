# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The upgrade guide names everything that a breaking change since 0.3.0 names, and each ID of a finding that it gives exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._catalog import CATALOG

CHECKOUT = Path(__file__).resolve().parents[3]
PAGE = (CHECKOUT / "docs/upgrading.md").read_text()
BEFORE = {"0.1.0", "0.2.0", "0.3.0"}
KINDS = ("breaking_changes", "removed_features")


def entries() -> Iterator[str]:
    """Yield the breaking changes of the fragments, and of the releases up to 1.0.0 once they have consumed the fragments."""
    changes = [yaml.safe_load(path.read_text()) for path in (CHECKOUT / "changelogs/fragments").glob("*.yml")]
    releases = yaml.safe_load((CHECKOUT / "changelogs/changelog.yaml").read_text())["releases"]
    if "1.0.0" in releases:
        changes = []
    changes += [release["changes"] for version, release in releases.items() if version == "1.0.0"]
    for change in changes:
        for kind in KINDS:
            yield from change.get(kind, [])


def test_every_name_of_a_breaking_change_is_on_the_page() -> None:
    found = list(entries())
    assert len(found) > 50
    documented = set(re.findall(r"[\w-]+", PAGE))
    for entry in found:
        for name in re.findall(r"``(.+?)``", entry):
            assert set(re.findall(r"[\w-]+", name)) <= documented, entry


def test_the_new_ids_of_findings_exist() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \|$", PAGE.partition("## Renames: findings")[2], re.MULTILINE)
    assert len(rows) == 11
    known = set(CATALOG)
    assert {new for _old, new in rows} <= known
    assert not {old for old, _new in rows} & known
