# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page docs/benchmarks.md, from what was measured."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from dataclasses import dataclass, field

import peer
import tables
from floor import Floor
from lookups import Lookups
from measuring import Results
from offcloud import Absence
from plan import Plan
from subjects import Subject, most_connections
from survey import Survey


@dataclass
class Page:
    """Everything measured; delays in seconds are the keys."""

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


def render(page: Page) -> str:
    ours, ec2 = page.trees
    return TEMPLATE.format(
        today=datetime.date.today().isoformat(),
        cores=os.cpu_count(),
        python=platform.python_version(),
        core=importlib.metadata.version("ansible-core"),
        peer=peer.version(),
        package=peer.PACKAGE,
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
# Benchmarks

What reading metadata costs, side by side with `amazon.aws.ec2_metadata_facts`, the module for another cloud that does the same
job. This page was written by `make benchmark` on {today}; do not edit it. Seconds depend on the machine, so compare only
within one run: the ratios are what matters, and no test asserts a time.

## In short

How many times more `ec2_metadata_facts` adds to `ansible.builtin.ping` than `alicloud.imds.metadata_facts`:

{goals}

*Whole run* is `ansible localhost -m MODULE`, medians; *payload* is what Ansible copies to a host, run by itself. *Of minima*
compares the fastest runs, which other load on the machine disturbs least. In brackets: a quarter of the runs was not slower than
`ping`, so the number says little.

## Conditions

- {cores} cores, Python {python} on both sides, ansible-core {core}, amazon.aws {peer} (from the PyPI package `{package}`).
  Load average at the beginning: {load}.
- Everything in one private network namespace, each service at its real address: an ECS instance by the emulator of this
  collection, and an EC2-shaped service (`tests/benchmark/ec2_service.py`). Both have one thread a connection, one write an
  answer, `TCP_NODELAY`, keep connections, and require tokens. *Delay* is a sleep before each answer, tokens included.
- Both trees have {leaves} leaves in {directories} directories, {below} of the leaves below `meta-data/`; all listings and
  values together are {ours_size} bytes (ECS) and {ec2_size} bytes (EC2). This was counted by walking them at the beginning.
- `metadata_facts` leaves secrets out (keys of the role, user data, signatures) unless they are named; `ec2_metadata_facts` always
  reads all. The rows *secrets too* ask for them, so that nothing is left out. *Values* are those returned as facts.
  About 20 ms of these rows are the emulator's, which signs the identity document anew for each request.
- {plan.whole_rounds} whole runs and {plan.payload_rounds} payload runs of each, interleaved, another one first in each round;
  the peer in every round divisible by {plan.whole_peer_every} and {plan.payload_peer_every}. *Added* is the difference to `ping`
  in the same round: median, and the quartiles in brackets; *of minima* is that of the fastest runs. CPU is user and system
  time of all processes, again over `ping`. *Times less* compares the medians with the peer's.
- The firmware of the machine does not say that it is an ECS instance, so `metadata_facts` begins with one careful attempt
  to obtain a token. On an ECS instance the same request comes without that caution.

One request after the other on one kept connection takes, in milliseconds (median):

{request_costs}

## Whole runs

{whole_runs}

## Payloads

A whole run of Ansible is noisy compared with what a module adds. The payload by itself shows it more sharply.

{payloads}

## Walking and its floor

Where a service has no `meta-data/all`, the module walks the directories. It must make {floor.requests} requests. A listing must
come before what is in it, and {connections} connections at most are used, so at best they take as long as {floor.rounds} requests one
after the other; that is an optimal schedule with perfect foresight (`tests/benchmark/floor.py`). The floor is that many rounds of
the time of one request above, and at least all requests of one process one after the other without delay; plus what the
module adds with `meta-data/all` and no delay, for its start. *Measured* is the median of the payload.

{floors}

## Without a metadata service

Seconds added to `ping`, whole runs: `metadata_facts` the median of {plan.few_rounds}, the peer once.

{absences}

## Lookups

`alicloud.imds.metadata` in one task. All lookups of a task share a token and a connection. *Added* is over the same task without.

{lookups}

## A large tree

{large_leaves} leaves, payloads, median of {plan.few_rounds}. The peer is left out: it would take minutes.

{large}

## Repeat it

    make benchmark

takes about ten minutes and writes this page anew. It needs root, or a kernel that allows unprivileged user namespaces, and once a
package index, to fetch the peer. For a smoke test of less than a minute:

    .venv/bin/python tests/benchmark/peer.py
    tests/lab/enter .venv/bin/python tests/benchmark/run.py --quick
"""
