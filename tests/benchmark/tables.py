# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from floor import Floor
from lookups import Lookups
from measuring import Results, Series, Spread
from offcloud import Absence
from subjects import ALL, EC2, PING, WALK, Subject

# Delay in seconds, subject, and the ratio to the peer's added time that it should reach.
GOALS = ((0.0, ALL, 30), (0.02, ALL, 20), (0.0, WALK, 25), (0.02, WALK, 8))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose first column is text and whose other columns are numbers."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"


def more(seconds: float) -> str:
    return f"{seconds * 1000:+.0f}"


def added(spread: Spread) -> str:
    return f"{more(spread.median)} ({ms(spread.low)} to {ms(spread.high)})"


def ratio(results: Results, subject: Subject) -> str:
    """Return the ratio of the peer's median added time to that of *subject*, in brackets if the noise is larger."""
    mine = results[subject].added()
    text = _quotient(results[EC2].added().median, mine.median)
    return f"({text})" if mine.low <= 0 else text


def ratio_of_minima(results: Results, subject: Subject) -> str:
    return _quotient(results[EC2].added_minimum(), results[subject].added_minimum())


def _quotient(peer: float, mine: float) -> str:
    return f"{peer / mine:.0f}" if mine > 0 else "no difference"


def goals(whole_runs: Mapping[float, Results], payloads: Mapping[float, Results]) -> str:
    heads = ("", "wanted", "whole run", "of minima", "payload", "of minima")
    rows = []
    for delay, subject, wanted in GOALS:
        found = []
        for measured in (whole_runs.get(delay), payloads.get(delay)):
            missing = ["not measured"] * 2
            found += [ratio(measured, subject), ratio_of_minima(measured, subject)] if measured else missing
        rows.append((f"{subject.name}, {ms(delay)} ms delay", str(wanted), *found))
    return table(heads, rows)


def request_costs(seconds: Mapping[float, tuple[float, float]]) -> str:
    rows = [
        (f"{ms(delay)} ms delay", f"{ours * 1000:.2f}", f"{ec2 * 1000:.2f}") for delay, (ours, ec2) in seconds.items()
    ]
    return table(("", "ECS", "EC2"), rows)


def runs(measured: Mapping[float, Results], values: Mapping[Subject, int]) -> str:
    heads = (
        "delay, module",
        "ms",
        "added ms",
        "of minima",
        "times less",
        "added CPU ms",
        "connections",
        "requests",
        "values",
        "peak MiB",
    )
    return table(
        heads, (_run(delay, results, subject, values) for delay, results in measured.items() for subject in results)
    )


def _run(delay: float, results: Results, subject: Subject, values: Mapping[Subject, int]) -> Sequence[str]:
    series = results[subject]
    first = (f"{ms(delay)} ms, {subject.name}", ms(series.wall().median))
    peak = f"{series.memory():.0f}"
    if subject is PING:
        return (*first, "", "", "", "", "0", "0", "0", peak)
    times_less = "1" if subject is EC2 else ratio(results, subject)
    connections, requests = map(str, series.counts)
    cpu = more(series.added_cpu())
    times = (added(series.added()), more(series.added_minimum()), times_less, cpu)
    return (*first, *times, connections, requests, str(values[subject]), peak)


def floors(
    payloads: Mapping[float, Results], floor: Floor, request_seconds: Mapping[float, tuple[float, float]]
) -> str:
    start_up = payloads[0.0][ALL].added().median
    rows = []
    for delay, results in payloads.items():
        least = floor.seconds(start_up, request_seconds[delay][0], request_seconds[0.0][0])
        measured = results[WALK].added().median
        rows.append((f"{ms(delay)} ms delay", ms(least), ms(measured), f"{measured / least:.2f}"))
    return table(("", "floor ms", "measured ms", "times the floor"), rows)


def absences(measured: Iterable[Absence]) -> str:
    rows = []
    for absence in measured:
        peer = "not measured" if absence.peer is None else f"{absence.peer:+.1f} s, {_outcome(absence.peer_failed)}"
        ours = f"{absence.ours:+.2f} s, {_outcome(absence.ours_failed)}"
        rows.append((absence.situation, ours, peer))
    return table(("", "metadata_facts", "ec2_metadata_facts"), rows)


def _outcome(failed: bool | None) -> str:
    return "task failed" if failed else "ok, not available"


def lookups(measured: Iterable[Lookups]) -> str:
    rows = [
        (f"{found.number}, {found.form}", str(found.requests), str(found.connections), more(found.added))
        for found in measured
    ]
    return table(("lookups", "requests", "connections", "added ms"), rows)


def large(results: Results) -> str:
    rows = [
        (
            subject.name,
            added(series.added()),
            more(series.added_cpu()),
            str(series.counts[1]),
            f"{series.memory():.0f}",
        )
        for subject, series in _without_ping(results)
    ]
    return table(("", "added ms", "added CPU ms", "requests", "peak MiB"), rows)


def _without_ping(results: Results) -> Iterable[tuple[Subject, Series]]:
    return ((subject, series) for subject, series in results.items() if subject is not PING)
