# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""1,000 scaling configurations: the number of API calls, and a run that was killed."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning import _configuration_operations
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning._in_place import Apply, Outcome
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning._plan import Desired
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning._record import ConfigurationRecord
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning._template import TemplateOptions
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._ecs import Ecs
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._scaling import AutoScaling

REGION = "cn-hangzhou"
REQUIRED = Desired(TemplateOptions(None, "required"))


class Killed(BaseException):
    """The process was killed: it sends nothing any more."""


class Account:
    """The transport to an account with many scaling configurations, and the number of calls by operation."""

    def __init__(self, number: int) -> None:
        self.rows = {"asc-%d" % it: {"ScalingConfigurationId": "asc-%d" % it, "ImageId": "m-1"} for it in range(number)}
        self.calls: Counter[str] = Counter()
        self.killed_after = number + 1
        self._lock = threading.Lock()

    def call(self, _service: Any, action: str, _region: str, parameters: Any, *_rest: Any) -> dict:
        with self._lock:
            if self.calls["ModifyScalingConfiguration"] >= self.killed_after:
                raise Killed
            self.calls[action] += 1
            if action == "ModifyScalingConfiguration":
                row = self.rows[parameters["ScalingConfigurationId"]]
                row.update({name: value for name, value in parameters.items() if name.startswith("Http")})
                return {}
            if action == "DescribeImages":
                return {"TotalCount": 1, "Images": {"Image": [{"ImageId": "m-1", "Features": {"ImdsSupport": "v2"}}]}}
            assert action == "DescribeScalingConfigurations"
            ids = parameters.get("ScalingConfigurationIds") or list(self.rows)
            start = (parameters["PageNumber"] - 1) * parameters["PageSize"]
            shown = ids[start : start + parameters["PageSize"]]
            return {"TotalCount": len(ids), "ScalingConfigurations": [dict(self.rows[it]) for it in shown]}

    def run(self, record: ConfigurationRecord | None = None) -> list[Outcome]:
        """Require tokens in all scaling configurations, as a task does."""
        scaling = AutoScaling(Ecs(self))  # type: ignore[arg-type]
        changes = _configuration_operations.plan_present(
            Ecs(self),  # type: ignore[arg-type]
            scaling,
            [REGION],
            None,
            REQUIRED,
            4,
        )
        return Apply(_configuration_operations.Configurations(scaling), record).all(changes, 4)


def test_the_calls_are_the_pages_and_one_for_each_change() -> None:
    account = Account(1000)
    assert [it.error for it in account.run() if it.error is not None or not it.changed] == []
    pages = 2 * 20  # before and after the changes
    assert account.calls == {
        "ModifyScalingConfiguration": 1000,
        "DescribeScalingConfigurations": pages,
        "DescribeImages": 1,
    }
    account.calls.clear()
    assert [it for it in account.run() if it.changed or it.error] == []
    assert account.calls == {"DescribeScalingConfigurations": 20, "DescribeImages": 1}


def test_a_killed_run_is_continued_and_restored(tmp_path: Any) -> None:
    account, record = Account(60), ConfigurationRecord(str(tmp_path), None)
    account.killed_after = 30
    with pytest.raises(Killed):
        account.run(record)
    account.killed_after = 1000
    outcomes = account.run(record)
    assert len([it for it in outcomes if it.changed]) == 30 and all(it.error is None for it in outcomes)
    assert {row["HttpTokens"] for row in account.rows.values()} == {"required"}
    restored = _configuration_operations.plan_restore(AutoScaling(Ecs(account)), record, None)  # type: ignore[arg-type]
    assert len(restored) == 60 and {it.after["http_tokens"] for it in restored} == {"optional"}
