# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print values in a play so that a test can read them from its output."""

from __future__ import annotations

import base64
import json
from typing import Any


def dump(expression: str) -> dict[str, Any]:
    """Return a task that prints the value of *expression* in a line that `dumped` finds."""
    return {"ansible.builtin.debug": {"msg": "DUMP{{ (%s) | to_json | b64encode }}PMUD" % expression}}


def dumped(output: str) -> list[Any]:
    """Return the values that the tasks of `dump` printed, in order."""
    parts = [part.partition("PMUD")[0] for part in output.split("DUMP")[1:]]
    return [json.loads(base64.b64decode(part)) for part in parts]
