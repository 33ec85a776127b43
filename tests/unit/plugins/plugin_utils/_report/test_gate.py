# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gate of pipelines: which conditions a report meets. What is unknown is never clear."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.alicloud.imds.plugins.plugin_utils._report import _future, _gate

from .entries import finding, host, made

LATER = "2026-11-25T09:30:00Z"
LATEST = "2026-11-26T09:30:00Z"
OPTIONAL = {"kind": "launch_template", "id": "lt-1", "region_id": "r", "version": 2, "verdict": "optional"}


def met(report: dict[str, Any], *conditions: str, first: bool = False) -> list[str]:
    return _gate.met(report, conditions, first)


def kept(one: dict[str, Any]) -> dict[str, Any]:
    """A host of the report as a run keeps it that did not examine the host."""
    return {**one, "last_known": "2026-11-20T08:00:00Z", "in_run": True}


def test_a_report_without_a_problem_meets_no_condition() -> None:
    report = made(host("a", "required", findings=[]), host("b", findings=[], guest="disabled"))
    report["future"] = _future.future({"resources": [{**OPTIONAL, "verdict": "compliant"}]}, None)
    exempt = host("c", "optional", findings=[])
    exempt["control_plane"]["verdict"] = "exempt"
    report["hosts"] += made(exempt)["hosts"]
    assert met(report, "drift", "non_compliant", "future", "finding:cloud_init_too_old") == []


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (host("a", "optional", findings=[]), "non_compliant: normal-mode requests are accepted by 1 host (a)."),
        (host("a", findings=[]), "non_compliant: the mode of 1 host is unknown (a)."),
    ],
)
def test_non_compliant_includes_unknown(one: dict[str, Any], message: str) -> None:
    assert met(made(one), "non_compliant") == [message]


def test_a_last_known_state_is_unknown_unless_the_run_did_not_include_the_host() -> None:
    report = made(host("a", "required", findings=[]))
    report["hosts"] = [kept(it) for it in report["hosts"]]
    assert met(report, "non_compliant") == ["non_compliant: the mode of 1 host is unknown (a)."]
    assert met(report, "drift") == ["drift: the mode of 1 host is unknown (a)."]
    assert met(report, "finding:cloud_init_too_old") == [
        "finding:cloud_init_too_old: the preflight check has no results of 1 host (a)."
    ]
    report["hosts"][0]["in_run"] = False  # outside of --limit
    assert met(report, "drift", "non_compliant", "finding:cloud_init_too_old") == []


def test_drift_stays_until_the_host_requires_tokens_again() -> None:
    first = made(host("a", "required"), host("b", "optional"), host("c", "required"))
    second = made(host("a", "optional"), host("b", "optional"), host("c"), before=first, now=LATER)
    (message,) = met(second, "drift")
    assert message.endswith("accepted now, by 1 host (a); the mode of 1 host is unknown (c).")
    # another host changes, so that the comparison of two reports forgets it
    third = made(host("a", "optional"), host("b", "required"), host("c", "optional"), before=second, now=LATEST)
    assert [it["was_compliant"] for it in third["hosts"]] == [first["generated_at"], None, first["generated_at"]]
    assert "(a, c)" in met(third, "drift")[0]
    fourth = made(host("a", "required"), host("b", "required"), host("c", "required"), before=third, now=LATEST)
    assert met(fourth, "drift") == []


def test_without_an_earlier_report_drift_is_unknown() -> None:
    (message,) = met(made(host("a", "required")), "drift", first=True)
    assert message.startswith("drift: there was no earlier report")


def test_a_finding_counts_unless_it_is_waived_and_a_host_without_a_check_is_unknown() -> None:
    waived = finding("ack_node", waived={"reason": "x", "expires": "2030-01-01"})
    expired = finding("ack_node", waived={"reason": "x", "expires": "2020-01-01"})
    report = made(
        host("a", "required", findings=[finding("ack_node", "info")]),
        host("b", "required", findings=[waived]),
        host("c", "required", findings=[expired]),
        host("d", "required"),
        host("e", "required", findings=[]),
    )
    assert met(report, "finding:ack_node") == [
        "finding:ack_node: the finding is on 2 hosts (a, c); the preflight check has no results of 1 host (d)."
    ]


UNREAD = {
    **{"kind": "scaling_group", "id": None, "region_id": "cn-beijing", "verdict": "unknown"},
    "reason": "The action ess:DescribeScalingGroups is missing.",
}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (None, "did not read"),
        ({"resources": [OPTIONAL]}, "1 resource: launch template lt-1 version 2 permits normal mode"),
        ({"resources": [{**OPTIONAL, "verdict": "nonsense"}]}, "is unknown"),
        (
            {"resources": [], "failed_regions": [{"region_id": "cn-x", "error": "Forbidden."}]},
            "could be read: cn-x: Forbidden",
        ),
        ({"resources": [], "errors": ["no image"]}, "no image"),
        ({"failed": True, "msg": "No credentials."}, "No credentials"),
        ({"unreachable": True}, "no result"),
        ({"resources": ["x"]}, "invalid form"),
        ({"resources": [UNREAD]}, "scaling groups in cn-beijing: The action ess:DescribeScalingGroups is missing"),
    ],
)
def test_future_includes_what_could_not_be_read(given: Any, text: str) -> None:
    report = {**made(), "future": _future.future(given, None)}
    (message,) = met(report, "future")
    assert message.startswith("future: ") and text in message


def test_a_report_keeps_what_creates_instances_as_last_known() -> None:
    before = {**made(), "future": _future.future({"resources": [OPTIONAL]}, None)}
    part = _future.future({"skipped": True}, before)
    assert (
        part is not None
        and part["last_known"] == before["generated_at"]
        and part["resources"] == before["future"]["resources"]
    )
    assert _future.future(None, {**before, "future": part}) == part
    assert "did not read" in met({**made(), "future": part}, "future")[0]
    assert _future.future(None, {**before, "future": "text"}) is None


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("drifft", "Did you mean drift?"),
        ("finding:cloud_init_to_old", "Did you mean finding:cloud_init_too_old?"),
        ("cloud_init_too_old", "Did you mean finding:cloud_init_too_old?"),
        ("finding:", ""),
        ("\x1b[0m" + "x" * 9999, ""),
    ],
)
def test_unknown_conditions_are_refused(given: str, hint: str) -> None:
    with pytest.raises(ValueError, match="is not a condition") as caught:
        _gate.check(["drift", given])
    assert hint in str(caught.value) and str(caught.value).isprintable() and len(str(caught.value)) < 500
    _gate.check(["drift", "non_compliant", "future", "finding:views_disagree", "finding:ack_node"])


def test_hostile_names_are_shown_as_escapes_and_bounded() -> None:
    hosts = [host("\x1b]0;%d\x07" % place + "a" * 250, "optional") for place in range(30)]
    (message,) = met(made(*hosts), "non_compliant")
    assert message.isprintable() and "25 more" in message and len(message) < 1500
