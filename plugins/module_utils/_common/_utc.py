# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Format and parse times in UTC (ISO 8601)."""

import re
import time
import typing as t

if t.TYPE_CHECKING:
    import datetime

_DATE = r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
_TIME = r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]+)?)?(?:Z|([+-])([0-9]{2}):?([0-9]{2}))?"


@t.overload
def format_utc(seconds: float) -> str: ...


@t.overload
def format_utc(seconds: None) -> None: ...


def format_utc(seconds: t.Optional[float]) -> t.Optional[str]:
    """Return seconds since 1970 as ``2026-11-24T21:06:27Z``, without fractions; return None for None.

    Raises: ValueError if *seconds* is not a number, or is outside of the years 1 to 9999.
    """
    if seconds is None:
        return None
    try:
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            raise ValueError
        fields = time.gmtime(seconds)[:6]
        if not 1 <= fields[0] <= 9999:
            raise ValueError
    except (ValueError, OverflowError, OSError):
        raise ValueError("not a time in seconds since 1970: %.40r" % (seconds,)) from None
    return "%04d-%02d-%02dT%02d:%02d:%02dZ" % fields


def parse_utc(text: t.Any) -> float:
    """Return an ISO 8601 date or time as seconds since 1970; without an offset, it is in UTC.

    Raises: ValueError if *text* is not a date or time in ISO 8601.
    """
    import datetime  # slow to load

    found = re.fullmatch("%s(?:[T ]%s)?" % (_DATE, _TIME), text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("not a time in ISO 8601: %.40r" % (text,))
    year, month, day, hour, minute, second = [int(number or 0) for number in found.groups()[:6]]
    moment = datetime.datetime(year, month, day, hour, minute, second)
    offset = datetime.timedelta(hours=int(found.group(9) or 0), minutes=int(found.group(10) or 0))
    since = (moment - datetime.datetime(1970, 1, 1)).total_seconds() + float("0%s" % (found.group(7) or ""))
    return since + offset.total_seconds() * (1 if found.group(8) == "-" else -1)


def parse_date(text: t.Any) -> "datetime.date":
    """Return the date in a text like ``2027-01-31``.

    Raises: ValueError if *text* is not such a date.
    """
    import datetime  # slow to load

    found = re.fullmatch(_DATE, text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("not a date like 2027-01-31: %.40r" % (text,))
    return datetime.date(*map(int, found.groups()))
