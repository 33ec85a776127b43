# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a host: both views, the next step, waivers, totals."""

from __future__ import annotations

import pytest

from .entries import finding, host, made

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("control", "guest", "state", "disagrees"),
    [
        ("required", "required", "compliant", None),
        ("optional", "optional", "non_compliant", None),
        ("required", "optional", "non_compliant", "block"),
        ("optional", "required", "non_compliant", "warn"),
        ("required", "disabled", "disabled", "warn"),
        ("required", "unreachable", "compliant", None),
        ("required", "unknown", "unknown", None),
        ("optional", "unknown", "non_compliant", None),
        (None, "unknown", "unknown", None),
        ("required", None, "compliant", None),
        (None, "required", "compliant", None),
        (None, "unreachable", "unknown", None),
        (None, None, "unknown", None),
    ],
)
def test_two_views_make_one_state(control, guest, state, disagrees) -> None:
    report = made(host(control=control, guest=guest))
    (one,) = report["hosts"]
    assert one["state"] == state
    found = {it["id"]: it["severity"] for it in one["findings"]}
    assert found == ({"views_disagree": disagrees} if disagrees else {})
    assert report["totals"]["views_disagree"] == bool(disagrees)


def test_a_disabled_endpoint_is_disabled_whatever_the_tokens_are() -> None:
    view = {"http_tokens": "required", "http_endpoint": "disabled", "verdict": "endpoint_disabled"}
    (one,) = made(dict(host(), control_plane=view))["hosts"]
    assert (one["state"], one["control"]) == ("disabled", "NON_COMPLIANT")


def test_only_a_verdict_is_enough() -> None:
    states = [
        made({"host": "a", "control_plane": {"verdict": verdict}})["hosts"][0]["state"]
        for verdict in ("compliant", "optional", "endpoint_disabled", "exempt", "unknown")
    ]
    assert states == ["compliant", "non_compliant", "disabled", "exempt", "unknown"]


WAIVED = {"reason": "ok", "expires": "2026-11-24"}
CALLER = {"mode": "normal_mode", "exe": "/usr/bin/curl"}


@pytest.mark.parametrize(
    ("known", "following"),
    [
        ({}, "not_checked"),
        ({"findings": []}, "not_watched"),
        ({"findings": [], "callers": []}, "ready"),
        ({"findings": [finding("callers_unknown", "info")], "callers": []}, "not_watched"),
        ({"findings": [finding("callers_watched_too_briefly", "warn")], "callers": []}, "not_watched"),
        ({"findings": [finding("callers_unknown", "info", waived=WAIVED)]}, "ready"),
        ({"findings": [finding()]}, "blocked"),
        ({"findings": [finding(severity="warn")], "callers": []}, "ready"),
        ({"findings": [finding(waived=WAIVED)], "callers": []}, "ready"),
        ({"findings": [finding(waived={"reason": "ok", "expires": "2026-11-23"})]}, "blocked"),
        ({"findings": [], "callers": [CALLER]}, "has_callers"),
        ({"findings": [], "callers": [{**CALLER, "noise": "Cloud Assistant's first request"}]}, "ready"),
        ({"findings": [], "callers": [{**CALLER, "mode": "token_authenticated"}]}, "ready"),
    ],
)
def test_the_next_step_of_a_non_compliant_host(known, following) -> None:
    report = made(host(guest="optional", **known))
    assert report["hosts"][0]["next"] == following and report["totals"]["next"][following] == 1


def test_the_rule_of_cloud_config_is_named_and_judged() -> None:
    report = made(host("a", "required"), host("b", "optional"), host("c"))
    assert report["control"]["id"] == "ecs-instance-meta-data-mode-check"
    assert [it["control"] for it in report["hosts"]] == ["COMPLIANT", "NON_COMPLIANT", "INSUFFICIENT_DATA"]


def test_totals_and_regions() -> None:
    far = dict(host("far", "optional"), region_id=None, findings=[finding(), finding("x", "info")])
    report = made(host("a", "required", outcome={"result": "rolled_back"}), far)
    totals = report["totals"]
    assert totals["states"] == {"non_compliant": 1, "unknown": 0, "exempt": 0, "disabled": 0, "compliant": 1}
    assert totals["findings"] == {"block": 1, "warn": 0, "info": 1, "waived": 0}
    assert totals["outcomes"]["rolled_back"] == 1
    assert [(it["region_id"], it["hosts"]) for it in report["regions"]] == [("", 1), ("cn-hangzhou", 1)]


def test_a_name_that_comes_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="'web1'"):
        made(host(), host())


def test_a_waiver_without_a_date_is_refused() -> None:
    with pytest.raises(ValueError, match="waiver of 'old' on 'web1'.*'soon'"):
        made(host(findings=[finding(waived={"reason": "ok", "expires": "soon"})]))
