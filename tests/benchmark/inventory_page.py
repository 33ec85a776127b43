# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the page docs/benchmarks-inventory.md from the measurements."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from compared import median, table
from fleets import REGIONS
from growth import each
from plots import Axis, Plot, image

SIZE = 10_000
PER_PAGE = 100
ROUNDS = {0.0: 3, 0.05: 3}  # delay of each answer in seconds -> rounds
PER_SECOND = 2  # calls of one operation in one region of one account that the API allows
WANTED_RATIO = 1.1
BARE = "hosts without variables, from a file"
SCRIPT = "script over the SDK, 3 variables a host"
MEMBERS = "script over the SDK, all members"
PLUGIN = "alicloud.imds.ecs"
CACHED = "alicloud.imds.ecs, from its cache"


class Run(NamedTuple):
    """One run of ansible-inventory: seconds, CPU seconds of all its processes, peak MiB of the largest one, API calls, hosts."""

    wall: float
    cpu: float
    memory: float
    calls: int
    throttled: int
    hosts: int


COUNTS: dict[str, Callable[[Run], int]] = {"API calls": lambda run: run.calls}


class Costs(NamedTuple):
    """The median costs of a subject with one number of hosts: seconds, CPU seconds and peak MiB."""

    wall: float
    cpu: float
    memory: float


Growth = dict[int, dict[str, Costs]]  # by number of hosts and subject, without a delay


def costs(found: Mapping[str, list[Run]]) -> dict[str, Costs]:
    return {name: Costs(*(median(runs, value) for value in Costs._fields)) for name, runs in found.items()}


def line(grown: Growth, name: str) -> dict[float, float]:
    """Return the CPU seconds of a subject by number of hosts."""
    return {size: found[name].cpu for size, found in sorted(grown.items())}


def plot(grown: Growth) -> Plot:
    lines = {name: line(grown, name) for name in grown[SIZE]}
    return Plot("CPU time by number of hosts", Axis("hosts", "hosts"), Axis("CPU time (s)", "s", ",.2f"), lines)


def growth_table(grown: Growth) -> str:
    rows = [
        "| hosts | subject | s | CPU s | CPU ms for each | peak MiB |",
        "| ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    rows += [
        f"| {size:,} | {name} | {it.wall:.2f} | {it.cpu:.2f} | {it.cpu * 1000 / size:.2f} | {it.memory:.0f} |"
        for size, found in sorted(grown.items())
        for name, it in found.items()
    ]
    return "\n".join(rows)


def render(
    results: dict[float, dict[str, list[Run]]],
    grown: Growth,
    paced: tuple[Run, float],
    facts: dict[str, str],
    page: Path,
) -> str:
    run, ratio = paced
    now = grown[SIZE]
    slow = results[max(results)]
    return TEMPLATE.format(
        today=datetime.date.today().isoformat(),
        size=format(SIZE, ","),
        regions=len(REGIONS),
        cores=os.cpu_count(),
        python=platform.python_version(),
        rounds=", ".join(f"{rounds} with {delay * 1000:.0f} ms" for delay, rounds in ROUNDS.items()),
        tables="\n\n".join(
            f"## {delay * 1000:.0f} ms delay\n\n{table(found, MEMBERS, COUNTS)}" for delay, found in results.items()
        ),
        per_second=PER_SECOND,
        wall=f"{run.wall:.1f}",
        throttled=run.throttled,
        ratio=f"{ratio:.2f}",
        wanted=WANTED_RATIO,
        plot=image(plot(grown), page),
        growth=growth_table(grown),
        plugin_growth=each(line(grown, PLUGIN), "ms", "host", 1000),
        members_growth=each(line(grown, MEMBERS), "ms", "host", 1000),
        cpu=f"{now[MEMBERS].cpu / now[PLUGIN].cpu:.1f}",
        memory=f"{now[MEMBERS].memory / now[PLUGIN].memory:.1f}",
        more=f"{now[PLUGIN].cpu / now[SCRIPT].cpu:.1f}",
        delay=f"{max(results) * 1000:.0f}",
        slow=f"{median(slow[SCRIPT], 'wall') / median(slow[PLUGIN], 'wall'):.2f}",
        **facts,
    )


TEMPLATE = """\
# Benchmarks: the inventory

This benchmark measures `ansible-inventory --list` with the inventory plugin `alicloud.imds.ecs`. It compares the plugin
with an inventory script over Alibaba Cloud's SDK (`tests/benchmark/vendor_inventory.py`), which reads one page after the
other. A host of the script has three variables or, as with the older inventory plugins for this cloud, all members of
the API's response. `make benchmark-inventory` wrote this page on {today}; do not edit it. Durations depend on the
machine, so compare the ratios of one run only. No test asserts a duration.

- **Ratio**: with {size} hosts and without a delay, the plugin takes {cpu} times less CPU time and {memory} times less memory
  than the script with all members, and {more} times as much CPU time as the script with three variables. With a delay of
  {delay} ms, the script with three variables takes {slow} times as long as the plugin.
- **Growth** of the CPU time without a delay, where an exponent of 1 is proportional to the number of hosts:
  - the plugin takes {plugin_growth};
  - the script with all members takes {members_growth}.
- **Conditions**: the emulator shares {cores} cores with the subjects. Python {python} on both sides, ansible-core {core}.
  Load average at the start: {load}.

{plot}

## Conditions

- The emulated instances are in {regions} regions and 2 accounts. Each run must list exactly these.
- *Delay* is the delay of each response of the emulated API. *s* and *CPU s* apply to `ansible-inventory` with the
  script, *peak MiB* to the largest process. They are medians of interleaved rounds ({rounds} delay).
- `ansible-inventory` alone, with a source without hosts, takes {alone_cpu} s of CPU. With hosts that have no variables, the
  work is ansible-core's own, too: it computes the variables of each host and prints them.
- A host of the plugin has {variables} values below `ecs` and `imds`; a host with all members of the response has {theirs}. The plugin
  also has groups for exempt and unknown hosts.

## Growth

Without a delay:

{growth}

The sections below have {size} hosts.

{tables}

## Pace under a throttle

With {per_second} calls of one operation a second in each region of each account, the plugin takes {wall} s, with
{throttled} throttled calls. This is {ratio} times what the throttle allows: the time of the pages at the limit, plus a run
without a throttle. The goal is at most {wanted} times.
"""
