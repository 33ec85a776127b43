# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The abridged result of a failed task."""

from __future__ import annotations

from ansible_collections.alicloud.imds.plugins.module_utils._fleet._report import MOST_SHOWN, abridged

DIFF = {"before": "a\n", "after": "b\n"}


def result(failed: int, unchanged: int) -> dict:
    rows = [
        {"instance_id": f"i-{number}", "error": "refused" if number < failed else None}
        for number in range(failed + unchanged)
    ]
    return {"instances": rows, "diff": DIFF, "changed": True}


def test_a_result_in_which_every_instance_failed_is_complete() -> None:
    assert abridged(result(2, 0)) == {**result(2, 0), "omitted": 0}


def test_instances_without_an_error_are_omitted_with_the_diff() -> None:
    found = abridged(result(2, 3))
    assert (len(found["instances"]), found["omitted"], found["diff"]) == (2, 3, {"before": "", "after": ""})
    assert len(abridged(result(MOST_SHOWN + 5, 0))["instances"]) == MOST_SHOWN
