# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of the real module over an emulated fleet of 10,000 instances behind a throttled API.

The runs take place once, in the order of `Story`; the tests of this folder look at what they did.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from fleets import REGIONS, Fleet, Run, State, configuration, lab

SIZE = 10_000
DUE = SIZE * 3 // 10
DUE_IN_REGION = DUE // len(REGIONS)
PER_SECOND = 200  # calls of one operation in one region
TIGHT = 100
WANTED_RATIO = 1.2
MOST_ATTEMPTS = 3


@dataclass
class Story:
    """What was done, in this order, and the state of the fleet in between."""

    before: State
    first: Run
    hardened: State
    recorded: int
    second: Run
    restored: Run
    after_restore: State
    left_in_record: int
    killed: Run
    half_way: State
    resumed: Run
    hardened_again: State
    restore_killed: Run
    restore_resumed: Run
    at_the_end: State
    attempts: list[Attempt]
    tight: list[Attempt]


class Attempt(NamedTuple):
    """A run that changes DUE instances, and one that has nothing to change; what the throttle makes of the changes."""

    changing: Run
    reading: Run
    allowed_seconds: float


def ratio(attempts: list[Attempt]) -> float:
    """Wall clock, over what the throttle allows plus all else: starting, reading, returning 10,000 results.

    Of the fastest runs of each kind: a reading that other load made slow must not excuse a slow change.
    """
    reading = min(it.reading.wall for it in attempts)
    return min(it.changing.wall for it in attempts) / (attempts[0].allowed_seconds + reading)


_lines: list[str] = []


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with lab.start_emulator(configuration(SIZE, PER_SECOND), "127.0.0.1:0", control=True) as emulator:
        told = tell(Fleet(emulator, tmp_path_factory.mktemp("fleet")))
        for name in ("first", "second", "restored", "killed", "resumed", "restore_killed", "restore_resumed"):
            _lines.append(f"{name:15} {getattr(told, name).line()}")
        for limit, attempts in ((PER_SECOND, told.attempts), (TIGHT, told.tight)):
            _lines.append(f"wall clock over what {limit} calls a second allow: {ratio(attempts):.2f} of {WANTED_RATIO}")
            _lines.extend(f"    {it.changing.line()}; without changes {it.reading.wall:.1f} s" for it in attempts)
        yield told
    assert emulator.process.returncode == 0, emulator.log.read_text()


def tell(fleet: Fleet) -> Story:
    harden = {"regions": REGIONS, "all_instances": True, "http_tokens": "required"}
    restore = {"state": "restored"}
    told = Story(
        before=fleet.state(),
        first=fleet.run(**harden),
        hardened=fleet.state(),
        recorded=fleet.recorded(),
        second=fleet.run(**harden),
        restored=fleet.run(**restore),
        after_restore=fleet.state(),
        left_in_record=fleet.recorded(),
        killed=fleet.run_and_kill(after_changes=DUE // 2, **harden),
        half_way=fleet.state(),
        resumed=fleet.run(**harden),
        hardened_again=fleet.state(),
        restore_killed=fleet.run_and_kill(after_changes=DUE // 2, **restore),
        restore_resumed=fleet.run(**restore),
        at_the_end=fleet.state(),
        attempts=[],
        tight=[],
    )
    # All regions can be worked on at once, so it is one region's changes that count.
    told.attempts.append(Attempt(told.first, told.second, DUE_IN_REGION / PER_SECOND))
    attempt(fleet, PER_SECOND, told.attempts, DUE_IN_REGION / PER_SECOND)
    # Two cores hardly reach the limit before the first second's worth, which is free, is used up. Half of it they do.
    attempt(fleet, TIGHT, told.tight, DUE_IN_REGION / TIGHT - 1)
    return told


def attempt(fleet: Fleet, per_second: int, attempts: list[Attempt], allowed_seconds: float) -> None:
    """Add attempts until they are good. Other load on the machine only makes it slower, so a bad one proves nothing."""
    harden = {"regions": REGIONS, "all_instances": True, "http_tokens": "required"}
    while len(attempts) < MOST_ATTEMPTS and not (attempts and ratio(attempts) <= WANTED_RATIO):
        fleet.throttle(per_second)
        attempts.append(Attempt(fleet.run(**harden), fleet.run(**harden), allowed_seconds))
        fleet.throttle(PER_SECOND)
        fleet.run(state="restored")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _lines:
        terminalreporter.section("runs over the fleet")
        for line in _lines:
            terminalreporter.write_line(line)
