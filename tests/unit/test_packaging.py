# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection says of itself: metadata, links of its documents."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
DOCUMENTS = [path for pattern in ("*.md", "docs/*.md", ".github/*.md") for path in sorted(CHECKOUT.glob(pattern))]


def test_version_dependencies_and_tags() -> None:
    galaxy = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text())
    assert re.fullmatch(r"\d+\.\d+\.\d+", galaxy["version"])
    assert galaxy["dependencies"] == {}
    assert 0 < len(galaxy["tags"]) <= 20 and "cloud" in galaxy["tags"]


def test_nothing_was_renamed_yet() -> None:
    runtime = yaml.safe_load((CHECKOUT / "meta/runtime.yml").read_text())
    assert set(runtime) == {"requires_ansible", "action_groups"}


def test_every_file_that_a_document_links_to_is_there() -> None:
    links = [(path, link) for path in DOCUMENTS for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text())]
    assert [(path.name, link) for path, link in links if not (path.parent / link).exists()] == []


REPOSITORY = "https://github.com/alicloud-imds/alicloud.imds"


def test_every_file_of_the_repository_that_a_document_links_to_is_there() -> None:
    """The README has absolute links, because Galaxy displays it elsewhere."""
    links = [(path, link) for path in DOCUMENTS for link in re.findall(rf"\]\({REPOSITORY}/([^)#]+)", path.read_text())]
    files = [(path, re.match(r"(blob|tree)/main/(.*)", link)) for path, link in links if link != "issues"]
    assert len(files) > 60
    assert [(path.name, found) for path, found in files if not found or not (CHECKOUT / found[2]).exists()] == []


def test_the_package_of_the_emulator_has_the_license_of_the_collection() -> None:
    """`pip install` and `podman build` use the folder of the package alone."""
    assert (CHECKOUT / "roles/emulator/files/LICENSE").read_text() == (CHECKOUT / "LICENSE").read_text()
