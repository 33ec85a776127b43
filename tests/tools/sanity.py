# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sanity.py [OPTION...]: run `ansible-test sanity OPTION...` on what is shipped, with every Python found here.

It runs in a copy of the checkout without the tests, which `make lint` checks. ansible-test keeps its virtual environments under
$HOME. A home in .cache keeps them for the next run.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import ansible_test_home
import interpreters
from checkout import CHECKOUT, copied
from report import Report

RUNNING = re.compile(r'Running sanity test "(?P<test>[^"]+)"(?: on Python (?P<python>[\d.]+))?')
SKIPPING = re.compile(r'Skipping sanity test "(?P<test>[^"]+)"(?: on Python (?P<python>[\d.]+))?(?P<reason>.*)')
ESCAPES = re.compile(r"\x1b\[[\d;]*m")


def label(match: re.Match[str]) -> str:
    return match["test"] + (f" (Python {match['python']})" if match["python"] else "")


def run(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, list[str]]:
    """Run *command*, print its output, and return its status and lines."""
    lines = []
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(ESCAPES.sub("", line.rstrip("\n")))
            print(lines[-1], flush=True)
    return process.returncode, lines


def failures(lines: list[str]) -> list[str]:
    """Return the failed tests that ansible-test lists at the end, for example ``import (Python 3.8)``."""
    for number, line in enumerate(lines):
        if "sanity test(s) listed below" in line:
            return [re.sub(r" --python ([\d.]+)", r" (Python \1)", name) for name in lines[number + 1 :] if name]
    return []


def summarize(status: int, lines: list[str]) -> Report:
    report = Report(failed=failures(lines))
    for line in lines:
        if match := SKIPPING.search(line):
            report.skipped.append((label(match), match["reason"].strip() or line))
        elif match := RUNNING.search(line):
            report.passed.append(label(match))
    unsuccessful = {*report.failed, *(name for name, reason in report.skipped)}
    report.passed = [name for name in report.passed if name not in unsuccessful]
    if status and not report.failed:
        report.failed.append(f"ansible-test ended with status {status}")
    return report


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="imds-pythons-") as scratch, copied() as collection:
        for folder in filter(Path.is_dir, (collection / "tests").iterdir()):
            shutil.rmtree(folder)
        found = interpreters.link_into(Path(scratch))
        print("Python versions here:", ", ".join(f"{version} ({path})" for version, path in found.items()))
        home = CHECKOUT / ".cache" / "ansible-test"
        ansible_test_home.prepare(home)
        environment = ansible_test_home.environment(home, first_on_path=[Path(scratch), Path(sys.executable).parent])
        command = [str(Path(sys.executable).parent / "ansible-test"), "sanity", "--color", "no", *sys.argv[1:]]
        return summarize(*run(command, collection, environment)).finish()


if __name__ == "__main__":
    sys.exit(main())
