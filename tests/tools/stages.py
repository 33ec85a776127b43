# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""stages.py TARGET...: run make targets one after the other, all of them, and sum up at the end.

Each stage gets one line with its time and counts, and one line for each thing skipped, with the reason. The last line
is the sum. Exit status 1 when anything failed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree


@dataclass
class Outcome:
    stage: str
    seconds: float
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: tuple[str, ...] = ()

    def line(self) -> str:
        verdict = "FAILED" if self.failed else "ok"
        counts = f"{self.passed:4} passed {self.failed:3} failed {self.skipped:3} skipped"
        return f"{verdict:<7} {self.stage:<12} {self.seconds:6.1f} s {counts}"


def read_junit(path: Path) -> tuple[int, int, list[str]]:
    """(passed, failed, a reason for each skipped) of a pytest run."""
    passed, failed, reasons = 0, 0, []
    for case in ElementTree.parse(path).iter("testcase"):
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif skipped is not None:
            reasons.append(f"{case.get('classname')}::{case.get('name')}: {skipped.get('message')}")
        else:
            passed += 1
    return passed, failed, reasons


def read_failures(path: Path) -> list[str]:
    """``test: the first line of its message`` for each failure of a pytest run."""
    failures = []
    for case in ElementTree.parse(path).iter("testcase"):
        for problem in (*case.iter("failure"), *case.iter("error")):
            message = (problem.get("message") or "no message").splitlines()[0]
            failures.append(f"{case.get('classname')}::{case.get('name')}: {message}")
    return failures


def read_report(path: Path) -> tuple[int, int, list[str]]:
    """The same of a stage that used report.py."""
    report = json.loads(path.read_text())
    reasons = [f"{name}: {reason}" for name, reason in report["skipped"]]
    return len(report["passed"]), len(report["failed"]), reasons


def run(stage: str, scratch: Path) -> Outcome:
    junit, report = scratch / f"{stage}.xml", scratch / f"{stage}.json"
    options = f"{os.environ.get('PYTEST_ADDOPTS', '')} --junitxml={junit}"
    environment = dict(os.environ, PYTEST_ADDOPTS=options, STAGE_REPORT=str(report))
    print(f"\n=== make {stage}", flush=True)
    began = time.monotonic()
    status = subprocess.run(["make", "--no-print-directory", stage], env=environment, check=False).returncode
    outcome = Outcome(stage, time.monotonic() - began)
    if junit.exists():
        outcome.passed, outcome.failed, reasons = read_junit(junit)
    elif report.exists():
        outcome.passed, outcome.failed, reasons = read_report(report)
    else:
        reasons = []
    outcome.skipped = len(reasons)
    outcome.reasons = tuple(reasons)
    if status and not outcome.failed:
        outcome.failed = 1  # it broke before it could count
    return outcome


def main(stages: list[str]) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        outcomes = [run(stage, Path(scratch)) for stage in stages]
    print("\n=== Summary")
    for outcome in outcomes:
        print(outcome.line())
        for reason, times in Counter(outcome.reasons).items():
            print(f"        skipped{f' {times} times' if times > 1 else ''}: {reason}")
    passed, failed, skipped = (sum(getattr(o, name) for o in outcomes) for name in ("passed", "failed", "skipped"))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
