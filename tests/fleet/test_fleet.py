# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""alicloud.imds.metadata_options over 10,000 instances in four regions, three of ten of them not as they should be.

The emulated API allows 200 calls a second of each operation in each region. See conftest.py for the runs.
"""

from __future__ import annotations

from collections import Counter

from conftest import DUE, SIZE, WANTED_RATIO, Story, ratio
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


def test_it_is_nearly_as_fast_as_the_throttle_allows(story: Story) -> None:
    assert ratio(story.attempts) <= WANTED_RATIO


def test_a_tight_throttle_is_used_to_the_full(story: Story) -> None:
    """Here the throttle is the limit and not the machine; what a region gives at once at the beginning is not added."""
    assert ratio(story.tight) <= WANTED_RATIO
    assert all(attempt.changing.modified() == dict.fromkeys(due(story.before), 1) for attempt in story.tight)


def test_few_calls_are_wasted(story: Story) -> None:
    """Being throttled now and then is how it learns the pace; running against a wall all the time is not."""
    throttled = [call for call in story.tight[-1].changing.calls if call["code"] == "Throttling.User"]
    assert 0 < len(throttled) <= DUE * 0.2


def test_memory_stays_small(story: Story) -> None:
    peaks = [run.memory for run in (story.first, story.second, story.restored, story.resumed)]
    assert 0 < min(peaks) and max(peaks) < 150  # MiB


def test_second_run_only_reads(story: Story) -> None:
    assert story.second.result["changed"] is False
    assert [call["action"] for call in story.second.calls] == [DESCRIBE] * PAGES
    assert len(set(reads_before_changes(story.second))) == PAGES


def test_restoring_brings_every_instance_back(story: Story) -> None:
    assert story.restored.modified() == dict.fromkeys(due(story.before), 1)
    assert story.after_restore == story.before
    assert story.left_in_record == 0


def test_killed_half_way_and_run_again_it_comes_to_the_same_end(story: Story) -> None:
    left = due(story.half_way)
    assert 0 < len(left) < DUE
    assert story.resumed.modified() == dict.fromkeys(left, 1)
    assert story.killed.modified() + story.resumed.modified() == dict.fromkeys(due(story.before), 1)
    assert story.hardened_again == story.hardened


def test_restoring_can_be_killed_as_well(story: Story) -> None:
    """The record has what was there before the run that was killed, and is kept until all of it is restored."""
    assert 0 < sum(story.restore_resumed.modified().values()) < DUE
    restored = story.restore_killed.modified() + story.restore_resumed.modified()
    assert restored == dict.fromkeys(due(story.before), 1)
    assert story.at_the_end == story.before
