# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The periods in which the watch was running, oldest first: lists of begin and end, in seconds since 1970. Pure."""

import typing as t

GAP_SECONDS = 60  # a restart within this time does not end a period
MAXIMUM_PERIODS = 20

Period = t.List[int]


def resumed(periods: t.Iterable[Period], now: int) -> t.List[Period]:
    """Return the periods with a current one: the last, if it ended at most GAP_SECONDS ago, or a new one."""
    kept = limited([period for period in periods if period[0] <= period[1]], now)
    if kept and now - kept[-1][1] <= GAP_SECONDS:
        kept[-1][1] = now
    else:
        kept.append([now, now])
    return kept[-MAXIMUM_PERIODS:]


def limited(periods: t.Iterable[Period], now: int) -> t.List[Period]:
    """Return the periods with no time after *now*."""
    return [[min(begin, now), min(end, now)] for begin, end in periods]
