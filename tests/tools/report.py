# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report the results of a stage to stages.py, in the JSON file that the variable STAGE_REPORT names."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Report:
    """The names of passed and failed checks, (name, reason) of skipped ones, and the durations in seconds."""

    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def run(
        self,
        name: str,
        command: list[str],
        folder: Path,
        environment: Mapping[str, str],
        chance: re.Pattern[str] | None = None,
    ) -> bool:
        """Run *command*; print a line with its result and duration, and its output if it failed.

        If the output of a failure matches *chance*, the command itself failed by chance, and runs once more.
        """
        began = time.monotonic()
        for again in (chance, None):
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
            if done.returncode == 0 or again is None or not again.search(done.stdout + done.stderr):
                break
            print(f"again: {name}: {again.pattern}")
        ok = done.returncode == 0
        (self.passed if ok else self.failed).append(name)
        self.seconds[name] = time.monotonic() - began
        print(f"{'ok' if ok else 'FAILED':<7}{name:<45}{self.seconds[name]:5.1f} s", flush=True)
        if not ok:
            print(done.stdout, done.stderr, sep="")
        return ok

    def finish(self) -> int:
        """Write the report and return the exit status of the stage."""
        if "STAGE_REPORT" in os.environ:
            Path(os.environ["STAGE_REPORT"]).write_text(json.dumps(asdict(self)))
        for name, reason in self.skipped:
            print(f"skipped: {name}: {reason}")
        if self.failed:
            print("failed:", ", ".join(self.failed))
        return 1 if self.failed else 0
