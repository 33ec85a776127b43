# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The labeled corpus: files as they occur on hosts, and what the preflight check should say about each.

``labels.csv`` lists the samples: path on the host, class, line numbers of the requests, and the encoding on the host. The
samples are stored as UTF-8 with a neutral file name and ``| `` before each line, because many tools would otherwise
check them as sources.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
LABELS = HERE / "labels.csv"
READ, TOKEN, NONE, UNSURE = CLASSES = ("normal_mode_read", "token_only", "no_read", "unsure")


class Sample(NamedTuple):
    """One file; ``lines`` are the lines that may be reported, ``held_out`` that it was not used during development."""

    name: str
    path: str
    label: str
    lines: frozenset[int]
    content: bytes
    held_out: bool


def samples(labels: Path = LABELS) -> Iterator[Sample]:
    """Yield all samples of the corpus described by *labels*."""
    with labels.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            text = (labels.parent / "samples" / (row["sample"] + ".txt")).read_text(encoding="utf-8")
            text = "".join(line[2:] or line for line in text.splitlines(keepends=True))
            lines = frozenset(int(number) for number in row["lines"].split())
            held_out = hashlib.sha256(row["sample"].encode()).digest()[0] % 3 == 0
            yield Sample(row["sample"], row["path"], row["class"], lines, encoded(text, row["encoding"]), held_out)


def encoded(text: str, encoding: str) -> bytes:
    """Return *text* as it is on the host: an encoding of Python, or crlf, cr, gzip."""
    if encoding == "crlf":
        return text.replace("\n", "\r\n").encode()
    if encoding == "cr":
        return text.replace("\n", "\r").encode()
    if encoding == "gzip":
        return gzip.compress(text.encode(), mtime=0)
    return text.encode(encoding)
