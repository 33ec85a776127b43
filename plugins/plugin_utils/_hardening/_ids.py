# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Validate the IDs that a host returns. Pure functions."""

from __future__ import annotations

import re
import typing as t

PATTERNS = {
    "instance_id": re.compile(r"i-[0-9A-Za-z]{1,64}\Z"),
    "region_id": re.compile(r"(?=.{1,64}\Z)[a-z]+(-[a-z0-9]+)+\Z"),
}


def valid(claimed: t.Any) -> t.Dict[str, str]:
    """Return ``instance_id`` and ``region_id`` of *claimed*, or an empty dictionary if one is missing or invalid."""
    seen = claimed if isinstance(claimed, t.Mapping) else {}
    ids = {name: str(seen.get(name)) for name in PATTERNS}
    return ids if all(PATTERNS[name].match(value) for name, value in ids.items()) else {}
