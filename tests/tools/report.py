# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a stage of `make test` tells stages.py what happened: a JSON file named by the variable STAGE_REPORT."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Report:
    """Names of what passed and what failed, and (name, reason) of what was skipped."""

    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def finish(self) -> int:
        """Hand the report over and return the exit status for the stage."""
        if "STAGE_REPORT" in os.environ:
            Path(os.environ["STAGE_REPORT"]).write_text(json.dumps(asdict(self)))
        for name, reason in self.skipped:
            print(f"skipped: {name}: {reason}")
        if self.failed:
            print("failed:", ", ".join(self.failed))
        return 1 if self.failed else 0
