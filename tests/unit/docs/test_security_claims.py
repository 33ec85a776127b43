# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers and mechanisms that SECURITY.md states are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
HOST, COMMON = "plugins/module_utils/_host/", "plugins/module_utils/_common/"
# What SECURITY.md states, and where the code has it
CLAIMS = [
    (r"compares the loaded rules every (\d+) s", HOST + "_fence_units.py", r"OnUnitActiveSec=(\d+)s"),
    (r"noticed after up to (\d+) s", HOST + "_fence_units.py", r"OnUnitActiveSec=(\d+)s"),
    (r"needs Linux (\d\.\d+) and nftables", HOST + "_fence.py", r"need Linux (\d\.\d+) and\b"),
    (r"and nftables (1\.0\.\d)\.", HOST + "_fence.py", r"nftables (1\.0\.\d) or later"),
    (r"mode (0600), atomic replacement", "plugins/module_utils/_command/_token_file.py", r"fchmod\(descriptor, 0o?(0?600)\)"),
    (r"Python with `(-I)`", COMMON + "_programs.py", r'"-Es" if is_python2 else "(-I)"'),
    (r"started by absolute path in `(/)`", COMMON + "_programs.py", r'cwd="(/)"'),
    (r"The signature of the identity document uses (SHA-1)", "plugins/filter/verified_identity.yml", r"service uses (SHA-1)"),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "path", "code"), CLAIMS, ids=[claim[0] for claim in CLAIMS])
def test_a_claim_is_that_of_the_code(claim: str, path: str, code: str) -> None:
    stated = re.search(claim, " ".join((CHECKOUT / "SECURITY.md").read_text().split()))
    found = re.search(code, (CHECKOUT / path).read_text())
    assert stated and found
    assert stated[1].lstrip("0") == found[1].lstrip("0")


def test_each_threat_names_its_mitigation_and_an_existing_file() -> None:
    table = (
        (CHECKOUT / "SECURITY.md")
        .read_text()
        .split("| threat | mitigation | where |\n|---|---|---|\n")[1]
        .split("\n\n")[0]
    )
    rows = [re.split(r"(?<!\\) \| ", row.strip("| ")) for row in table.splitlines()]
    assert len(rows) > 20
    for row in rows:
        assert len(row) == 3 and all(row), row
        links = re.findall(r"\]\(([^)]+)\)", row[2])
        assert links and all((CHECKOUT / link).is_file() for link in links), row
