# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong on purpose, for which requests, and how often?"""

from __future__ import annotations

import fnmatch
import threading
import typing as t

#: kind -> (its own keys with their defaults, what it does). ``None`` as default: the key must be given.
KINDS: t.Dict[str, t.Any] = {
    "latency": ({"seconds": None}, "the answer comes SECONDS later"),
    "status": ({"status": None, "retry_after": 0, "body": ""}, "this status instead of an answer"),
    "reset": ({}, "connection reset (RST) before any answer"),
    "hang": ({}, "no answer, the connection is held"),
    "empty_token": ({}, "a token of no characters, with status 200"),
    "garbage_token": ({}, "a token with CR, LF, NUL and non-ASCII bytes"),
    "truncated": ({}, "half of the body promised by Content-Length, then the end"),
    "oversize": ({"bytes": None}, "a body of that many bytes"),
    "slow_drip": ({"seconds_per_byte": None}, "one byte at a time, headers too"),
    "redirect": ({"location": None, "status": 302}, "a redirect to LOCATION"),
    "token_dies_after": ({"uses": None}, "a token answers 401 after that many uses"),
    "close_idle": ({}, "the connection is closed after each answer, unannounced"),
}
COMMON = ("kind", "on", "path", "times")
_WHOLE = {"status", "bytes", "uses"}


class Fault(t.NamedTuple):
    kind: str
    on: str
    path: str
    times: t.Optional[int]
    options: t.Dict[str, t.Any]


def parse(raw: t.Any) -> Fault:
    """Raises ValueError naming what is wrong."""
    if not isinstance(raw, dict) or raw.get("kind") not in KINDS:
        raise ValueError("a fault is an object with a kind, one of: %s" % ", ".join(KINDS))
    kind, on, times = raw["kind"], raw.get("on", "any"), raw.get("times")
    own = KINDS[kind][0]
    options = {key: raw.get(key, default) for key, default in own.items()}
    for key in raw:
        if key not in COMMON and key not in own:
            raise ValueError("fault %s: there is no key %s; there are: %s" % (kind, key, ", ".join([*COMMON, *own])))
    for key, value in options.items():
        if not _fits(key, value):
            raise ValueError("fault %s: %s is missing or %r is not possible" % (kind, key, value))
    if on not in ("token", "data", "any"):
        raise ValueError("fault %s: on is token, data or any" % kind)
    if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
        raise ValueError("fault %s: times is a number from 1, or null for ever" % kind)
    if not isinstance(raw.get("path", "*"), str):
        raise ValueError("fault %s: path is a pattern such as /latest/meta-data/*" % kind)
    return Fault(kind, on, raw.get("path", "*"), times, options)


def _fits(key: str, value: t.Any) -> bool:
    if key == "body":
        return isinstance(value, str)
    if key == "location":
        return isinstance(value, str) and value.isprintable()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        return False
    if key == "status":
        return isinstance(value, int) and 200 <= value <= 599
    return key not in _WHOLE or isinstance(value, int)


class FaultPlan:
    """The faults of one instance, counting down their ``times``. Safe to use from several threads."""

    def __init__(self, raw: t.Sequence[t.Dict[str, t.Any]] = ()) -> None:
        self._faults: t.List[Fault] = [parse(entry) for entry in raw]
        self._left: t.List[t.Optional[int]] = [fault.times for fault in self._faults]
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._faults)

    def take(self, is_token: bool, path: str, kinds: t.Sequence[str]) -> t.Optional[Fault]:
        """The first fault of these kinds that applies, one of its times used up."""
        with self._lock:
            for index, fault in enumerate(self._faults):
                if fault.kind in kinds and self._applies(index, is_token, path):
                    left = self._left[index]
                    self._left[index] = None if left is None else left - 1
                    return fault
        return None

    def token_uses(self, path: str) -> t.Optional[int]:
        """After how many uses a token dies, if it does."""
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
    rows = []
    for kind, (own, meaning) in KINDS.items():
        names = ", ".join(own)
        rows.append("  %-16s %-30s %s" % (kind, names, meaning))
    return rows
