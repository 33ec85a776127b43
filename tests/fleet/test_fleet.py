# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""alicloud.imds.metadata_options on 10,000 instances in four regions, three of ten of which permit normal mode.

conftest.py has the runs.
"""

from __future__ import annotations

from collections import Counter

from conftest import DUE, SIZE, SMALL_DUE, THROTTLED, KilledStory, Story
from fleets import DESCRIBE, MODIFY, REGIONS, Run, State

PAGE = 100
PAGES = SIZE // PAGE


def due(state: State) -> set[str]:
    return {name for name, (_endpoint, tokens, _tags) in state.items() if tokens == "optional"}


def hardened(state: State) -> State:
    """Return the state with tokens required on all instances."""
    return {name: (endpoint, "required", tags) for name, (endpoint, _tokens, tags) in state.items()}


def reads_before_changes(run: Run) -> list[str]:
    """Return a digest of the query of each page that was read before the first change."""
    first_change = next((number for number, call in enumerate(run.calls) if call["action"] == MODIFY), len(run.calls))
    return [call["query"] for call in run.calls[:first_change] if call["action"] == DESCRIBE and call["status"] == 200]


def test_the_fleet_has_all_kinds_of_instances(story: Story) -> None:
    assert len(story.before) == SIZE and len(due(story.before)) == DUE
    kinds = Counter(story.before.values())
    assert (
        len(kinds) == 8 and min(kinds.values()) > 10
    )  # disabled endpoints and tags, each with optional and required tokens


def test_each_instance_that_needs_a_change_is_changed_once(story: Story) -> None:
    assert story.first.modified() == dict.fromkeys(due(story.before), 1)
    assert story.first.result["totals"] == {"changed": DUE, "unchanged": SIZE - DUE, "refused": 0, "failed": 0}
    assert story.recorded == DUE


def test_nothing_but_the_tokens_changes(story: Story) -> None:
    assert story.hardened == hardened(story.before)


def test_a_page_is_read_again_only_to_confirm_changes(story: Story) -> None:
    pages = reads_before_changes(story.first)
    assert len(pages) == len(set(pages)) == PAGES
    confirming = [call["query"] for call in story.first.accepted(DESCRIBE)][len(pages) :]
    assert len(confirming) == len(set(confirming)) == len(REGIONS) * -(-DUE // len(REGIONS) // PAGE)
    assert not set(confirming) & set(pages)


def test_only_throttled_changes_are_retried(story: Story) -> None:
    throttled = Counter(call["instance"] for call in story.first.calls if call["code"] == "Throttling.User")
    assert throttled.total() == THROTTLED and set(throttled) <= due(story.before)
    changes = [call for call in story.first.calls if call["action"] == MODIFY]
    assert len(changes) == DUE + THROTTLED


def test_memory_is_limited(story: Story) -> None:
    peaks = [run.memory for run in (story.first, story.second, story.restored)]
    assert 0 < min(peaks) and max(peaks) < 150  # MiB


def test_the_second_run_only_reads(story: Story) -> None:
    assert story.second.result["changed"] is False
    assert [call["action"] for call in story.second.calls] == [DESCRIBE] * PAGES
    assert len(set(reads_before_changes(story.second))) == PAGES


def test_a_restore_restores_all_recorded_options(story: Story) -> None:
    assert story.restored.modified() == dict.fromkeys(due(story.before), 1)
    assert story.after_restore == story.before
    assert story.left_in_record == 0


def test_a_killed_run_is_completed_by_the_next_one(killed_story: KilledStory) -> None:
    story = killed_story
    left = due(story.half_way)
    assert len(left) == SMALL_DUE - SMALL_DUE // 2
    assert story.resumed.modified() == dict.fromkeys(left, 1)
    assert story.killed.modified() + story.resumed.modified() == dict.fromkeys(due(story.before), 1)
    assert story.hardened == hardened(story.before)


def test_a_killed_restore_is_completed_by_the_next_one(killed_story: KilledStory) -> None:
    """The record has the options before the killed run, and keeps them until they are restored."""
    story = killed_story
    assert len(due(story.half_restored)) == SMALL_DUE // 2
    assert len(story.restore_resumed.modified()) == SMALL_DUE - SMALL_DUE // 2
    restored = story.restore_killed.modified() + story.restore_resumed.modified()
    assert restored == dict.fromkeys(due(story.before), 1)
    assert story.at_the_end == story.before
