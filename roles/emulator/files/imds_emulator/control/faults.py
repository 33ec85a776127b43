# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inject faults into the control plane, for selected calls and a limited number of times."""

from __future__ import annotations

import fnmatch
import threading
import typing as t

from ..clock import LARGEST
from ..shapes import of_kind, shown
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


def check(raw: t.Any, where: str = "control.faults") -> None:
    """Validate a list of faults.

    Raises: ValueError naming the invalid key of the first invalid fault.
    """
    if not isinstance(raw, list):
        raise ValueError("%s: must be a list" % where)
    for index, entry in enumerate(raw):
        parse(entry, "%s[%d]" % (where, index))


def parse(raw: t.Any, where: str = "fault") -> Fault:
    """Validate a fault at the path *where* of the configuration.

    Raises: ValueError naming the invalid key.
    """
    kind, options = of_kind(raw, where, KINDS, COMMON, _needs)
    times, skip, after = raw.get("times"), raw.get("skip", 0), raw.get("after", False)
    if times is not None and not _is_count(times, 1):
        reason = "%s.times: must be a whole number from 1, or null for no limit, not %s"
        raise ValueError(reason % (where, shown(times)))
    if not _is_count(skip, 0):
        raise ValueError("%s.skip: must be a whole number from 0, not %s" % (where, shown(skip)))
    if not isinstance(after, bool):
        raise ValueError("%s.after: must be true or false, not %s" % (where, shown(after)))
    selectors = {key: raw.get(key, "*") for key in ("action", "region", "instance")}
    for key, value in selectors.items():
        if not isinstance(value, str):
            raise ValueError("%s.%s: must be a pattern such as Describe*, not %s" % (where, key, shown(value)))
    return Fault(kind, selectors, times, skip, after, options)


def _is_count(value: t.Any, low: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= low


def _needs(key: str, value: t.Any) -> t.Optional[str]:
    """Return None for a valid value of a key, or else the description of valid values."""
    if key in ("code", "message"):
        is_text = isinstance(value, str) and (key == "message" or value != "")
        return None if is_text else "text" if key == "message" else "the code of an error, such as Throttling"
    if key == "status":
        is_status = _is_count(value, 0) and (value == 0 or 200 <= value <= 599)
        return None if is_status else "a whole number from 200 to 599, or 0 for that of the error"
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < LARGEST
    return None if is_number else "a number from 0"


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
