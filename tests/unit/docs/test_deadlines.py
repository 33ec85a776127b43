# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deadlines of the code are those in the table of times that were measured on a busy host, and longer than these times."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
CLIENT, INSTALL = "plugins/module_utils/_imds/_client.py", "plugins/module_utils/_host/_install.py"
# Where the code has the limits of each operation
LIMITS = {
    "open a connection": [(CLIENT, r"^PROBE_SECONDS = ([\d.]+)"), (CLIENT, r"^    timeout: float = ([\d.]+)")],
    "read a value over an open connection": [(CLIENT, r"^    timeout: float = ([\d.]+)")],
    "request a token": [(CLIENT, r"^    timeout: float = ([\d.]+)")],
    "probe the access modes, five requests": [(CLIENT, r"^    deadline: float = ([\d.]+)")],
    "``ecs-metadata facts``": [(INSTALL, r'^_READ_FACTS = .*"--deadline", "([\d.]+)"')],
    "start the emulator": [("roles/emulator/tasks/wait.yml", r"^    timeout: (\d+)")],
}
ROW = re.compile(r"^   \* - (.+)\n     - ([\d.]+) s\n     - ([\d.]+) s\n     - (.+)$", re.MULTILINE)


def rows() -> dict[str, tuple[float, list[float]]]:
    """Return the longest time and the limits by operation, in seconds."""
    page = (CHECKOUT / "docs/docsite/rst/design_notes.rst").read_text()
    table = page.partition("Deadlines on a busy host\n")[2].partition("\n---")[0]
    return {
        found[1]: (float(found[3]), [float(it) for it in re.findall(r"\b([\d.]+) s\b", found[4])])
        for found in ROW.finditer(table)
    }


def test_the_table_has_the_operations() -> None:
    assert rows().keys() == LIMITS.keys()


@pytest.mark.parametrize("operation", LIMITS)
def test_the_limits_are_those_of_the_code_and_longer_than_the_longest_time(operation: str) -> None:
    longest, stated = rows()[operation]
    used = []
    for path, pattern in LIMITS[operation]:
        found = re.search(pattern, (CHECKOUT / path).read_text(), re.MULTILINE)
        assert found, pattern
        used.append(float(found[1]))
    assert stated == used
    assert longest < min(stated)
