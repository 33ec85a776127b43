# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse filters that several operations have."""

from __future__ import annotations

import re
import typing as t

from .errors import ApiError

MOST_TAGS = 20
_TAG = re.compile(r"Tag\.([0-9]{1,4})\.([Kk]ey|[Vv]alue)")


def wildcard(pattern: str) -> t.Callable[[str], bool]:
    """Return a test for names, in which only `*` is a wildcard."""
    regex = re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)
    return lambda name: regex.fullmatch(name) is not None


def tags(parameters: t.Mapping[str, str]) -> t.List[t.Tuple[str, t.Optional[str]]]:
    """Return (key, value) of each Tag.N filter.

    Raises: ApiError.
    """
    found: t.Dict[int, t.Dict[str, str]] = {}
    for name, value in parameters.items():
        match = _TAG.fullmatch(name)
        if match:
            number = int(match.group(1))
            if not 1 <= number <= MOST_TAGS:
                raise ApiError("InvalidTagCount")
            found.setdefault(number, {})[match.group(2).lower()] = value
        elif name.startswith("Tag."):
            raise ApiError("InvalidParameter", name=name)
    if not all(tag.get("key") for tag in found.values()):
        raise ApiError("InvalidTag.Mismatch")
    return [(tag["key"], tag.get("value") or None) for _number, tag in sorted(found.items())]
