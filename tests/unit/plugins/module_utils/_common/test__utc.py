# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times in UTC: one output format, and parsing that returns a time or raises ValueError."""

from __future__ import annotations

import datetime
import math
import time

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._common._utc import format_utc, parse_date, parse_utc
from hypothesis import given
from hypothesis import strategies as st

FIRST, LAST = -62135596800, 253402300799
ANYTHING = st.none() | st.booleans() | st.text() | st.binary() | st.lists(st.integers()) | st.floats() | st.integers()


FORMATTED = [
    (0, "1970-01-01T00:00:00Z"),
    (1795554387, "2026-11-24T21:06:27Z"),
    (1795554387.999, "2026-11-24T21:06:27Z"),
    (-0.5, "1969-12-31T23:59:59Z"),
    (FIRST, "0001-01-01T00:00:00Z"),
    (LAST, "9999-12-31T23:59:59Z"),
    (None, None),
]


def test_times_are_formatted() -> None:
    assert [(seconds, format_utc(seconds)) for seconds, _text in FORMATTED] == FORMATTED


NO_TIMES = [
    LAST + 1,
    FIRST - 1,
    2**53,
    10**30,
    -(10**30),
    10**400,
    1e300,
    math.inf,
    -math.inf,
    math.nan,
    True,
    "0",
    b"0",
    [0],
]


def test_formatting_anything_but_a_time_is_a_value_error() -> None:
    for value in NO_TIMES:
        with pytest.raises(ValueError, match="not a time|digits"):
            format_utc(value)  # type: ignore[call-overload]


@given(ANYTHING)
def test_a_formatted_time_has_twenty_characters(value: object) -> None:
    try:
        text = format_utc(value)  # type: ignore[call-overload]
    except ValueError:
        return
    assert text is None or (len(text) == 20 and math.floor(value) == parse_utc(text))  # type: ignore[arg-type]


@given(st.integers(FIRST, LAST))
def test_formatting_and_parsing_is_a_round_trip(seconds: int) -> None:
    assert parse_utc(format_utc(seconds)) == seconds


@given(st.integers(FIRST, LAST))
def test_the_format_is_that_of_the_standard_library(seconds: int) -> None:
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    assert format_utc(seconds) == moment.isoformat() + "Z"


@given(
    st.datetimes(timezones=st.just(datetime.timezone.utc) | st.just(datetime.timezone(datetime.timedelta(hours=-9.5))))
)
def test_times_of_the_standard_library_are_parsed(moment: datetime.datetime) -> None:
    assert parse_utc(moment.isoformat()) == pytest.approx(moment.timestamp(), abs=1e-3)


PARSED = [
    ("1970-01-02T00:00:00Z", 86400),
    ("1970-01-02 00:00:00", 86400),
    ("1970-01-02T00:00", 86400),
    ("1970-01-02", 86400),
    ("1970-01-02T08:00:00.25+08:00", 86400.25),
    ("1970-01-02T08:00:00+0800", 86400),
    ("1970-01-01T19:00:00-05:00", 86400),
]


def test_iso_8601_is_parsed_the_same_on_every_python() -> None:
    assert [(text, parse_utc(text)) for text, _seconds in PARSED] == PARSED


def test_the_local_time_zone_has_no_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        assert format_utc(0) == "1970-01-01T00:00:00Z" and parse_utc("1970-01-01T00:00:00") == 0
    finally:
        monkeypatch.undo()
        time.tzset()


NO_TEXTS = [
    *(
        "",
        "soon",
        "2026",
        "2026-13-01",
        "2026-02-30",
        "2026-01-01T",
        "2026-01-01T25:00:00Z",
        "2026-01-01T00:00:60Z",
    ),
    *("2026-01-01Z", "2026-01-01T00:00:00Z\n", " 2026-01-01", "0000-01-01", "2026-1-1", "2026-W01-1", "20260101"),
    *("２０２６-01-01", "2026-01-01T00:00:00ZZ", "2026-01-01T00:00:00+8", None, 0, 1.5, True, b"2026-01-01", []),
]


def test_parsing_anything_but_a_time_is_a_value_error() -> None:
    for text in NO_TEXTS:
        with pytest.raises(ValueError, match="."):
            print(text, parse_utc(text))


@given(ANYTHING)
def test_hostile_values_raise_only_value_error(value: object) -> None:
    for parse in (parse_utc, parse_date):
        try:
            parse(value)
        except ValueError as exc:
            assert len(str(exc)) < 200


@given(st.dates())
def test_dates_are_a_round_trip(date: datetime.date) -> None:
    assert parse_date(date.isoformat()) == date


NO_DATES = ["", "2027-1-31", "2027-02-30", "2027-01-31T00:00:00Z", "2027-01-31\n", None, 20270131]


def test_parsing_anything_but_a_date_is_a_value_error() -> None:
    for text in NO_DATES:
        with pytest.raises(ValueError, match="."):
            print(text, parse_date(text))
