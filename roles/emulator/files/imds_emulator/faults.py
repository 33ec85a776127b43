# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inject faults into the metadata service, for selected requests and a limited number of times."""

from __future__ import annotations

import fnmatch
import re
import threading
import typing as t

from .clock import LARGEST
from .shapes import of_kind, shown

#: kind -> (keys of the kind with their defaults, meaning). A key with the default None is required.
KINDS: t.Dict[str, t.Any] = {
    "latency": ({"seconds": None}, "delay the response by SECONDS"),
    "status": ({"status": None, "retry_after": 0, "body": ""}, "respond with this status"),
    "reset": ({}, "reset the connection (RST) without a response"),
    "hang": ({}, "send no response, keep the connection open"),
    "empty_token": ({}, "issue an empty token with status 200"),
    "garbage_token": ({}, "issue a token with CR, LF, NUL and non-ASCII bytes"),
    "truncated": ({}, "close the connection after half of the body"),
    "oversize": ({"bytes": None}, "send a body of this many bytes"),
    "slow_drip": ({"seconds_per_byte": None}, "send headers and body one byte at a time"),
    "redirect": ({"location": None, "status": 302}, "redirect to LOCATION"),
    "token_dies_after": ({"uses": None}, "reject a token with 401 after this many uses"),
    "close_idle": ({}, "close the connection after each response without notice"),
}
COMMON = ("kind", "on", "path", "times")
_WHOLE = {"bytes", "uses"}
#: Patterns that can match a path: they start with a slash or a wildcard, and each [ has its ].
PATTERN = re.compile(r"[/*?]([^\[]|\[(![^\]]+|[^\]!][^\]]*)\])*", re.DOTALL)


class Fault(t.NamedTuple):
    """A validated fault."""

    kind: str
    on: str
    path: str
    times: t.Optional[int]
    options: t.Dict[str, t.Any]


def parse(raw: t.Any, where: str = "fault") -> Fault:
    """Validate a fault at the path *where* of the configuration.

    Raises: ValueError naming the invalid key.
    """
    kind, options = of_kind(raw, where, KINDS, COMMON, _needs)
    on, path, times = raw.get("on", "any"), raw.get("path", "*"), raw.get("times")
    if on not in ("token", "data", "any"):
        raise ValueError("%s.on: must be token, data or any, not %s" % (where, shown(on)))
    if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
        reason = "%s.times: must be a whole number from 1, or null for no limit, not %s"
        raise ValueError(reason % (where, shown(times)))
    if not _is_pattern(path):
        reason = "%s.path: must be a pattern of whole paths, such as /latest/meta-data/ram/* or */ram/*, not %s"
        raise ValueError(reason % (where, shown(path)))
    return Fault(kind, on, path, times, options)


def _is_pattern(path: t.Any) -> bool:
    """Accept a pattern that can match a path, which starts with a slash."""
    if not isinstance(path, str) or not PATTERN.fullmatch(path):
        return False
    try:
        re.compile(fnmatch.translate(path))
    except re.error:  # such as [z-a], for older versions of Python
        return False
    return True


def _needs(key: str, value: t.Any) -> t.Optional[str]:
    """Return None for a valid value of a key, or else the description of valid values."""
    if key == "body":
        return None if isinstance(value, str) else "text"
    if key == "location":
        is_valid = isinstance(value, str) and value.isascii() and value.isprintable()
        return None if is_valid else "printable ASCII text"
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < LARGEST
    if key == "status":
        is_status = is_number and isinstance(value, int) and 200 <= value <= 599
        return None if is_status else "a whole number from 200 to 599"
    if key in _WHOLE:
        return None if is_number and isinstance(value, int) else "a whole number from 0"
    return None if is_number else "a number from 0"


class FaultPlan:
    """The faults of one instance and how many times each still applies. Safe to use from several threads."""

    def __init__(self, raw: t.Sequence[t.Dict[str, t.Any]] = ()) -> None:
        self._faults: t.List[Fault] = [parse(entry) for entry in raw]
        self._left: t.List[t.Optional[int]] = [fault.times for fault in self._faults]
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._faults)

    def take(self, is_token: bool, path: str, kinds: t.Sequence[str]) -> t.Optional[Fault]:
        """Return the first applicable fault of these kinds and count its use, or None."""
        with self._lock:
            for index, fault in enumerate(self._faults):
                if fault.kind in kinds and self._applies(index, is_token, path):
                    left = self._left[index]
                    self._left[index] = None if left is None else left - 1
                    return fault
        return None

    def token_uses(self, path: str) -> t.Optional[int]:
        """Return after how many uses a token becomes invalid, or None for no limit."""
        with self._lock:
            for index, fault in enumerate(self._faults):
                if fault.kind == "token_dies_after" and self._applies(index, False, path):
                    return int(fault.options["uses"])
        return None

    def _applies(self, index: int, is_token: bool, path: str) -> bool:
        fault, left = self._faults[index], self._left[index]
        if left == 0 or fault.on == ("data" if is_token else "token"):
            return False
        return fnmatch.fnmatchcase(path, fault.path)


def help_lines() -> t.List[str]:
    """Return one line per kind for `serve --help`: kind, keys, meaning."""
    rows = []
    for kind, (own, meaning) in KINDS.items():
        names = ", ".join(own)
        rows.append("  %-16s %-30s %s" % (kind, names, meaning))
    return rows
