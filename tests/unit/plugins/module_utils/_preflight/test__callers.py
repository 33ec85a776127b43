# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records of callers are judged by mode, time and noise."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._preflight import _callers
from hypothesis import given
from hypothesis import strategies as st

NOW = 1800000000.0
DAY = 86400


def callers(host, *records, since=0, **request) -> list[tuple]:
    report = host.run("callers", now=NOW, callers=list(records), callers_since=since, **request)
    return [(one["id"], one["evidence"].get("exe")) for one in report.findings]


def record(**more) -> dict:
    return {"mode": "normal_mode", "exe": "/usr/bin/curl", "last_seen": NOW - DAY, **more}


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (record(), "caller_normal_mode"),
        (record(noise=False), "caller_normal_mode"),
        (record(noise="Cloud Assistant asks without a token first"), "caller_noise"),
        (record(noise="probe"), None),
        (record(last_seen=NOW - 8 * DAY), None),
        (record(last_seen=NOW + DAY), "caller_normal_mode"),
        (record(last_seen=None), "caller_normal_mode"),
        (record(last_seen="yesterday"), "caller_normal_mode"),
        (record(last_seen="2027-01-15T07:00:00Z"), "caller_normal_mode"),
        (record(last_seen="2027-01-15T07:00:00.5+08:00"), "caller_normal_mode"),
        (record(last_seen="2026-12-01T00:00:00Z"), None),
        (record(mode="token"), None),
        (record(mode="unparsable"), "caller_unparsable"),
        (record(mode="unparsable", noise="probe"), "caller_unparsable"),
        (record(mode="unparsable", last_seen=NOW - 8 * DAY), None),
        (record(mode=None), None),
    ],
)
def test_recent_normal_mode_callers_are_findings(host, one, kind) -> None:
    assert callers(host, one) == ([(kind, "/usr/bin/curl")] if kind else [])


def test_quiet_period_limits_callers_and_requires_records_that_cover_it(host) -> None:
    assert callers(host, record(), quiet_period=3600) == []
    assert callers(host, since=NOW - 3600, quiet_period=7200) == [("callers_watched_too_briefly", None)]
    assert callers(host, since=NOW - 3600, quiet_period=3600) == []


def test_missing_records_are_a_finding_and_empty_records_are_not(host) -> None:
    assert [one["id"] for one in host.run("callers").findings] == ["callers_unknown"]
    assert callers(host) == []


def test_hostile_caller_names_are_printable_and_bounded(host) -> None:
    nasty = "\x1b[2J<script>{{ 7 }}\n" + "x" * 10000
    [one] = host.run("callers", now=NOW, callers=[record(exe=nasty, unit={"a": [nasty]}, secret="hush")]).findings
    assert one["evidence"]["exe"].startswith("\\x1b[2J<script>{{ 7 }}\\nxx") and len(one["evidence"]["exe"]) == 300
    assert "hush" not in repr(one)


@pytest.mark.slow
@given(
    st.lists(st.dictionaries(st.text(max_size=5) | st.just("last_seen"), st.none() | st.floats() | st.text(max_size=9)))
)
def test_any_record_is_judged(records) -> None:
    found = list(_callers.check([{**one, "mode": "normal_mode"} for one in records], None, 60, NOW))
    assert len(found) <= len(records)


def test_a_short_watch_says_how_long_it_has_recorded_and_when_that_is_enough(host) -> None:
    report = host.run("callers", now=NOW, callers=[], callers_since=NOW - 2 * DAY - 3 * 3600, quiet_period=7 * DAY)
    (one,) = report.findings
    assert one["id"] == "callers_watched_too_briefly"
    assert (
        one["detail"]
        == "The watch has recorded for 2 days 3 hours; it has recorded long enough at 2027-01-20T05:00:00Z."
    )
    assert [_callers.duration(span) for span in (59, 60, 3660, 86400)] == [
        "less than a minute",
        "1 minute",
        "1 hour 1 minute",
        "1 day",
    ]


def test_a_caller_finding_names_what_would_be_lost(host) -> None:
    records = [record(path_class="ram/security-credentials/*"), record(path_class="eipv4", noise="retry"), record()]
    details = [one["detail"] for one in host.run("callers", now=NOW, callers=records, callers_since=0).findings]
    assert set(details) == {"", "It would lose: credentials of the instance RAM role."}
