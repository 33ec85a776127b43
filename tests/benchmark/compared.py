# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the runs of several subjects beside those of one of them, as a table in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# Heading, attribute of a run, and format of its number.
VALUES = (("s", "wall", ".2f"), ("CPU s", "cpu", ".2f"), ("peak MiB", "memory", ".0f"))


def median(runs: Sequence[Any], value: str) -> float:
    return statistics.median(getattr(run, value) for run in runs)


def table(found: Mapping[str, Sequence[Any]], base: str, counts: Mapping[str, Callable[[Any], int]]) -> str:
    """Return a row for each subject: its *counts* in the first run, then medians and how many times less they are than *base*."""
    heads = ["", *counts]
    for head, _value, _form in VALUES:
        heads += [head, "times less"]
    lines = [f"| {' | '.join(heads)} |", f"| --- |{' ---: |' * (len(heads) - 1)}"]
    for name, runs in found.items():
        cells = [name, *(str(count(runs[0])) for count in counts.values())]
        for _head, value, form in VALUES:
            own, theirs = median(runs, value), median(found[base], value)
            cells += [format(own, form), "1" if name == base else f"{theirs / own:.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
