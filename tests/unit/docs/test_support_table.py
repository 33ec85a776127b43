# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of supported versions in the READMEs has the versions of the test matrix."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[3]

import lines  # noqa: E402

VERSIONS = re.compile(r"\d+\.\d+")


def table(readme: str) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return the versions of the controller and of managed nodes for each line of ansible-core."""
    rows = {}
    for row in re.findall(
        r"^\| (?:≥ )?(2\.\d[^|]*) \|([^|]*)\|([^|]*)\|$", (CHECKOUT / readme).read_text(), re.MULTILINE
    ):
        for version in VERSIONS.findall(row[0]):
            rows[version] = (tuple(VERSIONS.findall(row[1])), tuple(VERSIONS.findall(row[2])))
    return rows


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_table_has_the_lines_of_the_matrix(readme: str) -> None:
    stable = [line for line in lines.LINES if not line.pre_release]
    assert table(readme) == {line.version: (line.controller, line.nodes) for line in stable}


def test_the_matrix_uses_supported_pythons() -> None:
    def number(version: str) -> tuple[int, ...]:
        return tuple(map(int, version.split(".")))

    for line in lines.LINES:
        for python in line.pythons:
            assert number(line.controller[0]) <= number(python) <= number(line.controller[1]), line.version


@pytest.mark.parametrize("role", ["emulator", "hardening"])
def test_roles_name_the_oldest_line(role: str) -> None:
    meta = yaml.safe_load((CHECKOUT / "roles" / role / "meta/main.yml").read_text())
    assert meta["galaxy_info"]["min_ansible_version"] == lines.LINES[0].version
