# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse the binary records of the kernel's trace ring buffer. Does no I/O.

Format: https://docs.kernel.org/trace/ring-buffer-map.html and the files events/header_page and events/header_event of tracefs.
"""

import errno
import re
import struct
import typing as t

_FIELD = re.compile(r"field:[^;]*?(\w+)(?:\[\d+\])?;\s*offset:(\d+);\s*size:(\d+);")
_HEADER_SIZES = {"common_type": 2, "common_pid": 4}

# The header of a page: time, then the number of bytes, and two flags
_PAGE = struct.Struct("=QQ")
_SIZE, _LOST, _LOST_COUNTED = (1 << 30) - 1, 1 << 31, 1 << 30
_PADDING, _TIME_EXTEND, _TIME_STAMP = 29, 30, 31  # types of records without data


class Record(t.NamedTuple):
    """A record of the ring buffer: its time in nanoseconds, and its data."""

    time: int
    data: bytes


class Layout:
    """The number of a kind of record, and the offsets of its fields, from its file ``format`` in tracefs."""

    def __init__(self, text: str, sizes: t.Mapping[str, int]) -> None:
        """Parse the file. Raises OSError if a field does not have the size in *sizes*."""
        found = {name: (int(offset), int(size)) for name, offset, size in _FIELD.findall(text)}
        number = re.search(r"^ID: (\d+)$", text, re.MULTILINE)
        for name, size in [*sizes.items(), *_HEADER_SIZES.items()]:
            if number is None or found.get(name, (0, 0))[1] != size:
                raise OSError(errno.EINVAL, "the format of a tracepoint is unknown: field %s" % name)
        self.kind = int(number.group(1)) if number else 0
        self.offsets = {name: offset for name, (offset, _size) in found.items()}
        self.length = max(offset + size for offset, size in found.values())


def records_of(page: bytes) -> t.Tuple[t.List[Record], int]:
    """Return the records of a page of the ring buffer, and the number of lost records before it (at least)."""
    if len(page) < _PAGE.size:
        return [], 0
    when, commit = _PAGE.unpack_from(page)
    size = min(commit & _SIZE, len(page) - _PAGE.size)
    end, at = _PAGE.size + size, _PAGE.size
    lost = 0
    if commit & _LOST:
        counted = commit & _LOST_COUNTED and len(page) >= end + 8
        lost = max(1, struct.unpack_from("=Q", page, end)[0]) if counted else 1
    records: t.List[Record] = []
    while at + 4 <= end:
        (header,) = struct.unpack_from("=I", page, at)
        kind, delta = header & 31, header >> 5
        first = struct.unpack_from("=I", page, at + 4)[0] if at + 8 <= end else 0
        at += 4
        if kind == _PADDING:
            if not delta or not first:
                break  # the rest of the page is empty
            at += first
        elif kind == _TIME_EXTEND:
            when += (first << 27) + delta
            at += 4
        elif kind == _TIME_STAMP:
            when = (first << 27) + delta
            at += 4
        else:
            when += delta
            start, length = (at, kind * 4) if kind else (at + 4, first - 4)
            records.append(Record(when, page[start : start + length]))
            at += kind * 4 if kind else max(4, first)
    return records, lost
