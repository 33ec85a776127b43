# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong with calls on purpose, with which, and how often?"""

from __future__ import annotations

import fnmatch
import threading
import typing as t

from .call import Call
from .errors import ERRORS

#: kind -> (its own keys with their defaults, what it does). ``None`` as default: the key must be given.
KINDS: t.Dict[str, t.Any] = {
    "error": ({"code": None, "status": 0, "message": ""}, "this error, e.g. OperationConflict, ServiceUnavailable"),
    "latency": ({"seconds": None}, "the answer comes SECONDS later"),
    "html": ({"status": 200}, "a page of HTML, as a proxy sends it"),
    "truncated": ({}, "half of the JSON or XML, in a complete HTTP answer"),
    "cut": ({}, "half of what Content-Length promised, then the end"),
    "repeat_token": ({}, "a page of DescribeInstances names itself as the next"),
    "reset": ({}, "connection reset (RST) before any answer"),
    "hang": ({}, "no answer, the connection is held"),
}
COMMON = ("kind", "action", "region", "instance", "times", "skip", "after")


class Fault(t.NamedTuple):
    kind: str
    selectors: t.Dict[str, str]  #: patterns for action, region, instance
    times: t.Optional[int]
    skip: int  #: calls that are let through first
    after: bool  #: the operation is carried out, and only its answer is lost
    options: t.Dict[str, t.Any]


def is_fault(raw: t.Any) -> bool:
    try:
        parse(raw)
    except ValueError:
        return False
    return True


def check(raw: t.Any) -> None:
    """Raises ValueError naming what is wrong with the first bad fault of a list."""
    if not isinstance(raw, list):
        raise ValueError("control.faults: a list is needed")
    for entry in raw:
        parse(entry)


def parse(raw: t.Any) -> Fault:
    """Raises ValueError naming what is wrong."""
    if not isinstance(raw, dict) or raw.get("kind") not in KINDS:
        raise ValueError("a fault of the control side has a kind, one of: %s" % ", ".join(KINDS))
    kind, own = raw["kind"], KINDS[raw["kind"]][0]
    for key in raw:
        if key not in COMMON and key not in own:
            raise ValueError("fault %s: there is no key %s; there are: %s" % (kind, key, ", ".join([*COMMON, *own])))
    options = {key: raw.get(key, default) for key, default in own.items()}
    for key, value in options.items():
        if not _fits(key, value):
            raise ValueError("fault %s: %s is missing or %r is not possible" % (kind, key, value))
    times, skip, after = raw.get("times"), raw.get("skip", 0), raw.get("after", False)
    if times is not None and not _is_count(times, 1):
        raise ValueError("fault %s: times is a number from 1, or null for ever" % kind)
    if not _is_count(skip, 0) or not isinstance(after, bool):
        raise ValueError("fault %s: skip is a number from 0, after is true or false" % kind)
    selectors = {key: raw.get(key, "*") for key in ("action", "region", "instance")}
    if not all(isinstance(value, str) for value in selectors.values()):
        raise ValueError("fault %s: action, region and instance are patterns such as Describe*" % kind)
    return Fault(kind, selectors, times, skip, after, options)


def _is_count(value: t.Any, low: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= low


def _fits(key: str, value: t.Any) -> bool:
    if key in ("code", "message"):
        return isinstance(value, str) and (key == "message" or value != "")
    if key == "status":
        return _is_count(value, 0) and (value == 0 or 200 <= value <= 599)
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


class FaultPlan:
    """Faults, counting down their ``skip`` and ``times``. Safe to use from several threads."""

    def __init__(self, raw: t.Sequence[t.Dict[str, t.Any]] = ()) -> None:
        self._faults: t.List[Fault] = [parse(entry) for entry in raw]
        self._skip = [fault.skip for fault in self._faults]
        self._left = [fault.times for fault in self._faults]
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._faults)

    def take(self, call: Call) -> t.List[Fault]:
        """The first latency and the first other fault for this call; one of the times of each is used up."""
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
    rows = ["  %-12s %-22s %s" % (kind, ", ".join(own), meaning) for kind, (own, meaning) in KINDS.items()]
    known = ", ".join(
        code for code, (status, _text) in ERRORS.items() if status >= 409 or code.startswith("Throttling")
    )
    return [*rows, "  codes of errors that pass by themselves:", "      " + known]
