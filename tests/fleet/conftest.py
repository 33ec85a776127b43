# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of metadata_options on an emulated fleet of 10,000 instances, and killed runs on one of 2,000.

The runs take place once, in the order of `Story`; the tests of this folder check their results. No test depends on the time of a run:
tests/unit/plugins/module_utils/_fleet/test__apply_pace.py simulates the pace, `make benchmark-fleet` measures it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import lab
import pytest
from fleets import MODIFY, REGIONS, Fleet, Run, State, configuration

SIZE = 10_000
DUE = SIZE * 3 // 10
SMALL_SIZE = 2_000
SMALL_DUE = SMALL_SIZE * 3 // 10
THROTTLED_IN_REGION = 10  # changes that the API throttles in the first run
THROTTLED = THROTTLED_IN_REGION * len(REGIONS)
HARDEN = {"regions": REGIONS, "all_instances": True, "http_tokens": "required"}
RESTORE = {"state": "restored"}


@dataclass
class Story:
    """The runs on the large fleet in their order, and the states between them."""

    before: State
    first: Run
    hardened: State
    recorded: int
    second: Run
    restored: Run
    after_restore: State
    left_in_record: int


@dataclass
class KilledStory:
    """The runs on the small fleet in their order, and the states between them."""

    before: State
    killed: Run
    half_way: State
    resumed: Run
    hardened: State
    restore_killed: Run
    half_restored: State
    restore_resumed: Run
    at_the_end: State


_lines: list[str] = []


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with lab.start_emulator(configuration(SIZE, None), "127.0.0.1:0", control=True) as emulator:
        done = harden_and_restore(Fleet(emulator, tmp_path_factory.mktemp("fleet")))
        log_runs(done, "first", "second", "restored")
        yield done
    assert emulator.process.returncode == 0, emulator.log.read_text()


@pytest.fixture(scope="session")
def killed_story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KilledStory]:
    with lab.start_emulator(configuration(SMALL_SIZE, None), "127.0.0.1:0", control=True) as emulator:
        done = kill_and_resume(Fleet(emulator, tmp_path_factory.mktemp("small-fleet")))
        log_runs(done, "killed", "resumed", "restore_killed", "restore_resumed")
        yield done
    assert emulator.process.returncode == 0, emulator.log.read_text()


def harden_and_restore(fleet: Fleet) -> Story:
    before = fleet.state()
    throttling = {
        "kind": "error",
        "code": "Throttling.User",
        "action": MODIFY,
        "skip": 100,
        "times": THROTTLED_IN_REGION,
    }
    fleet.faults(*({**throttling, "region": region} for region in REGIONS))
    return Story(
        before=before,
        first=fleet.run(**HARDEN),
        hardened=fleet.state(),
        recorded=fleet.recorded(),
        second=fleet.run(**HARDEN),
        restored=fleet.run(**RESTORE),
        after_restore=fleet.state(),
        left_in_record=fleet.recorded(),
    )


def kill_and_resume(fleet: Fleet) -> KilledStory:
    return KilledStory(
        before=fleet.state(),
        killed=fleet.run_and_kill(after_changes=SMALL_DUE // 2, **HARDEN),
        half_way=fleet.state(),
        resumed=fleet.run(**HARDEN),
        hardened=fleet.state(),
        restore_killed=fleet.run_and_kill(after_changes=SMALL_DUE // 2, **RESTORE),
        half_restored=fleet.state(),
        restore_resumed=fleet.run(**RESTORE),
        at_the_end=fleet.state(),
    )


def log_runs(done: Story | KilledStory, *names: str) -> None:
    _lines.extend(f"{name:15} {getattr(done, name).line()}" for name in names)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _lines:
        terminalreporter.section("runs over the fleet")
        for line in _lines:
            terminalreporter.write_line(line)
