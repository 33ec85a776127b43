# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies in the guides are valid, and use operations and a condition key that exist."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[3]
# Translations have the same blocks; test_translations.py compares them.
GUIDES = [path for path in sorted((CHECKOUT / "docs/docsite/rst").glob("*.rst")) if ".zh_CN" not in path.name]
BLOCK = re.compile(r"^\.\. code-block:: json\n(?:   :.*\n)*\n((?:   .*\n|\n)+)", re.MULTILINE)
OPERATIONS = CHECKOUT / "roles/emulator/files/imds_emulator/control/operations.py"
# The reference lists it for these two operations, and the vendor's example uses it for the third.
KEY = "ecs:SecurityHardeningMode"
CREATING, CHANGING = {"ecs:RunInstances", "ecs:CreateInstance"}, {"ecs:ModifyInstanceMetadataOptions"}


def policies() -> list[dict[str, Any]]:
    blocks = [textwrap.dedent(it) for path in GUIDES for it in BLOCK.findall(path.read_text())]
    return [found for found in map(json.loads, blocks) if "Statement" in found]


def test_the_policies_have_known_operations_and_one_denies_normal_mode() -> None:
    known = {"ecs:" + name for name in re.findall(r'"([A-Z]\w+)":', OPERATIONS.read_text())} | {"ecs:CreateInstance"}
    found = policies()
    statements = [it for policy in found for it in policy["Statement"]]
    assert len(found) == 2 and all(set(it) == {"Version", "Statement"} and it["Version"] == "1" for it in found)
    assert {action for it in statements for action in it["Action"]} <= known
    (denied,) = [it for it in statements if it["Effect"] == "Deny"]
    assert denied["Resource"] == "*" and set(denied["Action"]) == CREATING | CHANGING
    assert denied["Condition"] == {"StringEquals": {KEY: "false"}}


def test_the_condition_key_has_one_spelling() -> None:
    spelled = {it for path in GUIDES for it in re.findall(r"ecs:\w*hardening\w*", path.read_text(), re.IGNORECASE)}
    assert spelled == {KEY}
