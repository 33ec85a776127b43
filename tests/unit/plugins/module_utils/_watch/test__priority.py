# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nice value of the watch in bursts and floods of requests, with simulated clocks."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._watch import _priority
from ansible_collections.alicloud.imds.plugins.module_utils._watch._priority import Priority


class Clocks:
    """The simulated clocks, the nice values that were set, and a file in the place of that with the value of the session."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, session: Path) -> None:
        self.wall, self.used, self.slept = 1000.0, 3.0, 0.0
        self.values: list[int] = []
        self.session = session
        session.touch()
        monkeypatch.setattr(_priority.time, "monotonic", lambda: self.wall)
        monkeypatch.setattr(_priority.time, "process_time", lambda: self.used)
        monkeypatch.setattr(_priority.time, "sleep", self.sleep)
        monkeypatch.setattr(_priority, "_SESSION", str(session))
        monkeypatch.setattr(os, "setpriority", lambda _which, _who, value: self.values.append(value))
        monkeypatch.setattr(os, "getsid", lambda _pid: os.getpid())
        self.priority = Priority()

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.wall += seconds

    def run(self, seconds: int, share: float) -> None:
        """Let the watch use a share of one processor."""
        for _second in range(seconds):
            self.wall += 1
            self.used += share
            self.priority.adapt()


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Clocks:
    return Clocks(monkeypatch, tmp_path / "autogroup")


def test_a_burst_of_requests_is_handled_with_high_priority(clocks: Clocks) -> None:
    for _second in range(100):
        clocks.run(6, 1.0)
        clocks.run(20, 0.01)
    assert clocks.values == [-20]


def test_a_quarter_of_a_processor_is_used_with_high_priority_for_ever(clocks: Clocks) -> None:
    clocks.run(100_000, 0.25)
    assert clocks.values == [-20]


def test_a_flood_is_handled_with_normal_priority_until_it_ends(clocks: Clocks) -> None:
    clocks.run(6, 1.0)
    assert clocks.values == [-20]
    clocks.run(1, 1.0)
    assert clocks.values == [-20, 0]
    clocks.run(10_000, 0.3)
    assert clocks.values == [-20, 0]
    clocks.run(9, 0.0)
    assert clocks.values == [-20, 0]
    clocks.run(1, 0.0)
    assert clocks.values == [-20, 0, -20]


def test_a_flood_without_end_has_high_priority_for_less_than_a_third_of_the_time(clocks: Clocks) -> None:
    high = 0.0
    for _second in range(100_000):
        is_high = clocks.values[-1] == -20
        clocks.run(1, 1.0 if is_high else 0.0)
        high += is_high
    assert high / 100_000 < 0.3


def test_the_session_has_the_priority_too(clocks: Clocks) -> None:
    assert clocks.session.read_text() == "-20"
    clocks.session.write_text("")
    clocks.run(7, 1.0)
    assert clocks.session.read_text() == "0"


def test_the_session_of_another_program_is_left_alone(clocks: Clocks, monkeypatch: pytest.MonkeyPatch) -> None:
    clocks.session.write_text("")
    monkeypatch.setattr(os, "getsid", lambda _pid: 1)
    Priority()
    assert clocks.session.read_text() == ""


def test_a_refusal_because_of_too_many_changes_is_temporary(clocks: Clocks, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: str, _text: str) -> None:
        raise BlockingIOError(errno.EAGAIN, "too many changes")

    clocks.session.write_text("")
    with monkeypatch.context() as patched:
        patched.setattr(_priority, "write", refuse)
        priority = Priority()
    priority.adapt()
    assert clocks.session.read_text() == "-20"


def test_a_kernel_without_groups_of_sessions(clocks: Clocks) -> None:
    clocks.session.unlink()
    clocks.run(7, 1.0)
    assert clocks.values == [-20, 0] and not clocks.session.exists()


def test_the_watch_rests_for_half_of_the_time_once_its_credit_is_used_up(clocks: Clocks) -> None:
    for _packet in range(10_000):
        clocks.used += 0.001
        clocks.priority.rest()
    assert clocks.slept == 0
    clocks.run(1, 1.0)
    for _packet in range(10_000):
        clocks.used += 0.001
        clocks.priority.rest()
    assert clocks.slept == pytest.approx(10, abs=0.1)
    clocks.run(11, 0.0)
    clocks.used += 1
    clocks.priority.rest()
    assert clocks.slept == pytest.approx(10, abs=0.1)


def test_a_watch_that_may_not_change_its_priority_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_which: int, _who: int, _value: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    Priority().adapt()
