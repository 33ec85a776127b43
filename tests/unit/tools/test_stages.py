# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make test` counts what its stages did, names each skip with its reason, and fails when anything failed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from waiting import GIVE_UP_SECONDS, wait_until

pytestmark = pytest.mark.slow

STAGES = Path(__file__).resolve().parents[2] / "tools" / "stages.py"

# Stages of a Makefile that leave what pytest, or report.py, would leave.
JUNIT = (
    '<testsuites><testsuite><testcase classname="a" name="one" time="2.5"/><testcase classname="a" name="two">'
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
first:
\t@touch first; for i in $$(seq 600); do [ -e second ] && exit 0; sleep 0.1; done; exit 1
second:
\t@touch second; for i in $$(seq 600); do [ -e first ] && exit 0; sleep 0.1; done; exit 1
lonely:
\t@[ ! -e first ] && [ ! -e second ] && sleep 1 && [ ! -e first ] && [ ! -e second ]
matrix:
\t@echo "lines: $(ARGS)"
long:
\t@echo $$$$ >pid; exec sleep 600
"""
# So that no stage measures the machine.
CALIBRATION = {"IMDS_CALIBRATION": "0.330 1.000"}


@pytest.fixture
def run(tmp_path: Path):
    report = (
        '{"passed": ["x", "y"], "failed": [], "skipped": [["z", "z is not installed"]], "seconds": {"x": 7, "y": 1}}'
    )
    (tmp_path / "Makefile").write_text(MAKEFILE.format(report=report))
    (tmp_path / "good.xml").write_text(JUNIT.format(more=""))
    failed = '<testcase classname="a" name="three"><failure/></testcase><testcase name="four"><error/></testcase>'
    (tmp_path / "bad.xml").write_text(JUNIT.format(more=failed))

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name not in ("CI_DEADLINE", "STAGES_TABLE")}
        environment |= CALIBRATION | variables
        command = [sys.executable, str(STAGES), *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

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


def test_two_lanes_run_at_the_same_time_and_keep_their_output_apart(run) -> None:
    done = run("--lanes", "2", "first", "second")  # each waits for the other
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert "=== make first" in lines and "=== make second" in lines
    assert [line.split()[1] for line in lines if line.startswith("ok ")] == ["first", "second"]


def test_a_stage_that_runs_alone_comes_first_with_nothing_beside(run) -> None:
    done = run("--lanes", "2", "--alone", "lonely", "first", "second", "lonely")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("ok ")] == ["first", "second", "lonely"]


def test_a_stage_to_run_alone_that_is_not_in_the_list_is_an_error(run) -> None:
    done = run("--alone", "other", "lonely")
    assert done.returncode == 2 and "--alone names a target that is not in the list: other" in done.stderr


def test_a_run_begins_with_the_calibration(run) -> None:
    first = run("good").stdout.splitlines()[0]
    assert first.startswith("Calibration: ") and "0.33 s" in first and "ping 1.00 s" in first


def test_a_stage_that_would_end_too_late_runs_its_sample_and_says_so(run) -> None:
    late = run("matrix", "good", CI_DEADLINE=str(time.time() + 1))
    assert "lines: 2.21" in late.stdout
    (line,) = [line for line in late.stdout.splitlines() if line.startswith("REDUCED: ")]
    assert line == "REDUCED: matrix: one line of ansible-core (2.21) instead of all"
    early = run("matrix", "good", CI_DEADLINE=str(time.time() + 86400))
    assert "REDUCED" not in early.stdout and "lines: \n" in early.stdout


def test_a_slower_machine_runs_the_sample_earlier(run) -> None:
    deadline = str(time.time() + 3600)
    assert "REDUCED" not in run("matrix", CI_DEADLINE=deadline).stdout
    assert "REDUCED: matrix" in run("matrix", CI_DEADLINE=deadline, IMDS_CALIBRATION="33.0 100.0").stdout


def test_the_lines_of_several_runs_are_collected(run, tmp_path) -> None:
    table = tmp_path / "table"
    run("good", STAGES_TABLE=str(table))
    run("matrix", STAGES_TABLE=str(table), CI_DEADLINE="1")
    lines = table.read_text().splitlines()
    assert [line.split()[1] for line in lines] == ["good", "matrix", "matrix:"]
    assert lines[2].startswith("REDUCED: ")


def test_the_slowest_tests_of_all_stages_are_listed_on_request(run) -> None:
    lines = run("--slowest", "3", "good", "reported").stdout.splitlines()
    heading = lines.index("=== The 3 slowest tests: 10 s of 10 s")
    assert [line.split() for line in lines[heading + 1 : heading + 4]] == [
        ["7.0", "s", "reported", "x"],
        ["2.5", "s", "good", "a::one"],
        ["1.0", "s", "reported", "y"],
    ]
    assert lines[-1] == "3 passed, 0 failed, 2 skipped"
    assert "slowest" not in run("good", "reported").stdout


def test_a_run_that_is_terminated_ends_its_stages(tmp_path, run) -> None:
    command = [sys.executable, str(STAGES), "--lanes", "2", "long"]
    environment = {**os.environ, **CALIBRATION}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    pid = wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip(), "the stage")
    process.terminate()
    _output, errors = process.communicate(timeout=GIVE_UP_SECONDS)
    assert (process.returncode, errors) == (130, "Interrupted.\n")
    wait_until(lambda: not Path("/proc", pid).exists(), "the end of the stage")
