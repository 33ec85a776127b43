# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""benchmark.py [--quick]: measure the costs of the watch, print them, and write docs/benchmarks-watch.md."""

from __future__ import annotations

import datetime
import itertools
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))  # pytest does this from pyproject.toml

import lab
import priorities
from costs import RATE, Costs, measure, measure_paths, quantile
from machine import CHECKOUT, Machine, Watch

PAGE = CHECKOUT / "docs/benchmarks-watch.md"
KINDS = {"": "one kept connection", "new": "a new connection each"}
TEXT = """# Benchmarks: the callers watch

`make benchmark-watch` wrote this page on {date}: {machine}, Linux {kernel}, Python {python}; load average {load:.1f}
at the start. A client sends token-authenticated requests to the emulator, {rate} times a second for {seconds} s,
{rounds} times without the watch and {rounds} times with it, alternating. Client and emulator run on the same machine.
Delays are those of all rounds.

| load | delay | without the watch | with it | ratio | ratio of nothing |
|---|---|---|---|---|---|
{delays}

The *ratio of nothing* compares half of the rounds without the watch with the other half. A ratio that is not further
from 1 than this one is not significant.

| | share of one processor | memory |
|---|---|---|
| idle | {idle:.2%} | {memory_idle:.0f} MiB |
{busy}

Shares of one processor with each method of attribution, beside {rate} requests a second on new connections, and beside
connections of a busy proxy to port 80 of another server:

| method | {rate} requests a second | other connections | of them a second |
|---|---|---|---|
{paths}

The watch processes the packets of 50 ms at once. It wakes up immediately for a process that has not connected for a
second, because a short-lived process may exit within a millisecond.

That is also why it runs with high priority (nice value -20) as long as it uses less than a quarter of a processor.
{shells} shells, each in a unit, start {short} processes each, which send one request and end. The kernel reports the user,
the command name and the unit. The executable is read from `/proc` while the process lives. If it has ended, another
process with the same name in the same unit may show the executable:

| priority | busy loops beside | requests | right command name and unit | executable read | by the same name |
|---|---|---|---|---|---|
{known}

The size of the records is limited: 10,000 callers with a million requests need less than 1 MB
(`tests/unit/plugins/module_utils/_watch/test__records_size.py`).
"""


def main() -> int:
    rounds, seconds, idle, each = (4, 2, 5, 50) if "--quick" in sys.argv else (12, 5, 30, 250)
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
    text = TEXT.format(
        date=datetime.date.fromtimestamp(time.time()),
        machine=f"{os.cpu_count()} processors, {platform.machine()}",
        kernel=platform.release().partition("-")[0],
        python=platform.python_version(),
        load=load,
        rate=RATE,
        seconds=seconds,
        rounds=rounds,
        delays="\n".join(row for kind in KINDS for row in delays(kind, costs[kind])),
        idle=costs[""].idle,
        memory_idle=costs[""].memory_idle / (1 << 20),
        paths="\n".join(f"| {one.method} | {one.requests:.2%} | {one.others:.2%} | {one.rate} |" for one in paths),
        shells=priorities.SHELLS,
        short=each,
        known="\n".join(row(one) for one in known),
        busy="\n".join(busy(kind, costs[kind]) for kind in KINDS),
    )
    print(text)
    PAGE.write_text(text)
    return 0


def delays(kind: str, costs: Costs) -> list[str]:
    rows = []
    for share, name in ((0.5, "median"), (0.99, "99 %")):
        times = " | ".join(f"{quantile(rounds, share) * 1e6:.0f} µs" for rounds in (costs.without, costs.beside))
        rows.append(f"| {KINDS[kind]} | {name} | {times} | {costs.ratio(share):.2f} | {costs.noise(share):.2f} |")
    return rows


def row(one: priorities.Known) -> str:
    shares = " | ".join(f"{number / one.requests:.1%}" for number in (one.named, one.read, one.same_name))
    return f"| {one.priority} | {one.busy} | {one.requests} | {shares} |"


def busy(kind: str, costs: Costs) -> str:
    return (
        f"| {RATE} requests a second, {KINDS[kind]} | {min(costs.busy):.2%} | {costs.memory_busy / (1 << 20):.0f} MiB |"
    )


if __name__ == "__main__":
    sys.exit(main())
