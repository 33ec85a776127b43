# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""alicloud.imds.metadata_options over 10,000 instances in four regions, three of ten of them not as they should be.

See conftest.py for the runs.
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
    """The same, but with tokens required everywhere."""
    return {name: (endpoint, "required", tags) for name, (endpoint, _tokens, tags) in state.items()}


def reads_before_changes(run: Run) -> list[str]:
    """One digest of the question for each page that was read before anything was changed."""
    first_change = next((number for number, call in enumerate(run.calls) if call["action"] == MODIFY), len(run.calls))
    return [call["query"] for call in run.calls[:first_change] if call["action"] == DESCRIBE and call["status"] == 200]


def test_the_fleet_is_what_it_should_be(story: Story) -> None:
    assert len(story.before) == SIZE and len(due(story.before)) == DUE
    kinds = Counter(story.before.values())
    assert len(kinds) == 8 and min(kinds.values()) > 10  # also disabled ones, and such with tags, on both sides


def test_exactly_those_that_need_it_are_changed_once_each(story: Story) -> None:
    assert story.first.modified() == dict.fromkeys(due(story.before), 1)
    assert story.first.result["totals"] == {"changed": DUE, "unchanged": SIZE - DUE, "refused": 0, "failed": 0}
    assert story.recorded == DUE


def test_nothing_but_the_tokens_changes(story: Story) -> None:
    assert story.hardened == hardened(story.before)


def test_no_page_is_read_twice_but_to_confirm_changes(story: Story) -> None:
    pages = reads_before_changes(story.first)
    assert len(pages) == len(set(pages)) == PAGES
    confirming = [call["query"] for call in story.first.accepted(DESCRIBE)][len(pages) :]
    assert len(confirming) == len(set(confirming)) == len(REGIONS) * -(-DUE // len(REGIONS) // PAGE)
    assert not set(confirming) & set(pages)


def test_throttled_changes_are_sent_again_and_nothing_else_is(story: Story) -> None:
    throttled = Counter(call["instance"] for call in story.first.calls if call["code"] == "Throttling.User")
    assert throttled.total() == THROTTLED and set(throttled) <= due(story.before)
    changes = [call for call in story.first.calls if call["action"] == MODIFY]
    assert len(changes) == DUE + THROTTLED


def test_memory_stays_small(story: Story) -> None:
    peaks = [run.memory for run in (story.first, story.second, story.restored)]
    assert 0 < min(peaks) and max(peaks) < 150  # MiB


def test_second_run_only_reads(story: Story) -> None:
    assert story.second.result["changed"] is False
    assert [call["action"] for call in story.second.calls] == [DESCRIBE] * PAGES
    assert len(set(reads_before_changes(story.second))) == PAGES


def test_restoring_brings_every_instance_back(story: Story) -> None:
    assert story.restored.modified() == dict.fromkeys(due(story.before), 1)
    assert story.after_restore == story.before
    assert story.left_in_record == 0


def test_killed_half_way_and_run_again_it_comes_to_the_same_end(killed_story: KilledStory) -> None:
    story = killed_story
    left = due(story.half_way)
    assert len(left) == SMALL_DUE - SMALL_DUE // 2
    assert story.resumed.modified() == dict.fromkeys(left, 1)
    assert story.killed.modified() + story.resumed.modified() == dict.fromkeys(due(story.before), 1)
    assert story.hardened == hardened(story.before)


def test_restoring_can_be_killed_as_well(killed_story: KilledStory) -> None:
    """The record has what was there before the run that was killed, and is kept until all of it is restored."""
    story = killed_story
    assert len(due(story.half_restored)) == SMALL_DUE // 2
    assert len(story.restore_resumed.modified()) == SMALL_DUE - SMALL_DUE // 2
    restored = story.restore_killed.modified() + story.restore_resumed.modified()
    assert restored == dict.fromkeys(due(story.before), 1)
    assert story.at_the_end == story.before
