# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""stages.py [--lanes N] [--alone TARGET] [--slowest N] TARGET...: run make targets, N at a time, all of them, and print a summary.

A target of --alone runs before the others, with no other beside it.

The summary has one line for each stage with its time and counts, and one line for each skipped test with the reason. The
last line is the sum. Exit status 1 if anything failed.

With several lanes the output of a stage is printed as a whole when the stage ends; until then it is in .cache/stages/NAME.log,
and a line every 30 seconds names what is running.

Environment:
  CI_DEADLINE   Time (seconds since 1970) at which all stages should have ended. A stage that would end later according
                to its usual duration runs the sample in SAMPLES instead, and the summary says `REDUCED: ...`.
  STAGES_TABLE  File to which the line of each stage is appended, for a caller that runs several summaries.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import calibration

LOGS = Path(".cache/stages")
PROGRESS_SECONDS = 30.0


@dataclass(frozen=True)
class Sample:
    """What a heavy stage runs when time is short."""

    seconds: float  # duration of the whole stage on the reference machine, see calibration.py
    variables: tuple[str, ...]  # variables for make
    description: str


SAMPLES = {
    "hosts": Sample(1300, ("ARGS=-m 'not long'",), "only the hosts tests that are not marked as long"),
    "molecule": Sample(260, ("ARGS=hardening",), "one molecule scenario (hardening) instead of all"),
    "watch": Sample(250, ("ARGS=-k test_accuracy",), "the accuracy of the watch without the disturbances"),
    "packaging": Sample(190, ("ARGS=-k test_dist",), "the tarball without its external validators"),
    "matrix": Sample(700, ("ARGS=2.21",), "one line of ansible-core (2.21) instead of all"),
}


@dataclass
class Outcome:
    stage: str
    seconds: float
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: tuple[str, ...] = ()
    reduced: str = ""
    durations: tuple[tuple[float, str], ...] = ()

    def line(self) -> str:
        verdict = "FAILED" if self.failed else "ok"
        counts = f"{self.passed:4} passed {self.failed:3} failed {self.skipped:3} skipped"
        return f"{verdict:<7} {self.stage:<12} {self.seconds:6.1f} s {counts}{' (reduced)' if self.reduced else ''}"


def read_junit(path: Path) -> tuple[int, int, list[str]]:
    """Return (passed, failed, one reason for each skipped test) of a pytest run."""
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
    """Return ``test: the first line of its message`` for each failure of a pytest run."""
    failures = []
    for case in ElementTree.parse(path).iter("testcase"):
        for problem in (*case.iter("failure"), *case.iter("error")):
            message = (problem.get("message") or "no message").splitlines()[0]
            failures.append(f"{case.get('classname')}::{case.get('name')}: {message}")
    return failures


def read_report(path: Path) -> tuple[int, int, list[str]]:
    """Return the same as `read_junit`, for a stage that used report.py."""
    report = json.loads(path.read_text())
    reasons = [f"{name}: {reason}" for name, reason in report["skipped"]]
    return len(report["passed"]), len(report["failed"]), reasons


def read_durations(junit: Path, report: Path) -> list[tuple[float, str]]:
    """Return the seconds and the name of each test, with its fixtures, from either file that a stage may leave."""
    if junit.exists():
        cases = ElementTree.parse(junit).iter("testcase")
        return [(float(case.get("time") or 0), f"{case.get('classname')}::{case.get('name')}") for case in cases]
    if report.exists():
        return [(seconds, name) for name, seconds in json.loads(report.read_text()).get("seconds", {}).items()]
    return []


def sample(stage: str) -> Sample | None:
    """Return the sample to run if the whole stage would probably end after CI_DEADLINE, else None."""
    heavy, deadline = SAMPLES.get(stage), os.environ.get("CI_DEADLINE")
    if heavy is None or not deadline:
        return None
    return heavy if time.time() + heavy.seconds * calibration.slowness() > float(deadline) else None


class Runner:
    """Runs stages; with several lanes it keeps their output apart."""

    def __init__(self, lanes: int, scratch: Path) -> None:
        self._lanes = lanes
        self._scratch = scratch
        self._printing = threading.Lock()
        self._running: dict[str, tuple[float, subprocess.Popen[bytes]]] = {}
        self._starting = threading.Lock()  # held from the start of a process until it is in _running
        self._stopped = False

    def run_all(self, stages: list[str], alone: Collection[str] = ()) -> list[Outcome]:
        """Run the stages, first those in *alone*, in the order given and return their outcomes in the same order."""
        pool = ThreadPoolExecutor(self._lanes)
        futures: dict[str, Future[Outcome]] = {}
        groups = [[stage] for stage in stages if stage in alone]
        try:
            for group in (*groups, [stage for stage in stages if stage not in alone]):
                started = {stage: pool.submit(self._run, stage) for stage in group}
                futures.update(started)
                self._wait(list(started.values()))
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            with self._starting:
                self._stopped = True
                for _began, process in list(self._running.values()):
                    with contextlib.suppress(ProcessLookupError):  # it has just ended
                        os.killpg(process.pid, signal.SIGTERM)
            _handle_signals(signal.SIG_DFL)  # A stage may not end: the next signal ends this process.
            pool.shutdown()
            raise
        return [futures[stage].result() for stage in stages]

    def _wait(self, futures: list[Future[Outcome]]) -> None:
        while wait(futures, timeout=PROGRESS_SECONDS).not_done:
            if self._lanes > 1:
                now = time.monotonic()
                names = [f"{name} ({now - began:.0f} s)" for name, (began, _process) in list(self._running.items())]
                self._print(f"... running: {', '.join(names)}")

    def _print(self, *lines: str) -> None:
        with self._printing:
            print(*lines, sep="\n", flush=True)

    def _run(self, stage: str) -> Outcome:
        junit, report = self._scratch / f"{stage}.xml", self._scratch / f"{stage}.json"
        options = f"{os.environ.get('PYTEST_ADDOPTS', '')} --junitxml={junit}"
        environment = dict(os.environ, PYTEST_ADDOPTS=options, STAGE_REPORT=str(report))
        chosen = sample(stage)
        command = ["make", "--no-print-directory", stage, *(chosen.variables if chosen else ())]
        began = time.monotonic()
        status = self._execute(stage, command, environment)
        outcome = Outcome(stage, time.monotonic() - began, reduced=chosen.description if chosen else "")
        if junit.exists():
            outcome.passed, outcome.failed, reasons = read_junit(junit)
        elif report.exists():
            outcome.passed, outcome.failed, reasons = read_report(report)
        else:
            reasons = []
        outcome.skipped = len(reasons)
        outcome.reasons = tuple(reasons)
        outcome.durations = tuple(read_durations(junit, report))
        if status and not outcome.failed:
            outcome.failed = 1  # it failed before it wrote a report
        return outcome

    def _execute(self, stage: str, command: list[str], environment: dict[str, str]) -> int:
        heading = f"\n=== {' '.join(command[:1] + command[2:])}"
        if self._lanes == 1:
            self._print(heading)
            return subprocess.run(command, env=environment, check=False).returncode
        LOGS.mkdir(parents=True, exist_ok=True)
        path = LOGS / f"{stage}.log"
        with path.open("wb") as log:
            with self._starting:
                if self._stopped:
                    return 1
                process = subprocess.Popen(
                    command,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                self._running[stage] = (time.monotonic(), process)
            self._print(f"... started: {stage} (output: {path})")
            status = process.wait()
            del self._running[stage]
        self._print(heading, path.read_text(errors="replace").rstrip("\n"))
        return status


def summary(outcomes: list[Outcome], seconds: float) -> list[str]:
    """Return the lines of the summary; the last one is the sum."""
    lines = [f"\n=== Summary (wall time {seconds:.0f} s)"]
    for outcome in outcomes:
        lines.append(outcome.line())
        for reason, times in Counter(outcome.reasons).items():
            lines.append(f"        skipped{f' {times} times' if times > 1 else ''}: {reason}")
    lines += [f"REDUCED: {outcome.stage}: {outcome.reduced}" for outcome in outcomes if outcome.reduced]
    passed, failed, skipped = (sum(getattr(it, name) for it in outcomes) for name in ("passed", "failed", "skipped"))
    return [*lines, f"{passed} passed, {failed} failed, {skipped} skipped"]


def slowest(outcomes: list[Outcome], count: int) -> list[str]:
    """Return a table of the *count* tests that took longest; a fixture is counted with the first test that needs it."""
    tests = sorted(((*it, outcome.stage) for outcome in outcomes for it in outcome.durations), reverse=True)
    rows = [f"{seconds:7.1f} s  {stage:<12} {name}" for seconds, name, stage in tests[:count]]
    total, share = sum(row[0] for row in tests), sum(row[0] for row in tests[:count])
    return [f"\n=== The {len(rows)} slowest tests: {share:.0f} s of {total:.0f} s", *rows]


def _handle_signals(handler: Callable[..., None] | signal.Handlers) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, handler)


def _interrupt(*_: object) -> None:
    _handle_signals(signal.SIG_IGN)  # The terminal and make both send one.
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lanes", type=int, default=1, metavar="N", help="stages to run at the same time (default: 1)")
    parser.add_argument("--alone", action="append", default=[], metavar="TARGET", help="run it before the others")
    parser.add_argument("--slowest", type=int, default=0, metavar="N", help="list the N tests that took longest")
    parser.add_argument("stages", nargs="+", metavar="TARGET")
    arguments = parser.parse_args()
    if unknown := set(arguments.alone) - set(arguments.stages):
        parser.error(f"--alone names a target that is not in the list: {', '.join(sorted(unknown))}")
    # Stages have sessions of their own, so a signal that ends this process must be passed on to them.
    _handle_signals(_interrupt)
    print(calibration.line(), flush=True)
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            outcomes = Runner(arguments.lanes, Path(scratch)).run_all(arguments.stages, arguments.alone)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    if arguments.slowest:
        print(*slowest(outcomes, arguments.slowest), sep="\n")
    print(*summary(outcomes, time.monotonic() - began), sep="\n")
    if "STAGES_TABLE" in os.environ:
        with open(os.environ["STAGES_TABLE"], "a") as table:
            table.writelines(outcome.line() + "\n" for outcome in outcomes)
            table.writelines(f"REDUCED: {it.stage}: {it.reduced}\n" for it in outcomes if it.reduced)
    return 1 if any(outcome.failed for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
