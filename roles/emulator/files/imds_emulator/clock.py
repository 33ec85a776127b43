# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What time is it for the emulator? Its own time, which a test may move forward."""

from __future__ import annotations

import calendar
import time
import typing as t


class Clock:
    """Real time plus an offset in seconds that only grows."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset

    def now(self) -> float:
        """Seconds since 1970 (UTC). For what people see: expiry times, events, the journal."""
        return time.time() + self.offset

    def steady(self) -> float:
        """Seconds since some fixed moment, untouched by changes of the system clock. For token lifetimes."""
        return time.monotonic() + self.offset

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("the clock only moves forward: seconds must be 0 or more")
        self.offset += seconds


def to_iso(seconds: float) -> str:
    """``YYYY-MM-DDThh:mm:ssZ``, the form of every time of the service."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def to_iso_ms(seconds: float) -> str:
    """The same with milliseconds, for the journal."""
    return "%s.%03dZ" % (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)), int(seconds % 1 * 1000))


def moment(value: t.Union[str, int, float], started: float) -> float:
    """An ISO time in UTC, or a number of seconds after the emulator started. Raises ValueError."""
    if isinstance(value, str):
        return float(calendar.timegm(time.strptime(value, "%Y-%m-%dT%H:%M:%SZ")))
    return started + value
