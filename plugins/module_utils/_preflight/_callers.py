# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who asked without a token lately, by the records of the callers watch? Pure; private to the collection.

Of a record only these keys are used, and all but the first may be missing or null:
``mode`` ("normal_mode" for a normal-mode request), ``last_seen`` (seconds since 1970, or ISO 8601), ``exe`` or ``comm``,
``unit``, ``container``, ``uid``, ``count``, and ``noise`` (why the caller is taken for known noise; false or empty if not).
"""

from __future__ import annotations

import typing as t

from .._callers._vocabulary import NORMAL_MODE, PROBE
from .._common._text import one_line
from .._common._utc import parse_utc
from ._findings import Finding, finding

_NAMES = ("exe", "comm", "unit", "container", "uid", "count", "last_seen")


def check(callers: t.Optional[t.Sequence[t.Any]], since: t.Any, quiet_period: float, now: float) -> t.Iterator[Finding]:
    """A finding for each plain caller within *quiet_period* seconds before *now*."""
    if callers is None:
        yield finding("callers_unknown")
        return
    began = seconds(since)
    if began is not None and now - began < quiet_period:
        yield finding("callers_watched_too_briefly", since=str(since), quiet_period=int(quiet_period))
    for caller in callers:
        if not isinstance(caller, dict) or caller.get("mode") != NORMAL_MODE:
            continue
        if caller.get("noise") == PROBE:  # this collection asked, on purpose
            continue
        seen = seconds(caller.get("last_seen"))
        # A time that cannot be read, or lies ahead because a clock was set back, excuses nobody.
        if seen is None or now - seen <= quiet_period:
            yield _judge(caller, "" if seen is not None else "The record does not say when; it is taken for recent.")


def _judge(caller: t.Mapping[str, t.Any], detail: str) -> Finding:
    evidence = {name: _plain_value(caller.get(name)) for name in _NAMES}
    noise = caller.get("noise")
    if not noise:
        return finding("caller_plain", detail, **evidence)
    return finding("caller_noise", detail, noise=_plain_value(noise), **evidence)


def seconds(value: t.Any) -> t.Optional[float]:
    """Seconds since 1970 of a number, or of a time in ISO 8601 (UTC if it does not say); None for anything else."""
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        return parse_utc(str(value).strip())
    except (ValueError, OverflowError):
        return None


def _plain_value(value: t.Any) -> t.Any:
    """A program may call itself whatever it likes; bound it."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return one_line(str(value), 300)
