# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make test` counts what its stages did, names each skip with its reason, and fails when anything failed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

STAGES = Path(__file__).resolve().parents[2] / "tools" / "stages.py"

# Stages of a Makefile that leave what pytest, or report.py, would leave.
JUNIT = (
    '<testsuites><testsuite><testcase classname="a" name="one"/><testcase classname="a" name="two">'
    '<skipped message="no gadget"/></testcase>{more}</testsuite></testsuites>'
)
MAKEFILE = """
good:
\t@cp good.xml "$${{PYTEST_ADDOPTS##*=}}"
bad:
\t@cp bad.xml "$${{PYTEST_ADDOPTS##*=}}"; exit 1
reported:
\t@echo '{report}' >"$$STAGE_REPORT"
broken:
\t@exit 3
"""


@pytest.fixture
def run(tmp_path: Path):
    report = '{"passed": ["x", "y"], "failed": [], "skipped": [["z", "z is not installed"]]}'
    (tmp_path / "Makefile").write_text(MAKEFILE.format(report=report))
    (tmp_path / "good.xml").write_text(JUNIT.format(more=""))
    failed = '<testcase classname="a" name="three"><failure/></testcase><testcase name="four"><error/></testcase>'
    (tmp_path / "bad.xml").write_text(JUNIT.format(more=failed))

    def run(*stages: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(STAGES), *stages]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    return run


def test_all_is_well(run) -> None:
    done = run("good", "reported")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "3 passed, 0 failed, 2 skipped"
    assert "skipped: a::two: no gadget" in done.stdout
    assert "skipped: z: z is not installed" in done.stdout


def test_a_failure_fails_and_later_stages_still_run(run) -> None:
    done = run("bad", "good")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "2 passed, 2 failed, 2 skipped"


def test_a_stage_that_breaks_before_it_can_count_is_a_failure(run) -> None:
    done = run("good", "broken")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "1 passed, 1 failed, 1 skipped"
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert "broken" in line
