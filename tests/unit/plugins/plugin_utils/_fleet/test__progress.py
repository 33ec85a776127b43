# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines that show the progress of a large change."""

from __future__ import annotations

import json

import pytest
from ansible_collections.alicloud.imds.plugins.plugin_utils._fleet._progress import Progress, parse


@pytest.mark.parametrize(
    ("now", "before", "line"),
    [
        (
            Progress("sending", 510, 0, 10_000, 10.2),
            None,
            "510 of 10,000 instances done, 50 per second, about 3 min left",
        ),
        (
            Progress("sending", 9500, 95, 10_000, 190.0),
            Progress("sending", 9000, 90, 10_000, 180.0),
            "9,500 of 10,000 instances done, 95 failed, 50 per second, about 10 s left",
        ),
        (
            Progress("sending", 40, 0, 100, 30.0),
            Progress("sending", 40, 0, 100, 20.0),
            "40 of 100 instances done, no progress since the last line",
        ),
        (Progress("sending", 0, 0, 100, 10.0), None, "0 of 100 instances done"),
        (
            Progress("waiting", 60, 0, 100, 10.0),
            Progress("sending", 100, 0, 100, 20.0),
            "changed 100 instances; the API shows 60 of the changes",
        ),
    ],
)
def test_a_line_has_count_rate_and_remaining_time(now: Progress, before: Progress | None, line: str) -> None:
    assert now.line(before) == line


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        '{"stage": "sending"}',
        '{"stage": "\\u001b[2J", "done": 1, "failed": 0, "total": 2, "seconds": 1}',
    ]
    + ['{"stage": "sending", "done": "\\u001b", "failed": 0, "total": 2, "seconds": 1}', "[" * 100_000],
)
def test_other_content_is_ignored(text: str) -> None:
    assert parse(text) is None


def test_the_content_of_the_file_is_parsed() -> None:
    progress = Progress("sending", 1, 0, 2, 3.5)
    assert parse(json.dumps(progress._asdict())) == progress
