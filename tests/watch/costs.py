# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the costs of the watch: delays of the same load without and with it, its processor time and memory."""

from __future__ import annotations

import itertools
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from machine import Machine, Watch
from paths import METHODS

CLIENTS = Path(__file__).resolve().parent / "clients"
MANY = CLIENTS / "many.py"
TICKS = os.sysconf("SC_CLK_TCK")
RATE = 200
RATES = (50, RATE, 400)  # new connections a second
OTHERS = 5000


@dataclass
class Costs:
    """Delays in seconds, by round; processor time as a share of one processor; memory in bytes."""

    without: list[list[float]] = field(default_factory=list)
    beside: list[list[float]] = field(default_factory=list)
    idle: float = 0.0
    busy: list[float] = field(default_factory=list)
    memory_idle: int = 0
    memory_busy: int = 0

    def ratio(self, share: float) -> float:
        """Return the quotient of a quantile of the delays with and without the watch."""
        return quantile(self.beside, share) / quantile(self.without, share)

    def noise(self, share: float) -> float:
        """Return the same quotient for two halves of the rounds without the watch: the error of measurement."""
        return quantile(self.without[::2], share) / quantile(self.without[1::2], share)


def quantile(rounds: list[list[float]], share: float) -> float:
    return statistics.quantiles(itertools.chain.from_iterable(rounds), n=1000)[round(share * 1000) - 1]


def measure(
    machine: Machine, start: Callable[[], Watch], rounds: int, seconds: int, idle_seconds: int, kind: str = ""
) -> Costs:
    """Measure rounds without and with the watch in turns. *kind* "new" opens a connection for each request."""
    costs = Costs()
    for number in range(rounds):
        costs.without.append(load(machine, seconds, kind))
        watch = start()
        if not number:
            time.sleep(2)  # the costs of starting are not measured
            costs.idle = share(watch, lambda: time.sleep(idle_seconds))
            costs.memory_idle = memory(watch)
        costs.busy.append(share(watch, lambda: costs.beside.append(load(machine, seconds, kind))))
        costs.memory_busy = max(costs.memory_busy, memory(watch))
        watch.stop()
    return costs


class PathCosts(NamedTuple):
    """Processor time of the watch with one method of attribution, as shares of one processor."""

    method: str
    requests: dict[
        int, float
    ]  # by requests a second, each on a new connection; without the rates that were not reached
    others: float  # beside OTHERS connections a second to port 80 of another server
    rate: int  # the rate of these connections that was achieved


def measure_paths(machine: Machine, start: Callable[..., Watch], seconds: int) -> list[PathCosts]:
    """Measure each method of attribution."""
    found = []
    for method, before in METHODS.items():
        watch = start(*before)
        time.sleep(2)  # the costs of starting are not measured
        requests = {}
        for rate in RATES:
            used, delays = _share_of_load(watch, machine, seconds, rate)
            if sum(delays) < seconds:  # otherwise the client could not send so many
                requests[rate] = used
        rates: list[int] = []
        others = share(watch, lambda: rates.append(connect_elsewhere(machine, seconds)))  # noqa: B023 - called at once
        watch.stop()
        found.append(PathCosts(method, requests, others, rates[0]))
    return found


def _share_of_load(watch: Watch, machine: Machine, seconds: int, rate: int) -> tuple[float, list[float]]:
    delays: list[float] = []
    return share(watch, lambda: delays.extend(load(machine, seconds, "new", rate))), delays


def connect_elsewhere(machine: Machine, seconds: int) -> int:
    """Connect to another server, OTHERS times a second; return the rate that was achieved."""
    client = CLIENTS / "elsewhere.py"
    return int(machine.run(os.path.realpath(sys.executable), client, str(OTHERS), str(seconds)))


def load(machine: Machine, seconds: int, kind: str, rate: int = RATE) -> list[float]:
    """Send *rate* requests per second; return the delay of each, in seconds."""
    output = machine.run(os.path.realpath(sys.executable), MANY, str(rate * seconds), str(rate), *kind.split())
    return [float(line) for line in output.split()]


def share(watch: Watch, work: Callable[[], None]) -> float:
    began, used = time.monotonic(), _ticks(watch)
    work()
    return (_ticks(watch) - used) / TICKS / (time.monotonic() - began)


def memory(watch: Watch) -> int:
    lines = Path(f"/proc/{watch.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def _ticks(watch: Watch) -> int:
    fields = Path(f"/proc/{watch.process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
