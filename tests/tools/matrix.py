# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""matrix.py [--after-test] [LINE...]: run tests with supported lines of ansible-core (lines.py).

Without LINE, these are the oldest line, one between, the newest stable line and the pre-release; `all` stands for all lines.

The tests run with each of the line's Pythons that this machine has: tests/integration/test_core_line.py and
test_managed_nodes.py (playbooks on loopback, the modules on each Python found, the documentation of each plugin). With the
first Python of a line, the unit tests of the inner loop run, too, and with some lines `ansible-test sanity`. Each pair of line
and Python has a virtual environment in .cache/matrix. Two pairs run at the same time; the output of each step is printed when
it ends. With --after-test the pair of this environment is left out, because `make test` runs the same tests with it.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import interpreters
from checkout import CHECKOUT
from lines import LINES, Line, make
from report import Report
from stages import read_failures, read_junit, read_report

CACHE = CHECKOUT / ".cache" / "matrix"
# Tests that need only loopback. test__signing.py compares with an SDK that these environments do not have.
UNIT = ["-m", "not slow", "--ignore=tests/unit/plugins/module_utils/_openapi/test__signing.py", "tests/unit"]
PLAYBOOKS = [
    "-n",
    "2",
    "-m",
    "not lab",
    "tests/integration/test_core_line.py",
    "tests/integration/test_managed_nodes.py",
]


def steps(line: Line, version: str, python: Path) -> Iterator[tuple[str, list[str]]]:
    """Return the name and command of each step."""
    first = version == line.pythons[0]
    pytest = [str(python), "-m", "pytest", "-q"]
    yield "playbooks", [*pytest, *PLAYBOOKS]
    if first:
        yield "unit", [*pytest, *UNIT]
    if first and line.sanity is not None:
        yield "sanity", [str(python), str(CHECKOUT / "tests/tools/sanity.py"), *line.sanity]


def folder(line: Line, version: str) -> Path:
    """Return the virtual environment of a pair."""
    return CACHE / f"{line.version}-py{version}"


def prepare(line: Line, version: str, python: Path) -> Path:
    """Create the virtual environment of a pair with the collection installed beside it; return its Python."""
    venv = folder(line, version)
    make(venv, python, ["--requirement", str(line.constraints)])
    own = venv / "bin/python"
    subprocess.run([own, CHECKOUT / "tests/tools/collection.py", venv / "collections"], cwd=CHECKOUT, check=True)
    return own


def run(name: str, command: list[str], collections: Path) -> Report:
    """Run one step, print its output when it ends, and give each failure the first line of its message."""
    report = Report()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        junit, told = Path(scratch) / "junit.xml", Path(scratch) / "report.json"
        environment = dict(os.environ, IMDS_COLLECTIONS=str(collections), STAGE_REPORT=str(told))
        environment["PYTEST_ADDOPTS"] = f"--junitxml={junit}"
        done = subprocess.run(
            command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        status = done.returncode
        if junit.exists():
            passed, _failed, reasons = read_junit(junit)
            report.failed = [f"{name}: {failure}" for failure in read_failures(junit)]
        elif told.exists():
            passed, _failed, reasons = read_report(told)
            report.failed = [f"{name}: {failure}" for failure in json.loads(told.read_text())["failed"]]
        else:
            passed, reasons = 0, []
    report.passed = [f"{name}: {number + 1}" for number in range(passed)]
    report.skipped = [(name, reason) for reason in reasons]
    if (status or not passed) and not report.failed:
        report.failed.append(f"{name}: ended with status {status} after {passed} tests")
    result = f"{passed} passed, {len(report.failed)} failed after {time.monotonic() - began:.0f} s"
    print(f"\n--- ansible-core {name}\n{done.stdout.decode(errors='replace')}--- {result}", flush=True)
    return report


def pair(line: Line, version: str, python: Path) -> Report:
    """Run the tests of one line with one Python. A failure with a pre-release counts as skipped, with the reason."""
    name = f"{line.version} on Python {version}"
    whole = Report()
    try:
        own = prepare(line, version, python)
    except subprocess.CalledProcessError as error:
        whole.failed.append(f"{name}: cannot be installed: {error}")
    else:
        for step, command in steps(line, version, own):
            part = run(f"{name}: {step}", command, own.parents[1] / "collections")
            whole.passed += part.passed
            whole.failed += part.failed
            whole.skipped += part.skipped
    if line.pre_release:
        whole.skipped += [(f"allowed to fail ({line.version} is a pre-release)", failure) for failure in whole.failed]
        whole.failed = []
    return whole


def is_this_environment(line: Line, version: str) -> bool:
    """Return whether this process runs with that line of ansible-core and that Python."""
    core = importlib.metadata.version("ansible-core")
    return core.startswith(line.version + ".") and version == "%d.%d" % sys.version_info[:2]


def chosen_lines(names: list[str]) -> list[Line]:
    """Return the lines of these names, without names those that do not run on request only."""
    if not names:
        return [line for line in LINES if not line.on_request]
    unknown = set(names) - {line.version for line in LINES} - {"all"}
    if unknown:
        raise SystemExit(f"Unknown line {', '.join(sorted(unknown))}. Lines: {', '.join(it.version for it in LINES)}.")
    return [line for line in LINES if line.version in names or "all" in names]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--after-test", action="store_true", help="leave out what `make test` has run")
    parser.add_argument("--prepare", action="store_true", help="only create the virtual environments")
    parser.add_argument("lines", nargs="*", metavar="LINE", help="such as 2.21, or all")
    arguments = parser.parse_args()
    found = interpreters.find()
    whole = Report()
    chosen = []
    for line in chosen_lines(arguments.lines):
        for version in line.pythons:
            name = f"{line.version} on Python {version}"
            if arguments.after_test and is_this_environment(line, version):
                print(f"Left out: {name}, with which `make test` runs the same tests")
            elif version not in found:
                whole.skipped.append((name, f"there is no Python {version} here"))
            else:
                chosen.append((line, version, found[version]))
    if arguments.prepare:
        for line, version, python in chosen:
            prepare(line, version, python)
        return 0
    with ThreadPoolExecutor(2) as pool:
        for part in pool.map(lambda arguments: pair(*arguments), chosen):
            whole.passed += part.passed
            whole.failed += part.failed
            whole.skipped += part.skipped
    for line, version, _python in chosen:
        name = f"{line.version} on Python {version}"
        number = sum(passed.startswith(name + ": ") for passed in whole.passed)
        print(f"ansible-core {name}: {number} tests passed")
    return whole.finish()


if __name__ == "__main__":
    sys.exit(main())
