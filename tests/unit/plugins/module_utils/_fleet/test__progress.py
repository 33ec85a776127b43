# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file in which a module records its progress."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._apply import SENDING, Progress, apply
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._progress import NAME, ProgressFile
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError

from ....timing import FakeClock
from .test__apply import Api, change


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def content(folder: Path) -> dict:
    found: dict = json.loads((folder / NAME).read_text())
    return found


def test_the_file_is_written_once_a_second_after_two_seconds(tmp_path, clock) -> None:
    report = ProgressFile(lambda: str(tmp_path), clock.now)
    for number in range(40):
        report(Progress(SENDING, number, 1, 100))
        if number < 20:
            assert not list(tmp_path.iterdir()), "a short task writes no file"
        clock.sleep(0.1)
    assert content(tmp_path)["done"] == 30 and content(tmp_path)["seconds"] == pytest.approx(3.0)
    assert content(tmp_path)["total"] == 100 and content(tmp_path)["failed"] == 1


def test_an_error_of_the_file_is_ignored(clock) -> None:
    report = ProgressFile(lambda: "/nonexistent", clock.now)
    for _turn in range(5):
        clock.sleep(5)
        report(Progress(SENDING, 1, 0, 2))


def test_each_finished_change_is_reported() -> None:
    def before(_region: str, instance_id: str) -> None:
        if instance_id == "i-a3":
            raise ApiError("not_found", "It is gone")

    seen: list[Progress] = []
    changes = [change("a", number, None if number == 4 else change("a", 0).after) for number in range(6)]
    apply({None: Api(before)}, changes, 1, None, seen.append)
    assert [it.done for it in seen] == [1, 2, 3, 4, 5] and {it.total for it in seen} == {5}
    assert seen[-1] == Progress(SENDING, 5, 1, 5)
