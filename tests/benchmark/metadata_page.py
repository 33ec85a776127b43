# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the page docs/benchmarks.md from the measurements."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import peer
import tables
from floor import Floor
from growth import slope
from lookups import Lookups
from measuring import Results
from offcloud import Absence
from plan import Plan
from plots import Axis, Plot, image
from subjects import ALL, EC2, WALK, Subject, most_connections
from survey import Survey


@dataclass
class Page:
    """All measurements, by delay in seconds."""

    plan: Plan
    connections: int = field(default_factory=most_connections)
    load: float = field(default_factory=lambda: os.getloadavg()[0])
    trees: tuple[Survey, Survey] = field(default_factory=lambda: (Survey(), Survey()))
    floor: Floor = Floor(0, 0)
    values: dict[Subject, int] = field(default_factory=dict)
    request_seconds: dict[float, tuple[float, float]] = field(default_factory=dict)
    whole_runs: dict[float, Results] = field(default_factory=dict)
    payloads: dict[float, Results] = field(default_factory=dict)
    lookups: list[Lookups] = field(default_factory=list)
    large: Results = field(default_factory=dict)
    large_leaves: int = 0
    absences: list[Absence] = field(default_factory=list)


def plot(payloads: Mapping[float, Results]) -> Plot:
    """Return the median added time of the payloads by delay, in milliseconds."""
    lines = {
        subject.name: {delay * 1000: results[subject].added().median * 1000 for delay, results in payloads.items()}
        for subject in (ALL, WALK, EC2)
    }
    x = Axis("delay of each response (ms)", "ms", log=False)
    return Plot("Added time by delay of the service", x, Axis("added time (ms)", "ms", ".0f"), lines)


def render(page: Page, path: Path) -> str:
    ours, ec2 = page.trees
    added = plot(page.payloads)
    per_ms = {name: slope(points.items()) for name, points in added.lines.items()}
    return TEMPLATE.format(
        today=datetime.date.today().isoformat(),
        cores=os.cpu_count(),
        python=platform.python_version(),
        core=importlib.metadata.version("ansible-core"),
        peer=peer.version(),
        package=peer.package(),
        load=f"{page.load:.1f}",
        plan=page.plan,
        leaves=len(ours.leaves),
        directories=len(ours.directories),
        below=ours.below_meta_data(),
        ours_size=ours.size,
        ec2_size=ec2.size,
        large_leaves=page.large_leaves,
        connections=page.connections,
        floor=page.floor,
        slow=f"{max(page.payloads) * 1000:.0f}",
        ratio_all=tables.ratio(page.payloads[max(page.payloads)], ALL),
        ratio_walk=tables.ratio(page.payloads[max(page.payloads)], WALK),
        per_all=f"{per_ms[ALL.name]:.1f}",
        per_walk=f"{per_ms[WALK.name]:.1f}",
        per_peer=f"{per_ms[EC2.name]:.0f}",
        plot=image(added, path),
        goals=tables.goals(page.whole_runs, page.payloads),
        request_costs=tables.request_costs(page.request_seconds),
        whole_runs=tables.runs(page.whole_runs, page.values),
        payloads=tables.runs(page.payloads, page.values),
        floors=tables.floors(page.payloads, page.floor, page.request_seconds),
        absences=tables.absences(page.absences),
        lookups=tables.lookups(page.lookups),
        large=tables.large(page.large),
    )


TEMPLATE = """\
# Benchmarks: reading metadata

This benchmark compares `alicloud.imds.metadata_facts` with `amazon.aws.ec2_metadata_facts`, the equivalent module for
another cloud (the *peer*). `make benchmark` wrote this page on {today}; do not edit it. Durations depend on the
machine, so compare the ratios of one run only. No test asserts a duration.

- **Ratio**: with a delay of {slow} ms, the peer adds {ratio_all} times the time of `metadata_facts`, and {ratio_walk} times its time
  without `meta-data/all` (payloads).
- **Growth**: each millisecond of delay adds {per_all} ms to `metadata_facts`, {per_walk} ms without `meta-data/all`, and {per_peer} ms
  to the peer.
- **Conditions**: both services and the subjects share {cores} cores. Python {python} on both sides, ansible-core {core}. Load
  average at the start: {load}. See [below](#conditions).

{plot}

The plot has the median added time of the payloads on a logarithmic scale.

## Summary

The time that `ec2_metadata_facts` adds to `ansible.builtin.ping`, divided by the time that
`alicloud.imds.metadata_facts` adds:

{goals}

*Whole run* is `ansible localhost -m MODULE` (median). *Payload* is the program that Ansible copies to a host, run
without Ansible. *Of minima* compares the fastest runs, which other load on the machine affects least. A number in
brackets is not significant, because a quarter of the runs was not slower than `ping`.

## Conditions

- {cores} cores, Python {python} on both sides, ansible-core {core}, amazon.aws {peer} (from the PyPI package
  `{package}`). Load average at the start: {load}.
- Both services run in one private network namespace, each at its real address: an ECS instance (the emulator of this
  collection) and an EC2-like service (`tests/benchmark/ec2_service.py`). Both use one thread per connection, one
  write per response, `TCP_NODELAY` and persistent connections, and require tokens. *Delay* is a delay before each
  response, including token responses.
- Both trees have {leaves} leaves in {directories} directories, {below} of the leaves below `meta-data/`. All listings
  and values together have {ours_size} bytes (ECS) and {ec2_size} bytes (EC2), counted at the start of the run.
- `metadata_facts` omits secrets (keys of the role, user data, signatures) by default; `ec2_metadata_facts` always
  reads them. The rows *secrets too* include them. *Values* is the number of values returned as facts. About 20 ms of
  these rows are used by the emulator, which signs the identity document for each request.
- {plan.whole_rounds} whole runs and {plan.payload_rounds} payload runs of each module, interleaved, in rotating
  order; the peer runs in every round divisible by {plan.whole_peer_every} and {plan.payload_peer_every}. *Added* is
  the difference to `ping` in the same round: the median, and the quartiles in brackets; *of minima* uses the fastest
  runs. CPU is user and system time of all processes, minus `ping`. *Times less* is the ratio of the peer's median to
  the median of the row.
- The firmware of the machine does not identify an ECS instance. Therefore `metadata_facts` starts with a token
  request with a short timeout. On an ECS instance, it sends the same request with the normal timeout.

Duration of one request on a persistent connection in milliseconds (median):

{request_costs}

## Whole runs

{whole_runs}

## Payloads

The duration of a whole run varies more than the time that a module adds. Payload runs measure this time more
precisely.

{payloads}

## Walking the tree, and the lower bound

Without `meta-data/all`, the module reads the directories with {floor.requests} requests. It must read a listing
before its entries, and uses at most {connections} connections. The optimal schedule (`tests/benchmark/floor.py`)
takes as long as {floor.rounds} sequential requests. The *floor* is this number times the duration of one request (see
above), but at least the duration of all requests in sequence without delay, plus the time that the module adds with
`meta-data/all` and no delay. *Measured* is the median of the payload.

{floors}

## Without a metadata service

Seconds added to `ping` in whole runs: the median of {plan.few_rounds} runs of `metadata_facts`, one run of the peer.

{absences}

## Lookups

`alicloud.imds.metadata` in one task. All lookups of a task share a token and a connection. *Added* is the difference
to the same task without lookups.

{lookups}

## A large tree

{large_leaves} leaves, payload runs, median of {plan.few_rounds}. The peer is omitted, because it would take minutes.

{large}

## Run the benchmark

    make benchmark

takes about ten minutes and writes this page. It needs root or unprivileged user namespaces, and a package index for
the peer. For a test of less than a minute, run:

    .venv/bin/python tests/benchmark/peer.py
    tests/lab/enter .venv/bin/python tests/benchmark/run.py --quick
"""
