# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the page docs/benchmarks-watch.md from the measurements."""

from __future__ import annotations

import datetime
import os
import platform
import time
from pathlib import Path
from typing import NamedTuple

import priorities
from costs import RATE, RATES, Costs, PathCosts, quantile
from growth import slope
from plots import Axis, Plot, image

KINDS = {"": "one kept connection", "new": "a new connection each"}
TEXT = """# Benchmarks: the callers watch

`make benchmark-watch` wrote this page on {date}; do not edit it.

- **Ratio**: with {rate} new connections a second, the median delay of a request with the watch is {ratio:.2f} times that without
  it (two halves of the rounds without it: {noise:.2f}).
- **Growth**: for each 100 new connections a second, the watch needs of one processor: {growth}.
- **Conditions**: {machine}, Linux {kernel}, Python {python}; load average {load:.1f} at the start.

{plot}

## Delay of requests

A client sends token-authenticated requests to the emulator, {rate} times a second for {seconds} s, {rounds} times without the
watch and {rounds} times with it, alternating. Client and emulator run on the same machine. Delays are those of all
rounds.

| load | delay | without the watch | with it | ratio | ratio of nothing |
|---|---|---|---|---|---|
{delays}

The *ratio of nothing* compares half of the rounds without the watch with the other half. A ratio that is not further
from 1 than this one is not significant.

## Processor and memory

| | share of one processor | memory |
|---|---|---|
| idle | {idle:.2%} | {memory_idle:.0f} MiB |
{busy}

Shares of one processor with each method of attribution, by the number of requests a second, each on a new connection, and
beside connections of a busy proxy to port 80 of another server:

| method | {rates} | other connections | of them a second |
|---|{columns}---|---|
{paths}

The watch processes the packets of 50 ms at once. It wakes up immediately for a process that has not connected for a
second, because a short-lived process may exit within a millisecond.

That is also why it runs with high priority (nice value -20, also of its session, and the highest weight of a unit) as long as
it uses less than a quarter of a processor. If it needs more for long, it has normal priority and uses at most half a processor.
{shells} shells, each in a unit, start {short} processes each, which send one request and end. The kernel reports the user,
the command name and the unit. The executable is read from `/proc` while the process lives. If it has ended, another
process with the same name in the same unit may show the executable:

| priority | busy loops beside | requests | right command name and unit | executable read | by the same name |
|---|---|---|---|---|---|
{known}

The size of the records is limited: 10,000 callers with a million requests need less than 1 MB
(`tests/unit/plugins/module_utils/_watch/test__records_size.py`).
"""


class Run(NamedTuple):
    """The load average at the start, rounds, seconds of a round, and the processes that each shell starts."""

    load: float
    rounds: int
    seconds: int
    short: int


def render(costs: dict[str, Costs], paths: list[PathCosts], known: list[priorities.Known], run: Run, page: Path) -> str:
    shares = plot(paths)
    per_100 = {name: 100 * slope(points.items()) for name, points in shares.lines.items() if len(points) > 1}
    return TEXT.format(
        ratio=costs["new"].ratio(0.5),
        noise=costs["new"].noise(0.5),
        growth=", ".join(f"{share:.2f}% with {name}" for name, share in per_100.items()),
        plot=image(shares, page),
        rates=" | ".join(f"{rate} a second" for rate in RATES),
        columns="---|" * len(RATES),
        date=datetime.date.fromtimestamp(time.time()),
        machine=f"{os.cpu_count()} processors, {platform.machine()}",
        kernel=platform.release().partition("-")[0],
        python=platform.python_version(),
        load=run.load,
        rate=RATE,
        seconds=run.seconds,
        rounds=run.rounds,
        delays="\n".join(row for kind in KINDS for row in delays(kind, costs[kind])),
        idle=costs[""].idle,
        memory_idle=costs[""].memory_idle / (1 << 20),
        paths="\n".join(map(path, paths)),
        shells=priorities.SHELLS,
        short=run.short,
        known="\n".join(row(one) for one in known),
        busy="\n".join(busy(kind, costs[kind]) for kind in KINDS),
    )


def plot(paths: list[PathCosts]) -> Plot:
    """Return the share of one processor in percent by new connections a second, of each method of attribution."""
    lines = {
        one.method: {float(rate): 100 * used for rate, used in one.requests.items()} for one in paths if one.requests
    }
    x = Axis("new connections a second", "connections a second", log=False)
    return Plot("Processor time of the watch", x, Axis("share of one processor (%)", "%", ".2f", log=False), lines)


def path(one: PathCosts) -> str:
    shares = " | ".join(f"{one.requests[rate]:.2%}" if rate in one.requests else "not reached" for rate in RATES)
    return f"| {one.method} | {shares} | {one.others:.2%} | {one.rate} |"


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
