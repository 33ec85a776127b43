# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judge the records of the callers watch. No I/O.

Only these keys of a record are used; all but the first may be missing or null:
``mode`` ("normal_mode" for a request without a token, "unparsable" for an unknown mode),
``last_seen`` (seconds since 1970, or ISO 8601), ``exe`` or ``comm``,
``unit``, ``container``, ``uid``, ``count``, and ``noise`` (the kind of known noise; false or empty if it is not noise).
"""

import typing as t

from .._callers._losses import losses
from .._callers._vocabulary import NORMAL_MODE, PROBE, UNPARSABLE
from .._common._text import one_line
from .._common._utc import format_utc, parse_utc
from ._findings import Finding, finding

_NAMES = ("exe", "comm", "unit", "container", "uid", "count", "last_seen")


def check(callers: t.Optional[t.Sequence[t.Any]], since: t.Any, quiet_period: float, now: float) -> t.Iterator[Finding]:
    """Yield a finding for each caller without a certain token within *quiet_period* seconds before *now* (seconds since 1970).

    *callers* is None if nothing was recorded; *since* is the time when the records begin.
    """
    if callers is None:
        yield finding("callers_unknown")
        return
    start = seconds(since)
    if start is not None and now - start < quiet_period:
        detail = "The watch has recorded for %s; it has recorded long enough at %s." % (
            duration(now - start),
            format_utc(int(start + quiet_period)),
        )
        yield finding("callers_watched_too_briefly", detail, since=str(since), quiet_period=int(quiet_period))
    for caller in callers:
        if not isinstance(caller, dict) or caller.get("mode") not in (NORMAL_MODE, UNPARSABLE):
            continue
        if caller.get("mode") == NORMAL_MODE and caller.get("noise") == PROBE:  # sent by this collection's own probe
            continue
        if is_recent(caller.get("last_seen"), quiet_period, now):
            known = seconds(caller.get("last_seen")) is not None
            detail = "" if known else "The record has no valid time; it counts as recent."
            read = caller.get("path_class")
            if read and not caller.get("noise"):
                detail = ("It would lose: %s. " % losses([str(read)])[0] + detail).strip()
            yield _judge(caller, detail)


def duration(span: float) -> str:
    """Return a duration in words, such as "2 days 3 hours"."""
    minutes = max(0, int(span)) // 60
    parts = [(minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute")]
    shown = ["%d %s%s" % (number, unit, "" if number == 1 else "s") for number, unit in parts if number][:2]
    return " ".join(shown) or "less than a minute"


def is_recent(when: t.Any, quiet_period: float, now: float) -> bool:
    """Return whether a time is within the quiet period. An invalid one, or one in the future (the clock was set back), counts."""
    seen = seconds(when)
    return seen is None or now - seen <= quiet_period


def _judge(caller: t.Mapping[str, t.Any], detail: str) -> Finding:
    """Return the finding about one record of a normal-mode caller."""
    evidence = {name: _bounded_value(caller.get(name)) for name in _NAMES}
    noise = caller.get("noise")
    if caller.get("mode") == UNPARSABLE:
        return finding("caller_unparsable", detail, **evidence)
    if not noise:
        return finding("caller_normal_mode", detail, **evidence)
    return finding("caller_noise", detail, noise=_bounded_value(noise), **evidence)


def seconds(value: t.Any) -> t.Optional[float]:
    """Return a number, or a time in ISO 8601 (UTC by default), as seconds since 1970; None for anything else."""
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        return parse_utc(str(value).strip())
    except (ValueError, OverflowError):
        return None


def _bounded_value(value: t.Any) -> t.Any:
    """Return *value* as printable text of bounded length: processes choose their own names."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return one_line(str(value), 300)
