# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings, waivers and the verdict."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._preflight import _findings
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._findings import finding

TODAY = datetime.date(2027, 1, 15)


FOUND = [finding("python_oss2_normal_mode", path="/opt/a/x"), finding("script_normal_mode", path="/opt/b", line=1)]


def waiver(pattern: str = "python_oss2_normal_mode", **more) -> dict:
    return {"finding": pattern, "host": None, "reason": "It uses its own access keys", "expires": "2027-12-31", **more}


def waived(*waivers: dict, host: str = "web1") -> list[str]:
    result = _findings.apply_waivers(FOUND, waivers, host, TODAY)
    return [one["id"] for one in result if one["waived"]]


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (waiver(), ["python_oss2_normal_mode"]),
        (waiver("python_*"), ["python_oss2_normal_mode"]),
        (waiver("*"), ["python_oss2_normal_mode", "script_normal_mode"]),
        (waiver("*:/opt/b"), ["script_normal_mode"]),
        (waiver("python_oss2_normal_mode:/srv/*"), []),
        (waiver(host="web*"), ["python_oss2_normal_mode"]),
        (waiver(host="db*"), []),
        (waiver(expires="2027-01-15"), ["python_oss2_normal_mode"]),
        (waiver(expires="2027-01-14"), []),
    ],
)
def test_waivers_match_by_pattern_host_and_date(one, expected) -> None:
    assert waived(one) == expected


def test_a_waived_finding_is_listed_with_its_reason_and_does_not_count() -> None:
    result = _findings.apply_waivers(FOUND, [waiver("*")], "web1", TODAY)
    assert [one["waived"] for one in result] == [{"reason": "It uses its own access keys", "expires": "2027-12-31"}] * 2
    assert _findings.verdict(result) == "clear" and _findings.verdict(FOUND) == "block"
    assert FOUND[0]["waived"] is None


def test_expired_and_unused_waivers_are_findings() -> None:
    waivers = [waiver(expires="2026-01-01"), waiver("ack_node"), waiver("ack_node", host="db1")]
    result = _findings.apply_waivers(FOUND, waivers, "web1", TODAY)
    assert [one["id"] for one in result[2:]] == ["waiver_expired", "waiver_unused"]
    assert result[2]["evidence"] == {
        "finding": "python_oss2_normal_mode",
        "reason": waivers[0]["reason"],
        "expires": "2026-01-01",
    }
    assert _findings.verdict(result[2:]) == "warn"


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (waiver(reason=""), "'reason' is empty"),
        (waiver(reason="  "), "'reason' is empty"),
        (waiver(expires=""), "'expires' is .* Use a date such as"),
        (waiver(expires="2027-02-30"), "'expires' is .* Use a date such as"),
        (waiver(expires="2027-1-1"), "'expires' is .* Use a date such as"),
        (waiver(expires="never"), "'expires' is .* Use a date such as"),
        (waiver(""), "'finding' is empty"),
        (waiver("python_oss"), "no finding has this ID"),
        (waiver("cloud_init_to_old"), "no finding has this ID. Did you mean cloud_init_too_old?"),
    ],
)
def test_an_incomplete_waiver_is_rejected(one, message) -> None:
    with pytest.raises(ValueError, match=message):
        _findings.check_waivers([waiver(), one])


def test_findings_beyond_the_limit_are_counted() -> None:
    listed = [finding("script_normal_mode", path="/x", line=number // 2) for number in range(600)]
    found = _findings.bounded(_findings.distinct(listed))
    assert len(found) == _findings.MAX_OF_A_KIND + 1
    assert found[-1]["evidence"] == {"finding": "script_normal_mode", "count": 100}


def test_decoys_do_not_hide_a_finding() -> None:
    listed = [finding("script_normal_mode", path="/opt/decoys/%d" % number) for number in range(300)]
    listed.append(finding("script_normal_mode", path="/opt/real"))
    found = _findings.bounded(_findings.apply_waivers(listed, [waiver("*:/opt/decoys/*")], "web1", TODAY))
    assert _findings.verdict(found) == "block"
    assert "/opt/real" in [one["evidence"].get("path") for one in found if not one["waived"]]
    assert [one["severity"] for one in found if one["id"] == "findings_truncated"] == ["info"]


def test_omitted_findings_count_with_their_severity() -> None:
    found = _findings.bounded([finding("script_normal_mode", path="/x/%d" % number) for number in range(201)])
    assert (found[-1]["id"], found[-1]["severity"]) == ("findings_truncated", "block")
