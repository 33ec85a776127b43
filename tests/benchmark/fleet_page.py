# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the page docs/benchmarks-fleet.md from the measurements."""

from __future__ import annotations

import datetime
import os
import platform
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import fleets
from compared import median, table
from fleets import DESCRIBE, MODIFY, REGIONS, Run
from growth import each, exponent
from plots import Axis, Plot, image

SIZE = 1700
ROUNDS = {0.0: 5, 0.05: 1}  # delay of each answer in seconds -> rounds
LOOP = "plain loop over the SDK"
MODULE = "metadata_options"
COUNTS: dict[str, Callable[[Run], int]] = {
    "reads": lambda run: len(run.accepted(DESCRIBE)),
    "changes": lambda run: len(run.accepted(MODIFY)),
}
WANTED_RATIO = 1.2


def due(size: int) -> int:
    """Return the number of instances that a run must change."""
    return sum(fleets.instance(number)["http_tokens"] == "optional" for number in range(size))


def pace_table(found: dict[int, tuple[float, float, int]]) -> str:
    lines = ["| calls a second in a region | s | over what the throttle allows | calls throttled |"]
    lines.append("| ---: | ---: | ---: | ---: |")
    lines += [f"| {limit} | {wall:.2f} | {ratio:.2f} | {waste} |" for limit, (wall, ratio, waste) in found.items()]
    return "\n".join(lines)


class Costs(NamedTuple):
    """The costs of a subject with one number of instances: seconds, CPU seconds and peak MiB."""

    wall: float
    cpu: float
    memory: float


Growth = dict[str, dict[int, Costs]]


def growth(results: Mapping[float, Mapping[str, list[Run]]], more: Mapping[int, Mapping[str, Run]]) -> Growth:
    """Return the costs without a delay by subject and number of instances."""
    names = (LOOP, MODULE)
    found: Growth = {
        name: {SIZE: Costs(*(median(results[0.0][name], value) for value in Costs._fields))} for name in names
    }
    for size, runs in more.items():
        for name in names:
            found[name][size] = Costs(*(getattr(runs[name], value) for value in Costs._fields))
    return found


def growth_table(found: Growth) -> str:
    lines = [
        "| instances | subject | s | ms for each | CPU s | peak MiB |",
        "| ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {size:,} | {name} | {it.wall:,.2f} | {it.wall * 1000 / size:.2f} | {it.cpu:,.2f} | {it.memory:,.0f} |"
        for size in sorted(found[LOOP])
        for name, it in ((name, found[name][size]) for name in found)
    ]
    return "\n".join(lines)


def plot(found: Growth) -> Plot:
    lines = {name: {size: it.wall for size, it in costs.items()} for name, costs in found.items()}
    return Plot(
        "Duration by number of instances", Axis("instances", "instances"), Axis("duration (s)", "s", ",.2f"), lines
    )


def grows(costs: Mapping[int, Costs]) -> str:
    """Return how duration and CPU time grow, and the memory at both ends, in words."""
    low, high = costs[min(costs)], costs[max(costs)]
    time = each({size: it.wall for size, it in costs.items()}, "ms", "instance", 1000)
    cpu = exponent({size: it.cpu for size, it in costs.items()})
    return f"{time}; its CPU time has an exponent of {cpu:.2f}, its memory {low.memory:.0f} and {high.memory:.0f} MiB"


def render(
    results: dict[float, dict[str, list[Run]]],
    more: dict[int, dict[str, Run]],
    paces: dict[int, tuple[float, float, int]],
    load: float,
    page: Path,
) -> str:
    loops = [run for found in results.values() for run in found[LOOP]]
    grown = growth(results, more)
    slow = results[max(results)]
    return TEMPLATE.format(
        today=datetime.date.today().isoformat(),
        size=f"{SIZE:,}",
        due=due(SIZE),
        share=f"{due(SIZE) / SIZE:.0%}",
        plot=image(plot(grown), page),
        growth=growth_table(grown),
        ours=grows(grown[MODULE]),
        theirs=grows(grown[LOOP]),
        delay=f"{max(results) * 1000:.0f}",
        slow=f"{median(slow[LOOP], 'wall') / median(slow[MODULE], 'wall'):.1f}",
        fast=f"{median(results[0.0][LOOP], 'wall') / median(results[0.0][MODULE], 'wall'):.1f}",
        cpu=f"{median(results[0.0][MODULE], 'cpu') / median(results[0.0][LOOP], 'cpu'):.1f}",
        memory=f"{median(results[0.0][MODULE], 'memory') / median(results[0.0][LOOP], 'memory'):.1f}",
        most=f"{max(more):,}",
        regions=len(REGIONS),
        cores=os.cpu_count(),
        python=platform.python_version(),
        load=f"{load:.1f}",
        imports=f"{statistics.median(run.result['import_seconds'] for run in loops):.1f}",
        rounds=", ".join(f"{rounds} with {delay * 1000:.0f} ms" for delay, rounds in ROUNDS.items()),
        tables="\n\n".join(
            f"## {delay * 1000:.0f} ms delay\n\n{table(found, LOOP, COUNTS)}" for delay, found in results.items()
        ),
        pace=pace_table(paces),
        wanted=WANTED_RATIO,
    )


TEMPLATE = """\
# Benchmarks: changing many instances

This benchmark measures `alicloud.imds.metadata_options` with `http_tokens: required` on the instances of an account.
It compares the module with a simple loop over Alibaba Cloud's SDK (`alibabacloud_ecs20140526`,
`tests/benchmark/vendor_loop.py`), which reads all instances and changes one after the other. `make benchmark-fleet`
wrote this page on {today}; do not edit it. Durations depend on the machine, so compare the ratios of one run only. No
test asserts a duration.

- **Ratio**: the module is {slow} times as fast as the loop with a delay of {delay} ms, and {fast} times without a delay, where it
  uses {cpu} times the CPU time and {memory} times the memory of the loop.
- **Growth** without a delay, where an exponent of 1 is proportional to the number of instances:
  - the module takes {ours};
  - the loop takes {theirs}.
- **Conditions**: the emulator shares {cores} cores with the subjects. Python {python} on both sides. Load average at the
  start: {load}.

{plot}

## Conditions

- The emulated instances are in {regions} regions, {share} of them with `HttpTokens: optional`. Each run must change
  exactly these, once each.
- *Delay* is the delay of each response of the emulated API. *s*, *CPU s* and *peak MiB* apply to the whole process. The
  import of the SDK takes {imports} s.
- The module does more than the loop: it detects Windows and ACK nodes, records the previous options, and reads the
  changed instances again (the additional reads), with up to 16 API calls at a time. The loop stops at the first
  throttled call.

## Growth

Without a delay. The numbers of {size} instances are those of the next section, the others are of one run each. With a
delay of 50 ms, the loop would take more than 25 minutes for {most} instances, so that is not measured.

{growth}

The sections below have {size} instances, {due} of which are due. Numbers are medians of interleaved rounds
({rounds} delay).

{tables}

## Pace under a throttle

`metadata_options` when the API throttles. The reference is the time that the changes take at the limit of the
throttle, plus a run that only reads; the goal is at most {wanted} times this reference.
`tests/unit/plugins/module_utils/_fleet/test__apply_pace.py` simulates the same in virtual time.

{pace}
"""
