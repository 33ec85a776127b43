# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""benchmark.py [--quick]: measure the costs of the watch, print them, and write docs/benchmarks-watch.md.

--quick is a test with few repeats, which writes to .cache/benchmark/.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "lab"), str(TESTS / "benchmark")]  # pytest adds the first one from pyproject.toml

import lab  # noqa: E402
import priorities  # noqa: E402
from costs import measure, measure_paths  # noqa: E402
from machine import CHECKOUT, Machine, Watch  # noqa: E402
from watch_page import KINDS, Run, render  # noqa: E402

PAGE = CHECKOUT / "docs/benchmarks-watch.md"
QUICK_PAGE = CHECKOUT / ".cache/benchmark/benchmarks-watch.md"


def main() -> int:
    quick = "--quick" in sys.argv
    rounds, seconds, idle, each = (4, 2, 5, 50) if quick else (12, 5, 30, 250)
    page = QUICK_PAGE if quick else PAGE
    page.parent.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    numbers = itertools.count()
    with lab.shared_emulator() as emulator:
        machine = Machine(emulator, 1)
        folder = Path(tempfile.mkdtemp(dir="/run"))

        def start(*before: str) -> Watch:
            number = next(numbers)
            return Watch(machine, folder / f"state{number}", folder / f"log{number}", before)

        try:
            costs = {kind: measure(machine, start, rounds, seconds, idle, kind) for kind in KINDS}
            paths = measure_paths(machine, start, seconds)
            known = priorities.measure(machine, start, each)
        finally:
            machine.remove()
    text = render(costs, paths, known, Run(load, rounds, seconds, each), page)
    print(text)
    page.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
