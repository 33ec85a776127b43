# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Provide the time of the emulator, which tests can move forward."""

from __future__ import annotations

import calendar
import time
import typing as t

from .conflict import Conflict

#: The largest accepted number of seconds. Times of larger ones have no common format.
LARGEST = 95e9


class Clock:
    """The real time plus an offset in seconds, which never decreases."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset

    def now(self) -> float:
        """Return seconds since 1970 (UTC), for expiration times, events and the journal."""
        return time.time() + self.offset

    def steady(self) -> float:
        """Return seconds of the monotonic clock, for token lifetimes."""
        return time.monotonic() + self.offset

    def advance(self, seconds: float) -> None:
        """Move the clock forward by *seconds*.

        Raises: ValueError for a negative number, Conflict for a time after the year 5000.
        """
        if seconds < 0:
            raise ValueError("advance: %s is negative; the clock cannot move back" % seconds)
        if not self.offset + seconds < LARGEST:
            raise Conflict("advance: the clock cannot move %s seconds, to a time after the year 5000" % seconds)
        self.offset += seconds


def to_iso(seconds: float) -> str:
    """Return `YYYY-MM-DDThh:mm:ssZ`, the time format of the service."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def to_iso_ms(seconds: float) -> str:
    """Return `YYYY-MM-DDThh:mm:ss.mmmZ`, the time format of the journals."""
    return "%s.%03dZ" % (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)), int(seconds % 1 * 1000))


def moment(value: t.Union[str, int, float], started: float) -> float:
    """Return seconds since 1970 for an ISO time in UTC or for seconds after the start of the emulator.

    Raises: ValueError.
    """
    if isinstance(value, str):
        return float(calendar.timegm(time.strptime(value, "%Y-%m-%dT%H:%M:%SZ")))
    return started + value
