# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Callers, waivers and the verdict."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._preflight import _findings
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._findings import finding
from hypothesis import given
from hypothesis import strategies as st

NOW = 1800000000.0
TODAY = datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc).date()
DAY = 86400


def callers(host, *records, since=0, **request) -> list[tuple]:
    report = host.run("callers", now=NOW, callers=list(records), callers_since=since, **request)
    return [(one["id"], one["evidence"].get("exe")) for one in report.findings]


def record(**more) -> dict:
    return {"mode": "normal_mode", "exe": "/usr/bin/curl", "last_seen": NOW - DAY, **more}


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (record(), "caller_plain"),
        (record(noise=False), "caller_plain"),
        (record(noise="Cloud Assistant asks without a token first"), "caller_noise"),
        (record(noise="probe"), None),
        (record(last_seen=NOW - 8 * DAY), None),
        (record(last_seen=NOW + DAY), "caller_plain"),
        (record(last_seen=None), "caller_plain"),
        (record(last_seen="yesterday"), "caller_plain"),
        (record(last_seen="2027-01-15T07:00:00Z"), "caller_plain"),
        (record(last_seen="2027-01-15T07:00:00.5+08:00"), "caller_plain"),
        (record(last_seen="2026-12-01T00:00:00Z"), None),
        (record(mode="token"), None),
        (record(mode=None), None),
    ],
)
def test_callers(host, one, kind) -> None:
    assert callers(host, one) == ([(kind, "/usr/bin/curl")] if kind else [])


def test_the_quiet_period(host) -> None:
    assert callers(host, record(), quiet_period=3600) == []
    assert callers(host, since=NOW - 3600, quiet_period=7200) == [("callers_watched_too_briefly", None)]
    assert callers(host, since=NOW - 3600, quiet_period=3600) == []


def test_no_records_are_not_the_same_as_none_that_matter(host) -> None:
    assert [one["id"] for one in host.run("callers").findings] == ["callers_unknown"]
    assert callers(host) == []


def test_a_caller_may_call_itself_anything(host) -> None:
    nasty = "\x1b[2J<script>{{ 7 }}\n" + "x" * 10000
    [one] = host.run("callers", now=NOW, callers=[record(exe=nasty, unit={"a": [nasty]}, secret="hush")]).findings
    assert one["evidence"]["exe"].startswith("\\x1b[2J<script>{{ 7 }}\\nxx") and len(one["evidence"]["exe"]) == 300
    assert "hush" not in repr(one)


@given(
    st.lists(st.dictionaries(st.text(max_size=5) | st.just("last_seen"), st.none() | st.floats() | st.text(max_size=9)))
)
def test_any_record_can_be_judged(records) -> None:
    from ansible_collections.alicloud.imds.plugins.module_utils._preflight import _callers

    found = list(_callers.check([{**one, "mode": "normal_mode"} for one in records], None, 60, NOW))
    assert len(found) <= len(records)


FOUND = [finding("python_oss2_plain", path="/opt/a/x"), finding("script_reads_plain", path="/opt/b", line=1)]


def waiver(pattern: str = "python_oss2_plain", **more) -> dict:
    return {"finding": pattern, "host": None, "reason": "It has keys of its own", "expires": "2027-12-31", **more}


def waived(*waivers: dict, host: str = "web1") -> list[str]:
    result = _findings.apply_waivers(FOUND, waivers, host, TODAY)
    return [one["id"] for one in result if one["waived"]]


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (waiver(), ["python_oss2_plain"]),
        (waiver("python_*"), ["python_oss2_plain"]),
        (waiver("*"), ["python_oss2_plain", "script_reads_plain"]),
        (waiver("*:/opt/b"), ["script_reads_plain"]),
        (waiver("python_oss2_plain:/srv/*"), []),
        (waiver(host="web*"), ["python_oss2_plain"]),
        (waiver(host="db*"), []),
        (waiver(expires="2027-01-15"), ["python_oss2_plain"]),
        (waiver(expires="2027-01-14"), []),
    ],
)
def test_waivers(one, expected) -> None:
    assert str(TODAY) == "2027-01-15"
    assert waived(one) == expected


def test_a_waived_finding_stays_with_the_reason_and_does_not_count(host) -> None:
    result = _findings.apply_waivers(FOUND, [waiver("*")], "web1", TODAY)
    assert [one["waived"] for one in result] == [{"reason": "It has keys of its own", "expires": "2027-12-31"}] * 2
    assert _findings.verdict(result) == "clear" and _findings.verdict(FOUND) == "block"
    assert FOUND[0]["waived"] is None


def test_expired_and_idle_waivers_are_findings() -> None:
    waivers = [waiver(expires="2026-01-01"), waiver("ack_node"), waiver("ack_node", host="db1")]
    result = _findings.apply_waivers(FOUND, waivers, "web1", TODAY)
    assert [one["id"] for one in result[2:]] == ["waiver_expired", "waiver_unused"]
    assert result[2]["evidence"] == {
        "finding": "python_oss2_plain",
        "reason": waivers[0]["reason"],
        "expires": "2026-01-01",
    }
    assert _findings.verdict(result[2:]) == "warn"


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (waiver(reason=""), "'reason' must say why"),
        (waiver(reason="  "), "'reason' must say why"),
        (waiver(expires=""), "'expires' must be a date like"),
        (waiver(expires="2027-02-30"), "'expires' must be a date like"),
        (waiver(expires="2027-1-1"), "'expires' must be a date like"),
        (waiver(expires="never"), "'expires' must be a date like"),
        (waiver(""), "'finding' must name a finding"),
        (waiver("python_oss"), "no finding has that id"),
    ],
)
def test_a_waiver_says_what_why_and_until_when(one, message) -> None:
    with pytest.raises(ValueError, match=message):
        _findings.check_waivers([waiver(), one])


def test_many_of_a_kind_are_counted() -> None:
    found = _findings.bounded([finding("script_reads_plain", path="/x", line=number // 2) for number in range(600)])
    assert len(found) == _findings.MOST + 1
    assert found[-1]["evidence"] == {"finding": "script_reads_plain", "count": 100}
