# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inject faults into the control plane, for selected calls and a limited number of times."""

from __future__ import annotations

import fnmatch
import threading
import typing as t

from ..clock import LARGEST
from .call import Call
from .errors import ERRORS

#: kind -> (keys of the kind with their defaults, meaning). A key with the default None is required.
KINDS: t.Dict[str, t.Any] = {
    "error": ({"code": None, "status": 0, "message": ""}, "return this error, such as OperationConflict"),
    "latency": ({"seconds": None}, "delay the response by SECONDS"),
    "html": ({"status": 200}, "return an HTML page, as proxies do"),
    "truncated": ({}, "return half of the JSON or XML in a complete HTTP response"),
    "cut": ({}, "close the connection after half of the body"),
    "repeat_token": ({}, "return the NextToken of the same page (DescribeInstances)"),
    "reset": ({}, "reset the connection (RST) without a response"),
    "hang": ({}, "send no response, keep the connection open"),
}
COMMON = ("kind", "action", "region", "instance", "times", "skip", "after")


class Fault(t.NamedTuple):
    """A validated fault."""

    kind: str
    selectors: t.Dict[str, str]  #: patterns for action, region, instance
    times: t.Optional[int]
    skip: int  #: number of matching calls before the first fault
    after: bool  #: run the operation and replace only its response
    options: t.Dict[str, t.Any]


def is_fault(raw: t.Any) -> bool:
    """Return whether a fault is valid."""
    try:
        parse(raw)
    except ValueError:
        return False
    return True


def check(raw: t.Any) -> None:
    """Validate a list of faults.

    Raises: ValueError naming the invalid key of the first invalid fault.
    """
    if not isinstance(raw, list):
        raise ValueError("control.faults: must be a list")
    for entry in raw:
        parse(entry)


def parse(raw: t.Any) -> Fault:
    """Validate a fault.

    Raises: ValueError naming the invalid key.
    """
    if not isinstance(raw, dict) or raw.get("kind") not in KINDS:
        raise ValueError("control.faults: a fault must be an object with the key kind, one of: %s" % ", ".join(KINDS))
    kind, own = raw["kind"], KINDS[raw["kind"]][0]
    for key in raw:
        if key not in COMMON and key not in own:
            raise ValueError("fault %s: unknown key %s; known keys: %s" % (kind, key, ", ".join([*COMMON, *own])))
    options = {key: raw.get(key, default) for key, default in own.items()}
    for key, value in options.items():
        if not _fits(key, value):
            raise ValueError("fault %s: key %s: missing or invalid value %r" % (kind, key, value))
    times, skip, after = raw.get("times"), raw.get("skip", 0), raw.get("after", False)
    if times is not None and not _is_count(times, 1):
        raise ValueError("fault %s: key times: must be a whole number from 1, or null for no limit" % kind)
    if not _is_count(skip, 0) or not isinstance(after, bool):
        raise ValueError("fault %s: key skip must be a whole number from 0, key after must be true or false" % kind)
    selectors = {key: raw.get(key, "*") for key in ("action", "region", "instance")}
    if not all(isinstance(value, str) for value in selectors.values()):
        raise ValueError("fault %s: keys action, region and instance must be patterns such as Describe*" % kind)
    return Fault(kind, selectors, times, skip, after, options)


def _is_count(value: t.Any, low: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= low


def _fits(key: str, value: t.Any) -> bool:
    if key in ("code", "message"):
        return isinstance(value, str) and (key == "message" or value != "")
    if key == "status":
        return _is_count(value, 0) and (value == 0 or 200 <= value <= 599)
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < LARGEST


class FaultPlan:
    """The faults and how many times each still applies. Safe to use from several threads."""

    def __init__(self, raw: t.Sequence[t.Dict[str, t.Any]] = ()) -> None:
        self._faults: t.List[Fault] = [parse(entry) for entry in raw]
        self._skip = [fault.skip for fault in self._faults]
        self._left = [fault.times for fault in self._faults]
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._faults)

    def take(self, call: Call) -> t.List[Fault]:
        """Return the first applicable latency and the first other applicable fault, and count their use."""
        taken: t.List[Fault] = []
        with self._lock:
            for index, fault in enumerate(self._faults):
                slow = fault.kind == "latency"
                if any((other.kind == "latency") == slow for other in taken):
                    continue
                if self._left[index] == 0 or not _applies(fault, call):
                    continue
                if self._skip[index]:
                    self._skip[index] -= 1
                    continue
                left = self._left[index]
                self._left[index] = None if left is None else left - 1
                taken.append(fault)
        return taken


def _applies(fault: Fault, call: Call) -> bool:
    texts = {"action": call.action, "region": call.region, "instance": call.instance}
    return all(fnmatch.fnmatchcase(texts[key], pattern) for key, pattern in fault.selectors.items())


def help_lines() -> t.List[str]:
    """Return one line per kind for `serve --help`: kind, keys, meaning; and the codes of temporary errors."""
    rows = ["  %-12s %-22s %s" % (kind, ", ".join(own), meaning) for kind, (own, meaning) in KINDS.items()]
    known = ", ".join(
        code for code, (status, _text) in ERRORS.items() if status >= 409 or code.startswith("Throttling")
    )
    return [*rows, "  codes of temporary errors:", "      " + known]
