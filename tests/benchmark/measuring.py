# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run subjects in turns, and calculate medians, quartiles and the difference to ``ping`` in the same round."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from processes import Sample, run
from services import Counts, Services
from subjects import PEER, PING, Payloads, Subject, environment


class Spread(NamedTuple):
    """The lower quartile, the median and the upper quartile."""

    low: float
    median: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    if len(values) < 2:
        return Spread(values[0], values[0], values[0])
    return Spread(*statistics.quantiles(values, n=4, method="inclusive"))


@dataclass
class Series:
    """The samples of one subject, and those of ``ping`` in the same rounds."""

    samples: list[Sample] = field(default_factory=list)
    pings: list[Sample] = field(default_factory=list)
    counts: Counts = (0, 0)

    def wall(self) -> Spread:
        return spread([sample.wall for sample in self.samples])

    def added(self) -> Spread:
        """Return the difference in seconds to ``ping`` in the same round."""
        return spread([mine.wall - ping.wall for mine, ping in zip(self.samples, self.pings, strict=True)])

    def added_minimum(self) -> float:
        """Return the difference of the fastest runs, which other load on the machine affects least."""
        return min(sample.wall for sample in self.samples) - min(sample.wall for sample in self.pings)

    def added_cpu(self) -> float:
        pairs = zip(self.samples, self.pings, strict=True)
        return statistics.median(mine.cpu - ping.cpu for mine, ping in pairs)

    def memory(self) -> float:
        return max(sample.memory for sample in self.samples)


Results = dict[Subject, Series]


def measure(
    services: Services,
    rounds: int,
    peer_every: int,
    subjects: Sequence[Subject],
    commands: Callable[[Subject], list[str]],
) -> Results:
    """Run all *subjects* in each round, starting with another one each time; the peer only in every *peer_every*-th round.

    Connections and requests are those of the last run.

    Raises: RuntimeError if a run fails, because its time would be too short.
    """
    settings = environment()
    made = {subject: commands(subject) for subject in subjects}
    results: Results = {subject: Series() for subject in subjects}
    for number in range(rounds):
        first = number % len(subjects)
        taken: dict[Subject, Sample] = {}
        for subject in (*subjects[first:], *subjects[:first]):
            if subject.module == PEER and number % peer_every:
                continue
            services.serve_all(subject.all_served)
            before = services.counts()
            taken[subject] = run(made[subject], settings)
            results[subject].counts = _rise(before, services.counts())
            if taken[subject].status:
                raise RuntimeError(f"{subject.name} failed with status {taken[subject].status}")
        for subject, sample in taken.items():
            results[subject].samples.append(sample)
            results[subject].pings.append(taken[PING])
    services.serve_all(True)
    return results


def _rise(before: tuple[Counts, Counts], after: tuple[Counts, Counts]) -> Counts:
    """Return the increase of the counts of both services; a run uses only one of them."""
    return tuple(sum(a[n] - b[n] for a, b in zip(after, before, strict=True)) for n in (0, 1))  # type: ignore[return-value]


def payload_commands() -> Callable[[Subject], list[str]]:
    return Payloads().command


def whole_run_commands() -> Callable[[Subject], list[str]]:
    return Subject.whole_run
