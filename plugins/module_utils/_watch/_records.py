# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who called how often, and when? Sums by caller, bounded in bytes; pure. Private to the collection.

The records as JSON, one object for each caller::

    {"uid": 33, "user": "www-data", "comm": "curl", "exe": "/usr/bin/curl", "unit": "app.service", "container": null,
     "source": null, "parents": {"backup.sh": 3}, "found_by": {"connect": 3}, "exe_found_by": {"proc": 3},
     "requests": [{"mode": "without_token", "path": "instance-id", "count": 3, "first": 1764018387, "last": 1764018390}]}

``source`` is set for traffic that was forwarded by this host. What is not known is null. ``mode`` is one of
`_vocabulary.MODES`, ``path`` one of `_paths.every_class()`; ``noise`` is a key of `NOISE` where a request
without token is one that is expected of software that does know tokens; times are seconds since 1970. Callers that had
to make room are summed up in one without names, ``other``.
"""

from __future__ import annotations

import json
import typing as t

from .._callers._paths import every_class
from .._callers._vocabulary import MODES, PROBE, WITHOUT_TOKEN

MAXIMUM_BYTES = 900000  # of all records as JSON
MAXIMUM_CALLERS = 2000
_CALLER_BYTES = 520  # of a caller besides its names: braces, parents, how it was found
_ROW_BYTES = 150
_MAXIMUM_PARENTS = 4
_LONGEST = {"user": 32, "comm": 16, "exe": 256, "unit": 128, "container": 96, "source": 45}
FOUND_BY = ("connect", "socket", "uid", "address", "none")
EXE_FOUND_BY = ("proc", "same_name", "none")

NOISE = {
    PROBE: "access_modes_info, or ecs-metadata modes, asked whether a request without a token is answered",
    "cloud_assistant": "Cloud Assistant asks without a token first, and with one when that is refused",
    "retry": "an SDK repeated without a token what it had just asked with one",
}


class Caller(t.NamedTuple):
    """Everything that tells two callers apart."""

    uid: t.Optional[int] = None
    user: t.Optional[str] = None
    comm: t.Optional[str] = None
    exe: t.Optional[str] = None
    unit: t.Optional[str] = None
    container: t.Optional[str] = None
    source: t.Optional[str] = None

    def cut(self) -> "Caller":
        """With all texts as long as they may be."""
        texts = {name: getattr(self, name) for name in _LONGEST}
        return self._replace(**{name: text and text[: _LONGEST[name]] for name, text in texts.items()})


OTHER = Caller()
Row = t.Dict[str, t.Any]


class Sighting(t.NamedTuple):
    """A caller, how it was found, and the name of its parent."""

    caller: Caller
    found_by: str = "none"
    exe_found_by: str = "none"
    parent: t.Optional[str] = None


class _Entry:
    """One caller's record."""

    __slots__ = ("caller", "rows", "parents", "found_by", "exe_found_by", "size", "text", "plain", "latest")

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.rows: t.Dict[t.Tuple[str, str, str], Row] = {}
        self.parents: t.Dict[str, int] = {}
        self.found_by: t.Dict[str, int] = {}
        self.exe_found_by: t.Dict[str, int] = {}
        self.size = _CALLER_BYTES + len(json.dumps(caller))
        self.text: t.Optional[str] = None  # its JSON, while nothing has changed
        self.plain, self.latest = False, 0

    def worth(self) -> t.Tuple[bool, int]:
        """Who is worth least is the first to make room: no plain request, and long ago."""
        return self.plain, self.latest

    def count(self, row: Row, count: int, first: int, last: int) -> None:
        """Add requests to a row."""
        row["count"] += count
        row["first"] = min(row["first"], first)
        row["last"] = max(row["last"], last)
        self.plain = self.plain or row["mode"] == WITHOUT_TOKEN
        self.latest = max(self.latest, last)
        self.text = None

    def content(self) -> t.Dict[str, t.Any]:
        names = self.caller._asdict()
        found = {"parents": self.parents, "found_by": self.found_by, "exe_found_by": self.exe_found_by}
        return {**names, **found, "requests": list(self.rows.values())}


class Records:
    """The sums of all callers."""

    def __init__(self) -> None:
        self._entries: t.Dict[Caller, _Entry] = {}
        self._other = _Entry(OTHER)
        self._size = self._other.size

    def add(self, sighting: Sighting, mode: str, path: str, now: int, noise: str = "") -> None:
        """Count one request."""
        entry = self._entry(sighting.caller)
        row = self._row(entry, mode, path, noise, now)
        entry.count(row, 1, now, now)
        _count(entry.found_by, sighting.found_by)
        _count(entry.exe_found_by, sighting.exe_found_by)
        if sighting.parent and (sighting.parent in entry.parents or len(entry.parents) < _MAXIMUM_PARENTS):
            _count(entry.parents, sighting.parent[:16])

    def size(self) -> int:
        """No less than the bytes of `as_json`."""
        return self._size

    def as_json(self, now: int) -> t.Tuple[str, str]:
        """The callers (an array) and the sum of the others (an object). No time in them is later than *now*."""
        for entry in (*self._entries.values(), self._other):
            if any(row["last"] > now for row in entry.rows.values()):  # the clock was set back
                for row in entry.rows.values():
                    row["last"] = min(row["last"], now)
                    row["first"] = min(row["first"], now)
                entry.latest = min(entry.latest, now)
                entry.text = None
            if entry.text is None:
                entry.text = json.dumps(entry.content(), separators=(",", ":"))
        texts = [entry.text or "" for entry in self._entries.values()]
        return "[%s]" % ",\n".join(texts), self._other.text or "{}"

    def load(self, callers: t.Any, other: t.Any) -> None:
        """Add what `as_json` wrote; raise ValueError for anything else."""
        if not isinstance(callers, list) or not isinstance(other, dict):
            raise ValueError("no list of callers, or no sum of the others")
        for content in callers:
            caller = _caller(content)
            self._merge(self._entry(caller), content)
        self._merge(self._other, other)

    def _merge(self, entry: _Entry, content: t.Any) -> None:
        for row in content["requests"]:
            mode, path, noise = row["mode"], row["path"], row.get("noise", "")
            if mode not in MODES or path not in every_class() or noise not in ("", *NOISE):
                raise ValueError("a request of an unknown kind")
            count, first, last = (row[name] for name in ("count", "first", "last"))
            if not all(isinstance(number, int) and 0 <= number < 1 << 53 for number in (count, first, last)):
                raise ValueError("a count or time that is none")
            entry.count(self._row(entry, mode, path, noise, first), count, first, last)
        for name, known in (("found_by", FOUND_BY), ("exe_found_by", EXE_FOUND_BY)):
            counts = {str(key): int(count) for key, count in content[name].items() if key in known}
            _sum(getattr(entry, name), counts)
        parents = {str(key)[:16]: int(count) for key, count in content["parents"].items()}
        _sum(entry.parents, dict(list(parents.items())[: _MAXIMUM_PARENTS - len(entry.parents)]))
        entry.text = None

    def _entry(self, caller: Caller) -> _Entry:
        entry = self._entries.get(caller)
        if entry is not None:
            return entry
        caller = caller.cut()
        entry = self._entries.get(caller)
        if entry is None:
            entry = _Entry(caller)
            if len(self._entries) >= MAXIMUM_CALLERS or self._size + entry.size + _ROW_BYTES > MAXIMUM_BYTES:
                self._make_room()
            self._entries[caller] = entry
            self._size += entry.size
            self._merge_unnamed(entry)
        return entry

    def _merge_unnamed(self, entry: _Entry) -> None:
        """The first executable of a caller: those before it that had ended too soon were surely the same."""
        nameless = entry.caller._replace(exe=None)
        if entry.caller.exe is None or nameless not in self._entries:
            return
        if sum(caller._replace(exe=None) == nameless for caller in self._entries) > 2:
            return
        before = self._entries.pop(nameless)
        self._size -= before.size
        before.exe_found_by = {"same_name": sum(before.exe_found_by.values())}
        self._take_over(entry, before)
        _sum(entry.parents, dict(list(before.parents.items())[: _MAXIMUM_PARENTS - len(entry.parents)]))

    def _row(self, entry: _Entry, mode: str, path: str, noise: str, now: int) -> Row:
        row = entry.rows.get((mode, path, noise))
        if row is None:
            row = entry.rows[mode, path, noise] = {"mode": mode, "path": path, "count": 0, "first": now, "last": now}
            if noise:
                row["noise"] = noise
            entry.size += _ROW_BYTES
            self._size += _ROW_BYTES
        return row

    def _make_room(self) -> None:
        """Sum up a fifth of the callers under other; at least one, at most all but one."""
        entries = sorted(self._entries.values(), key=_Entry.worth)
        for entry in entries[: max(1, len(entries) // 5)]:
            del self._entries[entry.caller]
            self._size -= entry.size
            self._take_over(self._other, entry)

    def _take_over(self, entry: _Entry, former: _Entry) -> None:
        """All but the names."""
        for (mode, path, noise), row in former.rows.items():
            mine = self._row(entry, mode, path, noise, row["first"])
            entry.count(mine, row["count"], row["first"], row["last"])
        _sum(entry.found_by, former.found_by)
        _sum(entry.exe_found_by, former.exe_found_by)


def _caller(content: t.Any) -> Caller:
    names = {name: content[name] for name in Caller._fields}
    texts = [names[name] for name in _LONGEST]
    if not all(text is None or isinstance(text, str) for text in texts):
        raise ValueError("a name that is no text")
    if not (names["uid"] is None or isinstance(names["uid"], int)):
        raise ValueError("a uid that is no number")
    return Caller(**names)


def _count(counts: t.Dict[str, int], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1


def _sum(counts: t.Dict[str, int], more: t.Mapping[str, int]) -> None:
    for name, count in more.items():
        counts[name] = counts.get(name, 0) + count
