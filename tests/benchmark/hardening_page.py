# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the page docs/benchmarks-hardening.md from the measurements."""

from __future__ import annotations

import datetime
import os
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from growth import each
from plots import Axis, Plot, image

# Tasks of the role on each host, see roles/hardening/tasks: probe, tooling, fence, verify.
TASKS = 4
COMPARED = 50  # the number of hosts with all subjects
EVERYWHERE = ("one ping", "harden", "second run")
STEPS = "one task per step"


class Measured(NamedTuple):
    """The duration in seconds and the API calls of one subject."""

    seconds: float
    reads: int
    changes: int


@dataclass
class Results:
    """The subjects by number of hosts, and the number of tasks in *one task per step*."""

    sizes: dict[int, dict[str, Measured]] = field(default_factory=dict)
    steps: int = 0

    def complete(self) -> bool:
        """Return whether there is enough for a page: all subjects with one number of hosts."""
        return STEPS in self.sizes.get(COMPARED, {})

    def line(self, name: str) -> dict[float, float]:
        """Return the seconds of a subject by number of hosts."""
        return {size: found[name].seconds for size, found in sorted(self.sizes.items()) if name in found}


def plot(results: Results) -> Plot:
    names = (*EVERYWHERE, STEPS)
    lines = {name: results.line(name) for name in names}
    return Plot("Duration by number of hosts", Axis("hosts", "hosts"), Axis("duration (s)", "s", ",.1f"), lines)


def render(results: Results, load: float, page: Path) -> str:
    found = results.sizes[COMPARED]
    base = min(found[f"{TASKS} pings"].seconds, found[f"{TASKS} pings again"].seconds)
    rows = [
        f"| {name} | {it.seconds:,.1f} | {it.seconds / base:.2f} | {it.reads} | {it.changes} |"
        for name, it in found.items()
    ]
    return TEMPLATE.format(
        hosts=COMPARED,
        most=f"{max(results.sizes):,}",
        tasks=TASKS,
        steps=results.steps,
        today=datetime.date.today().isoformat(),
        python=platform.python_version(),
        cores=os.cpu_count(),
        load=load,
        rows="\n".join(rows),
        role=found["harden"].seconds / base,
        second=found["second run"].seconds / base,
        naive=found[STEPS].seconds / found["harden"].seconds,
        harden=each(results.line("harden"), "s", "host"),
        again=each(results.line("second run"), "s", "host"),
        ping=each(results.line("one ping"), "s", "host"),
        plot=image(plot(results), page),
        sizes="\n".join(_row(size, found) for size, found in sorted(results.sizes.items())),
    )


def _row(size: int, found: dict[str, Measured]) -> str:
    cells = [f"{size:,}"]
    for name in EVERYWHERE:
        it = found.get(name)
        cells += [f"{it.seconds:,.1f}", f"{it.seconds / size:.2f}"] if it else ["", ""]
    harden = found.get("harden")
    cells += [str(harden.reads), f"{harden.changes:,}"] if harden else ["", ""]
    return f"| {' | '.join(cells)} |"


TEMPLATE = """\
# Benchmarks: hardening many hosts

This benchmark measures the role `alicloud.imds.hardening` on up to {most} hosts with `forks: 20`. It compares the role with
`ping` tasks, and with a playbook that has one task per step. `make benchmark-hardening` wrote this page on {today}; do
not edit it. Durations depend on the machine, so compare only within one run.

- **Ratio**: with {hosts} hosts, hardening takes {role:.2f} times as long as {tasks} pings, a second run {second:.2f} times. One
  task per step takes {naive:.1f} times as long as the role.
- **Growth**, where an exponent of 1 is proportional to the number of hosts:
  - hardening takes {harden};
  - a second run takes {again};
  - one ping takes {ping}.
- **Conditions**: the hosts, the emulator and Ansible share {cores} cores. Python {python}. Load average at the start:
  {load:.1f}.

{plot}

## Conditions

- A test host is a set of namespaces with an SSH server. All of them share one root file system, with a layer for the
  changes of each. Each number of hosts is measured once, on new hosts.
- The SSH connections are open at the start, and `ControlPersist` keeps them for the whole run.
- The role runs {tasks} modules on each host (probe, tooling, fence, verify), and three for all hosts, on the host that calls
  the API. If the probe finds nothing to change, the role skips the verification. This is the case in the second run. Its
  other tasks decide on the controller, and Ansible starts a process for each of them and each host.
- *One task per step* copies each file with its own task (the library of the command as one archive) and calls the API
  for each host: {steps} tasks. It has no check of the rules before it loads them, no rollback, and no verification as
  another user. It is measured with {hosts} hosts only.
- *Reads* and *changes* are calls of DescribeInstances and ModifyInstanceMetadataOptions.
  ModifyInstanceMetadataOptions changes one instance per call.

## {hosts} hosts

| | s | times {tasks} pings | reads | changes |
|---|---:|---:|---:|---:|
{rows}

## Growth

*Each* is the duration divided by the number of hosts. *Reads* and *changes* are those of hardening.

| hosts | one ping s | each | harden s | each | second run s | each | reads | changes |
|---:|---:|---:|---:|---:|---:|---:|---:|---:|
{sizes}
"""
