# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes in place: what is read back, and a record with items of a hostile API."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning import _configuration
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning._in_place import (
    Apply,
    Change,
    Present,
    problem_of,
    result_of,
)
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning._plan import Desired
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning._record import (
    ConfigurationRecord,
    TemplateRecord,
)
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning._template import (
    Template,
    TemplateOptions,
)
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._record_file import RecordError
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError

BEFORE, AFTER = {"http_tokens": "optional"}, {"http_tokens": "required"}


def change(name: str = "asc-1", **fields: Any) -> Change:
    return Change(name, "cn-hangzhou", BEFORE, AFTER, **fields)


class Target:
    """An API with one value for each item. *reads* are the responses in this order; the last one is repeated."""

    def __init__(self, *reads: Any, error: ApiError | None = None) -> None:
        self.reads = list(reads)
        self.error = error
        self.sent: list[str] = []

    def send(self, wanted: Change) -> None:
        self.sent.append(wanted.item_id)
        if self.error is not None:
            raise self.error

    def read(self, _region: str, ids: Any) -> Any:
        found = self.reads.pop(0) if len(self.reads) > 1 else self.reads[0]
        if isinstance(found, ApiError):
            raise found
        return dict.fromkeys(ids, found)


def applied(target: Target, *changes: Change) -> tuple[list, list[float]]:
    pauses: list[float] = []
    return Apply(target, sleep=pauses.append).all(changes or [change()], 1), pauses


def test_a_change_is_read_back_until_it_is_visible() -> None:
    (outcome,), pauses = applied(Target(Present(BEFORE), Present(BEFORE), Present(AFTER)))
    assert (outcome.changed, outcome.error, pauses) == (True, None, [0.5, 1.0])


@pytest.mark.parametrize("read", [Present(BEFORE), ApiError("transient", "No response")])
def test_a_change_that_never_becomes_visible_is_unknown(read: Any) -> None:
    (outcome,), _pauses = applied(Target(read))
    assert outcome.changed and "its effect is unknown" in str(outcome.error)


def test_other_fields_that_differ_are_named_without_their_values() -> None:
    others = {"UserData": "secret-value", "ImageId": "m-1"}
    target = Target(Present(AFTER, {"UserData": "other-secret", "ImageId": "m-1"}))
    outcomes, _pauses = applied(target, change(others=others))
    assert "UserData" in str(outcomes[0].error) and "ImageId" not in str(outcomes[0].error)
    assert "secret" not in str(problem_of(outcomes, "items")) + str(result_of(outcomes, "items", "id"))
    assert result_of(outcomes, "items", "id")["totals"] == {"changed": 1, "unchanged": 0, "refused": 0, "failed": 1}


@pytest.mark.parametrize(("read", "changed"), [(AFTER, True), (BEFORE, False)])
def test_after_a_lost_response_the_api_decides_whether_there_was_a_change(read: dict, changed: bool) -> None:
    (outcome,), pauses = applied(Target(Present(read), error=ApiError("transient", "Connection lost")))
    assert (outcome.changed, outcome.error is None, pauses) == (changed, changed, [])


def test_after_a_missing_permission_nothing_else_is_sent() -> None:
    target = Target(error=ApiError("forbidden", "Not permitted"))
    outcomes, _pauses = applied(target, change("asc-1"), change("asc-2"), change("asc-3", refusal="No."))
    assert target.sent == ["asc-1"] and [it.changed for it in outcomes] == [False] * 3
    assert "another change was refused" in str(outcomes[1].error)
    assert result_of(outcomes, "items", "id")["totals"] == {"changed": 0, "unchanged": 0, "refused": 1, "failed": 2}


@pytest.mark.parametrize("name", ["../../asc-1", "asc-1/..", "", "asc-1\n", "lt-1", "asc-" + "1" * 65])
def test_an_id_from_the_api_is_no_path(tmp_path: Any, name: str) -> None:
    folder = tmp_path / "a" / "records"
    with pytest.raises(RecordError, match="not the ID"):
        ConfigurationRecord(str(folder), None).add(change(name))
    with pytest.raises(RecordError, match="not the ID"):
        TemplateRecord(str(folder), None).add(Template(name.replace("lt-1", "lt"), "cn-hangzhou", "", 1, 1))
    assert list(tmp_path.rglob("*")) == []


def test_unknown_options_are_not_recorded(tmp_path: Any) -> None:
    unknown = change()._replace(before={"http_endpoint": None, "http_tokens": "optional"})
    with pytest.raises(RecordError, match="unknown values"):
        ConfigurationRecord(str(tmp_path), None).add(unknown)


RAW = {"ScalingConfigurationId": "asc-1", "LifecycleState": "Active", "ImageId": "m-1"}
REQUIRED = Desired(TemplateOptions(None, "required"))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"HttpEndpoint": ["enabled"]}, "unknown values"),
        ({"HttpEndpoint": "on"}, "unknown values"),
        ({"ImageId": {}}, "image name or family"),
        ({"ImageId": ["m-1"]}, "not found"),
    ],
)
def test_an_unexpected_value_is_a_refusal(raw: dict, reason: str) -> None:
    found = _configuration.parse_configuration({**RAW, **raw}, "cn-hangzhou")
    planned = _configuration.plan_configuration(found, {}, REQUIRED)
    assert not planned.needed and reason in str(planned.refusal)
    assert _configuration.judge_configuration(found, {}).verdict in ("unknown", "optional")


@pytest.mark.parametrize("version", ["0", "-1", "1.5", "\u0663", "9" * 400, "default", "$Latest"])
def test_a_group_with_an_invalid_version_is_unknown(version: str) -> None:
    row = {"ScalingGroupId": "asg-1", "LaunchTemplateId": "lt-1", "LaunchTemplateVersion": version}
    group = _configuration.parse_group(row, "cn-hangzhou")
    assert group is not None
    number = _configuration.version_number(group, Template("lt-1", "cn-hangzhou", "", 1, 2))
    assert number in (None, 0)
    assert _configuration.judge_group(group, None, {}).verdict == "unknown"
