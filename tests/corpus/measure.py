# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the preflight check of scripts on the corpus, and print precision and recall per class: ``make corpus``.

A prediction is *normal_mode_read* if a finding blocks, *unsure* if a finding only warns, else *token_only* if the file uses
the token header, else *no_read*. A read counts as found only if the finding names one of the lines of its label, and a
blocking finding on any other line counts as wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / "plugins"), str(Path(__file__).resolve().parent)]

import corpus  # noqa: E402
from module_utils._preflight import _files, _scripts  # noqa: E402

WANTED_RECALL, WANTED_PRECISION, MOST_UNSURE = 0.97, 0.97, 0.10


class Result(NamedTuple):
    """What was reported about one sample: lines of blocking and of unsure findings."""

    sample: corpus.Sample
    predicted: str
    blocked: frozenset[int]
    unsure: frozenset[int]

    @property
    def right(self) -> bool:
        """Return whether class and lines agree with the label."""
        if self.predicted != self.sample.label:
            return False
        return self.predicted != corpus.READ or (self.blocked <= self.sample.lines and bool(self.blocked))


def results(chosen: list[corpus.Sample]) -> list[Result]:
    """Write each sample below a directory of its own, and scan it there."""
    found = []
    with tempfile.TemporaryDirectory(prefix="imds-corpus-") as folder:
        for number, sample in enumerate(chosen):
            root = Path(folder) / str(number)
            path = root / sample.path.lstrip("/")
            path.parent.mkdir(parents=True)
            path.write_bytes(sample.content)
            found.append(judged(sample, root))
    return found


def judged(sample: corpus.Sample, root: Path) -> Result:
    """Return what the check reports about the file of *sample* below *root*."""
    scanned = _scripts.scan(_files.Files(str(root), _files.Deadline(60)), [sample.path])
    blocked = frozenset(read.line for read in scanned.reads if read.certain)
    unsure = frozenset(read.line for read in scanned.reads if not read.certain)
    predicted = corpus.READ if blocked else corpus.UNSURE if unsure else corpus.NONE
    if predicted == corpus.NONE and scanned.token_authenticated:
        predicted = corpus.TOKEN
    return Result(sample, predicted, blocked, unsure)


class Table(NamedTuple):
    """Precision and recall per class, and the share of files that are reported as unsure."""

    rows: dict[str, tuple[int, float, float]]
    block_precision: float
    read_recall: float
    unsure: float

    @property
    def met(self) -> bool:
        """Return whether the wanted numbers are met."""
        return (
            self.read_recall >= WANTED_RECALL
            and self.block_precision >= WANTED_PRECISION
            and self.unsure <= MOST_UNSURE
        )


def table(found: list[Result]) -> Table:
    """Return the table of *found*."""
    labels, predicted = Counter(one.sample.label for one in found), Counter(one.predicted for one in found)
    right = Counter(one.predicted for one in found if one.predicted == one.sample.label)
    rows = {
        name: (labels[name], ratio(right[name], predicted[name]), ratio(right[name], labels[name]))
        for name in corpus.CLASSES
    }
    reads = [one for one in found if one.sample.label == corpus.READ]
    hits = sum(bool(one.blocked & one.sample.lines) for one in reads)
    lines = sum(len(one.blocked) for one in found)
    right_lines = sum(len(one.blocked & one.sample.lines) for one in found if one.sample.label == corpus.READ)
    return Table(rows, ratio(right_lines, lines), ratio(hits, len(reads)), ratio(predicted[corpus.UNSURE], len(found)))


def ratio(part: int, whole: int) -> float:
    """Return part / whole; 1 if there is nothing to divide."""
    return part / whole if whole else 1.0


def show(title: str, found: list[Result], verbose: bool) -> bool:
    """Print the table and, with *verbose*, each difference; return whether the required numbers are reached."""
    numbers = table(found)
    print("%s: %d files" % (title, len(found)))
    print("  %-18s %6s %10s %8s" % ("class", "files", "precision", "recall"))
    for name, (count, precision, recall) in numbers.rows.items():
        print("  %-18s %6d %10.3f %8.3f" % (name, count, precision, recall))
    print("  blocking findings on the right line: %.3f (wanted: %.2f)" % (numbers.block_precision, WANTED_PRECISION))
    print("  reads found on the right line:       %.3f (wanted: %.2f)" % (numbers.read_recall, WANTED_RECALL))
    print("  files reported as unsure:            %.3f (at most %.2f)" % (numbers.unsure, MOST_UNSURE))
    for one in found if verbose else ():
        if not one.right:
            print(
                "    %s: %s %s, reported %s block %s warn %s"
                % (
                    one.sample.name,
                    one.sample.label,
                    sorted(one.sample.lines),
                    one.predicted,
                    sorted(one.blocked),
                    sorted(one.unsure),
                )
            )
    return numbers.met


def main() -> int:
    """Print the tables; return 1 if the wanted numbers are not met."""
    parser = argparse.ArgumentParser(description="Measure the preflight check of scripts on the labeled corpus.")
    parser.add_argument("--labels", type=Path, default=corpus.LABELS, help="labels.csv of another corpus")
    parser.add_argument("--verbose", action="store_true", help="list every file that is judged differently")
    parser.add_argument("--part", choices=["all", "used", "held-out"], default="all", help="part of the corpus")
    options = parser.parse_args()
    chosen = list(corpus.samples(options.labels))
    start = time.monotonic()
    found = results(chosen)
    parts = {
        "used": [one for one in found if not one.sample.held_out],
        "held-out": [one for one in found if one.sample.held_out],
    }
    if options.part != "all":
        return 0 if show(options.part, parts[options.part], options.verbose) else 1
    met = show("whole corpus", found, options.verbose)
    for name, part in parts.items():
        show("of it " + name, part, False)
    print("%.1f s" % (time.monotonic() - start))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
