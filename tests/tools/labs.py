# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""labs.py [--lanes N] FOLDER [PYTEST OPTION...]: run each test file of FOLDER in a network laboratory of its own, N at a time.

Laboratories do not see each other, so their hosts may have the same names and addresses. Files start in the order of the
list `FIRST`, then by name. The output of a file is printed when it ends, with one line for its duration. The results
are merged into the JUnit file that PYTEST_ADDOPTS names. Exit status 1 if a test failed or no test ran.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from xml.etree import ElementTree

TOOLS = Path(__file__).resolve().parent
NO_TESTS = 5  # pytest's exit status if an option such as -k deselected all tests of a file
# The longest files start first, so that no lane waits for the other at the end.
FIRST = (
    "test_rollback.py",
    "test_fence.py",
    "test_dnf.py",
    "test_future_instances.py",
    "test_three_hosts.py",
    "test_el8.py",
    "test_hardening.py",
    "test_identity.py",
    "test_playbooks.py",
)


def files(folder: Path) -> list[Path]:
    """Return the test files of *folder* in the order in which they start."""
    order = {name: place for place, name in enumerate(FIRST)}
    return sorted(folder.glob("test_*.py"), key=lambda path: (order.get(path.name, len(order)), path.name))


def run(file: Path, options: list[str], junit: Path) -> tuple[int, str]:
    """Run the tests of one file; return pytest's exit status and the output."""
    own = re.sub(r"--junitxml=\S+", "", os.environ.get("PYTEST_ADDOPTS", ""))
    environment = dict(os.environ, PYTEST_ADDOPTS=f"{own} --junitxml={junit}")
    command = [str(TOOLS / "in-lab.sh"), sys.executable, "-m", "pytest", *options, str(file)]
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, done.stdout.decode(errors="replace")


def merge(parts: list[Path], target: Path) -> None:
    """Write one JUnit file with the test suites of all *parts*."""
    whole = ElementTree.Element("testsuites")
    for part in parts:
        if part.exists():
            whole.extend(ElementTree.parse(part).getroot().iter("testsuite"))
    ElementTree.ElementTree(whole).write(target, encoding="utf-8", xml_declaration=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lanes", type=int, default=3, metavar="N", help="laboratories at the same time (default: 3)")
    parser.add_argument("folder", type=Path)
    arguments, options = parser.parse_known_args()
    statuses: list[int] = []
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(arguments.lanes) as pool:
        began: dict[Path, float] = {}

        def timed(file: Path) -> tuple[Path, int, str, float]:
            began[file] = time.monotonic()
            status, output = run(file, options, Path(scratch) / f"{file.stem}.xml")
            return file, status, output, time.monotonic() - began[file]

        for future in as_completed([pool.submit(timed, file) for file in files(arguments.folder)]):
            file, status, output, seconds = future.result()
            statuses.append(status)
            if status != NO_TESTS:
                print(f"\n--- {file}: status {status} after {seconds:.0f} s\n{output}", flush=True)
        junit = re.search(r"--junitxml=(\S+)", os.environ.get("PYTEST_ADDOPTS", ""))
        if junit:
            merge(sorted(Path(scratch).glob("*.xml")), Path(junit[1]))
    ran = [status for status in statuses if status != NO_TESTS]
    return 0 if ran and not any(ran) else 1


if __name__ == "__main__":
    sys.exit(main())
