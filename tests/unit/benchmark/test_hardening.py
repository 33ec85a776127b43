# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark of hardening runs long playbooks, shows their progress, and fails with their output."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hardening
import pytest

WAIT = "import pathlib, time\nprint('ok: [one]\\nchanged: [two]\\nfatal: [three]', flush=True)\n"
WAIT += "while not pathlib.Path('seen').exists(): time.sleep(0.01)"


@pytest.fixture
def player(tmp_path: Path) -> Any:
    return SimpleNamespace(folder=tmp_path, environment=lambda: dict(os.environ))


def test_a_long_playbook_shows_how_many_results_there_are(
    player: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    lines: list[str] = []

    def log(text: str) -> None:
        lines.append(text)
        if not text.strip().startswith("0 results"):
            Path("seen").touch()  # ends the process

    monkeypatch.setattr(hardening, "log", log)
    monkeypatch.setattr(hardening, "PROGRESS_SECONDS", 0.01)
    assert hardening.run(player, [sys.executable, "-c", WAIT]) > 0
    assert lines[-1].strip() == "2 results of tasks so far"


def test_a_playbook_that_fails_ends_the_run_with_its_output(player: Any) -> None:
    command = [sys.executable, "-c", "print('unreachable: host7'); raise SystemExit(4)"]
    with pytest.raises(RuntimeError, match=r"status 4: unreachable: host7"):
        hardening.run(player, command)


def test_the_number_with_all_subjects_is_measured_first() -> None:
    """So the page of a run that is stopped later is complete."""
    assert hardening.SIZES[0] == hardening.COMPARED and max(hardening.SIZES) == hardening.MOST


def test_the_estimate_grows_with_the_hosts() -> None:
    assert hardening.estimate([10]) < hardening.estimate([50]) < hardening.estimate([50, 10])
    assert hardening.estimate([51]) < hardening.estimate([50]), "other subjects are measured with 50 hosts only"


@pytest.mark.parametrize("number", ("0", "1001", "many"))
def test_numbers_of_hosts_that_cannot_be_created_are_refused(
    number: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["hardening.py", number])
    with pytest.raises(SystemExit):
        hardening.main()
    assert "a number of hosts" in capsys.readouterr().err or number == "many"
