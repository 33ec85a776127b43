# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inject faults into the metadata service, for selected requests and a limited number of times."""

from __future__ import annotations

import fnmatch
import threading
import typing as t

from .clock import LARGEST

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
_WHOLE = {"status", "bytes", "uses"}


class Fault(t.NamedTuple):
    """A validated fault."""

    kind: str
    on: str
    path: str
    times: t.Optional[int]
    options: t.Dict[str, t.Any]


def parse(raw: t.Any) -> Fault:
    """Validate a fault.

    Raises: ValueError naming the invalid key.
    """
    if not isinstance(raw, dict) or raw.get("kind") not in KINDS:
        raise ValueError("fault: must be an object with the key kind, one of: %s" % ", ".join(KINDS))
    kind, on, times = raw["kind"], raw.get("on", "any"), raw.get("times")
    own = KINDS[kind][0]
    options = {key: raw.get(key, default) for key, default in own.items()}
    for key in raw:
        if key not in COMMON and key not in own:
            raise ValueError("fault %s: unknown key %s; known keys: %s" % (kind, key, ", ".join([*COMMON, *own])))
    for key, value in options.items():
        if not _fits(key, value):
            raise ValueError("fault %s: key %s: missing or invalid value %r" % (kind, key, value))
    if on not in ("token", "data", "any"):
        raise ValueError("fault %s: key on: must be token, data or any" % kind)
    if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
        raise ValueError("fault %s: key times: must be a whole number from 1, or null for no limit" % kind)
    if not isinstance(raw.get("path", "*"), str):
        raise ValueError("fault %s: key path: must be a pattern such as /latest/meta-data/*" % kind)
    return Fault(kind, on, raw.get("path", "*"), times, options)


def _fits(key: str, value: t.Any) -> bool:
    if key == "body":
        return isinstance(value, str)
    if key == "location":
        return isinstance(value, str) and value.isascii() and value.isprintable()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < LARGEST:
        return False
    if key == "status":
        return isinstance(value, int) and 200 <= value <= 599
    return key not in _WHOLE or isinstance(value, int)


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
