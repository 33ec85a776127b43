# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records of a running watch in the preflight check: partial coverage and losses are findings."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._callers._vocabulary import STATE_DIRECTORY
from ansible_collections.alicloud.imds.plugins.module_utils._watch._records import Records
from ansible_collections.alicloud.imds.plugins.module_utils._watch._store import Store

from .conftest import Host

NOW = int(time.time())
DAY = 86400
STATUS = {"pid": 1, "running_since": NOW - 8 * DAY, "updated": NOW, "attribution": "connect", "coverage": "full", "dropped": 0,
          "evicted": 0, "lost_events": 0, "last_loss": None, "problems": []}  # fmt: skip


@pytest.fixture
def findings(host: Host) -> Iterator[Callable[..., list[tuple[str, Any]]]]:
    """Return a function that returns ID and reason of each finding about a watch that has run for 8 days with this status."""
    directory = host.root / STATE_DIRECTORY.lstrip("/")
    directory.mkdir(parents=True)
    store = Store(str(directory))

    def check(**status: Any) -> list[tuple[str, Any]]:
        store.write({**STATUS, **status}, [[NOW - 8 * DAY, NOW]], *Records().as_json(NOW))
        store.wait()
        report = host.run("callers", now=NOW, quiet_period=7 * DAY)
        return [(one["id"], one["evidence"].get("reason")) for one in report.findings]

    yield check
    store.close()


def test_full_coverage_without_losses_is_quiet(findings: Callable[..., list[tuple[str, Any]]]) -> None:
    assert findings() == []


def test_partial_coverage_is_never_quiet(findings: Callable[..., list[tuple[str, Any]]]) -> None:
    reason = "The watch has partial coverage: processes that end soon are missed."
    assert findings(coverage="partial", attribution="socket") == [("callers_incomplete", reason)]


@pytest.mark.parametrize(("ago", "found"), [(DAY, ["callers_incomplete"]), (7 * DAY + 60, [])])
def test_a_loss_within_the_quiet_period_is_a_finding(
    findings: Callable[..., list[tuple[str, Any]]], ago: int, found: list[str]
) -> None:
    assert [one for one, _reason in findings(lost_events=7, last_loss=NOW - ago)] == found
