# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print each point of the checklists for inclusion and certification with its result (see checklist.py for the sources)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from checklist import FAIL, OPEN, REPOSITORY, SECTIONS, Collection
from conftest import BIN, CHECKOUT, collection, run_checked


@pytest.fixture(scope="module")
def dump(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    command = (BIN / "ansible-doc", "--metadata-dump", "--no-fail-on-errors", "alicloud.imds")
    output = run_checked(*command, folder=tmp_path_factory.mktemp("dump"), ANSIBLE_COLLECTIONS_PATH=str(installed))
    return dict(json.loads(output))


def test_every_point_is_met(installed: Path, dump: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    points = list(Collection(collection(installed), CHECKOUT, dump).points())
    with capsys.disabled():
        print()
        for point in points:
            print(f"{point.result}  {point.checklist:<13}  {point.name}: {point.inspected}")
    assert len(points) > 35 and len([point for point in points if point.result == OPEN]) == 2
    assert [point for point in points if point.result == FAIL] == []


def test_a_point_that_is_not_met_is_found(installed: Path, dump: dict[str, Any], tmp_path: Path) -> None:
    """Break one thing after the other in a copy, and compare the names of the points that fail."""
    changes = {
        "README: sections": ("README.md", f"## {SECTIONS[3]}\n", "## Examples\n"),
        "README: absolute links": ("README.md", f"]({REPOSITORY}/blob/main/SECURITY.md)", "](SECURITY.md)"),
        "README: forum links and tag": ("README.md", "https://forum.ansible.com/tag/", "https://example.com/"),
        "requires_ansible in meta/runtime.yml": ("meta/runtime.yml", "requires_ansible", "requires"),
        "action groups complete": ("meta/runtime.yml", "    - metadata_facts\n", ""),
        "license header in every source": ("plugins/modules/fence.py", "# SPDX-License-" "Identifier: GPL-3.0-or-later\n", ""),
        "full names of documentation fragments": ("plugins/modules/fence.py", "  - alicloud.imds._attributes\n", "  - imds_options\n"),
        "Python requirements without upper limits": ("meta/ee-requirements.txt", "requests>=2.28", "requests==2.28"),
        "no binary files": ("LICENSE", "GNU", "\0 GNU"),
        "policy of releases, versions and deprecation": ("docs/releases.md", "## Deprecation", "## Names"),
    }  # fmt: skip
    for name, (path, old, new) in changes.items():
        copy = tmp_path / "copy"
        shutil.copytree(collection(installed), copy)
        text = (copy / path).read_text()
        assert old in text, name
        (copy / path).write_text(text.replace(old, new))
        assert [point.name for point in Collection(copy, CHECKOUT, dump).points() if point.result == FAIL] == [name]
        shutil.rmtree(copy)
    for change, name in (
        (lambda doc: doc.pop("version_added"), "version_added of every module and plugin"),
        (lambda doc: doc["attributes"].pop("diff_mode"), "attributes of all modules"),
        (lambda doc: doc["options"]["state"].update(choices=["query"]), "no state that queries"),
    ):
        broken = json.loads(json.dumps(dump))
        change(
            broken["all"]["module"]["alicloud.imds.fence" if "state" not in name else "alicloud.imds.tooling"]["doc"]
        )
        assert name in [
            point.name for point in Collection(collection(installed), CHECKOUT, broken).points() if point.result == FAIL
        ]
