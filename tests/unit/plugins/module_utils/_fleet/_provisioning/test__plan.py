# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of launch templates, and a new version that is not what was requested."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning._apply import Apply
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning._plan import Desired, plan
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning._survey import Found
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning._template import (
    Template,
    TemplateOptions,
    Version,
)
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError

REQUIRED = Desired(TemplateOptions(None, "required"))


def found(*versions: dict, images: dict | None = None, default: int = 1) -> Found:
    known = {number: Version(number, "", data) for number, data in enumerate(versions, 1)}
    return Found(Template("lt-1", "cn-hangzhou", "web", default, len(versions)), known, images or {})


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"NewField": "secret-value"}, "NewField"),
        ({"SystemDisk": {"NewField": "secret-value"}}, "SystemDisk.NewField"),
        ({"Tags": {"InstanceTag": [{"Key": "k", "NewField": "secret-value"}]}}, "Tags.NewField"),
    ],
)
def test_a_version_with_an_unknown_field_is_refused_without_its_value(data: dict, name: str) -> None:
    change = plan(found(data), REQUIRED)
    assert not change.needed
    assert name in str(change.refusal) and "secret-value" not in str(change.refusal)


def test_fields_that_are_not_set_are_omitted_and_false_is_kept() -> None:
    data = {"Period": 0, "HostName": "", "Tags": {"InstanceTag": []}, "SpotDuration": 0, "DeletionProtection": False}
    assert plan(found(data), REQUIRED).parameters == {
        "SpotDuration": 0,
        "DeletionProtection": False,
        "HttpEndpoint": "enabled",
        "HttpTokens": "required",
    }


def test_a_version_that_differs_in_another_field_is_not_used() -> None:
    base, other = {"InstanceName": "a"}, {"InstanceName": "b", "HttpTokens": "required"}
    assert plan(found(base, other), REQUIRED).parameters is not None
    same = {"InstanceName": "a", "HttpTokens": "required"}
    change = plan(found(base, same, other), REQUIRED)
    assert (change.version, change.parameters, change.make_default) == (2, None, True)


def test_options_with_unknown_values_are_not_changed() -> None:
    assert plan(found({"HttpEndpoint": "later"}), REQUIRED).refusal is not None
    assert plan(found({}, default=7), REQUIRED).refusal == "The version 7 does not exist or cannot be read."


class Api:
    """Creates versions that differ from the request, or fails."""

    def __init__(self, changes: dict | None = None, failures: int = 0, took_effect: bool = False) -> None:
        self.changes, self.failures, self.took_effect = changes or {}, failures, took_effect
        self.rows: list[dict] = []
        self.defaults: list[int] = []
        self.creations = 0

    def create_version(self, _region: str, _template: str, parameters: Any) -> int:
        self.creations += 1
        if self.failures < self.creations or self.took_effect:
            data = {**parameters, **self.changes}
            self.rows.append({"VersionNumber": len(self.rows) + 2, "LaunchTemplateData": data})
        if self.creations <= self.failures:
            raise ApiError("transient", "connection lost")
        return len(self.rows) + 1

    def versions(self, _region: str, _template: str, number: int | None = None, limit: Any = None) -> list[dict]:
        return [row for row in self.rows if number in (None, row["VersionNumber"])]

    def set_default_version(self, _region: str, _template: str, number: int) -> None:
        self.defaults.append(number)


def outcome(api: Api) -> Any:
    (result,) = Apply(api, sleep=lambda _seconds: None).all([plan(found({"HostName": "secret-value"}), REQUIRED)], 1)
    return result


def test_a_new_version_that_differs_in_another_field_is_not_made_the_default() -> None:
    api = Api({"HostName": "other"})
    result = outcome(api)
    assert result.changed and api.defaults == []
    assert "HostName" in result.error and "secret-value" not in result.error


@pytest.mark.parametrize(("took_effect", "creations"), [(True, 1), (False, 2)])
def test_after_a_lost_connection_a_version_is_created_once(took_effect: bool, creations: int) -> None:
    api = Api(failures=1, took_effect=took_effect)
    assert outcome(api).error is None
    assert (len(api.rows), api.creations, api.defaults) == (1, creations, [2])


def test_a_version_that_cannot_be_read_back_is_not_made_the_default() -> None:
    api = Api()
    api.versions = lambda *_arguments, **_more: []  # type: ignore[method-assign]
    assert "does not return it" in outcome(api).error and api.defaults == []
