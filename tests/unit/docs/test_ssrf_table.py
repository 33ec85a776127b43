# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the table of attacks in the guide with the measured table in docs/ssrf.md."""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]


def test_the_guide_shows_the_measured_table() -> None:
    lines = re.findall(r"^\| (.*) \|$", (CHECKOUT / "docs/ssrf.md").read_text(), re.MULTILINE)
    measured = [[cell.strip().lower() for cell in line.split("|")] for line in lines]
    guide = (CHECKOUT / "docs/docsite/rst/why_tokens.rst").read_text().partition("Before and after\n")[2]
    shown = re.findall(r"^   \* - (.*)\n     - (.*)\n     - (.*)\n     - (.*)$", guide, re.MULTILINE)
    assert len(measured) > 3
    assert [[cell.lower() for cell in row] for row in shown] == measured
