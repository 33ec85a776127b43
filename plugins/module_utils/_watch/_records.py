# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Count requests by caller, bounded in memory and as JSON.

The JSON has the format that `_callers/_file.py` documents. If there are too many callers, some of the user with the largest records
are evicted, so that no user can evict the callers of others. Those without normal-mode requests, and with the oldest ones, are first.
Their counts are added to one record without names, ``other``.
"""

import json
import typing as t
from collections import Counter

from .._callers._paths import every_class
from .._callers._vocabulary import MODES, NORMAL_MODE, PROBE
from .._imds._service import ADDRESS, ADDRESS_IPV6, ADDRESSES

MAXIMUM_BYTES = 900000  # of all records as JSON
MAXIMUM_CALLERS = 2000
_CALLER_BYTES = 520  # of a caller besides its names: braces, parents, methods of attribution
_ROW_BYTES = 150
_ADDRESS_BYTES = 32
_MAXIMUM_PARENTS = 4
_LONGEST = {"user": 32, "comm": 16, "exe": 256, "unit": 128, "container": 96, "source": 45}
ATTRIBUTED_BY = ("connect", "tracepoint", "socket", "uid", "address", "none")
EXE_ATTRIBUTED_BY = ("proc", "exec", "same_name", "none")

NOISE = {
    PROBE: "access_modes_info or ecs-metadata modes checked whether normal mode is available",
    "cloud_assistant": "Cloud Assistant sends a normal-mode request first, and a token-authenticated one if it is refused",
    "retry": "an SDK repeated in normal mode what it had just requested with a token",
}


class Caller(t.NamedTuple):
    """The names that distinguish callers; None for unknown ones."""

    uid: t.Optional[int] = None
    user: t.Optional[str] = None
    comm: t.Optional[str] = None
    exe: t.Optional[str] = None
    unit: t.Optional[str] = None
    container: t.Optional[str] = None
    source: t.Optional[str] = None

    def cut(self) -> "Caller":
        """Return the caller with all names cut to their maximum length."""
        texts = {name: getattr(self, name) for name in _LONGEST}
        return self._replace(**{name: text and text[: _LONGEST[name]] for name, text in texts.items()})


OTHER = Caller()
Row = t.Dict[str, t.Any]
_Key = t.Tuple[str, str, str, str]  # mode, path, noise, address of the service


class Sighting(t.NamedTuple):
    """A caller, the methods that attributed the request to it, and the command name of its parent."""

    caller: Caller
    attributed_by: str = "none"
    exe_attributed_by: str = "none"
    parent: t.Optional[str] = None


class _Entry:
    """The record of one caller."""

    __slots__ = (
        "caller", "owner", "rows", "parents", "attributed_by", "exe_attributed_by",
        "size", "text", "normal_mode", "latest",
    )  # fmt: skip

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.owner = _owner(caller)
        self.rows: t.Dict[_Key, Row] = {}
        self.parents: "t.Counter[str]" = Counter()
        self.attributed_by: "t.Counter[str]" = Counter()
        self.exe_attributed_by: "t.Counter[str]" = Counter()
        self.size = _CALLER_BYTES + len(json.dumps(caller))
        self.text: t.Optional[str] = None  # its JSON, until it changes
        self.normal_mode, self.latest = False, 0

    def priority(self) -> t.Tuple[bool, int]:
        """Return the sort key for eviction; the lowest is evicted first."""
        return self.normal_mode, self.latest

    def count(self, row: Row, count: int, first: int, last: int) -> None:
        """Add requests to a row."""
        row["count"] += count
        row["first"] = min(row["first"], first)
        row["last"] = max(row["last"], last)
        self.normal_mode = self.normal_mode or row["mode"] == NORMAL_MODE
        self.latest = max(self.latest, last)
        self.text = None

    def content(self) -> t.Dict[str, t.Any]:
        """Return the record for JSON."""
        names = self.caller._asdict()
        counts = {
            "parents": self.parents,
            "attributed_by": self.attributed_by,
            "exe_attributed_by": self.exe_attributed_by,
        }
        return {**names, **counts, "requests": list(self.rows.values())}


class Records:
    """The records of all callers."""

    def __init__(self) -> None:
        self._entries: t.Dict[Caller, _Entry] = {}
        self._owned: t.Dict[t.Hashable, t.Dict[Caller, _Entry]] = {}  # the same entries by owner
        self._sizes: t.Dict[t.Hashable, int] = {}  # of the entries of each owner
        self._other = _Entry(OTHER)
        self._size = self._other.size

    def add(self, sighting: Sighting, mode: str, path: str, now: int, noise: str = "", address: str = ADDRESS) -> None:
        """Count one request to an *address* of the service at the time *now*, in seconds since 1970."""
        entry = self._entry(sighting.caller)
        row = self._row(entry, (mode, path, noise, address), now)
        entry.count(row, 1, now, now)
        entry.attributed_by[sighting.attributed_by] += 1
        entry.exe_attributed_by[sighting.exe_attributed_by] += 1
        if sighting.parent and (sighting.parent in entry.parents or len(entry.parents) < _MAXIMUM_PARENTS):
            entry.parents[sighting.parent[:16]] += 1

    def size(self) -> int:
        """Return an upper bound of the length of `as_json`."""
        return self._size

    def as_json(self, now: int) -> t.Tuple[str, str]:
        """Return the callers (a JSON array) and ``other`` (a JSON object). Times later than *now* are set to *now*."""
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
        """Add records that `as_json` wrote. Raises ValueError, KeyError, TypeError or AttributeError if they are invalid."""
        if not isinstance(callers, list) or not isinstance(other, dict):
            raise ValueError("callers must be a list, other a dictionary")
        for content in callers:
            caller = _caller(content)
            self._merge(self._entry(caller), content)
        self._merge(self._other, other)

    def _merge(self, entry: _Entry, content: t.Any) -> None:
        for row in content["requests"]:
            mode, path, noise, address = row["mode"], row["path"], row.get("noise", ""), row.get("address", ADDRESS)
            if mode not in MODES or path not in every_class() or noise not in ("", *NOISE) or address not in ADDRESSES:
                raise ValueError("unknown mode, path, noise or address")
            count, first, last = (row[name] for name in ("count", "first", "last"))
            if not all(isinstance(number, int) and 0 <= number < 1 << 53 for number in (count, first, last)):
                raise ValueError("invalid count or time")
            entry.count(self._row(entry, (mode, path, noise, address), first), count, first, last)
        for name, known in (("attributed_by", ATTRIBUTED_BY), ("exe_attributed_by", EXE_ATTRIBUTED_BY)):
            counts = {str(key): int(count) for key, count in content[name].items() if key in known}
            getattr(entry, name).update(counts)
        parents = {str(key)[:16]: int(count) for key, count in content["parents"].items()}
        entry.parents.update(dict(list(parents.items())[: _MAXIMUM_PARENTS - len(entry.parents)]))
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
                self._evict()
            self._entries[caller] = self._owned.setdefault(entry.owner, {})[caller] = entry
            self._grow(entry, entry.size)
            self._merge_unnamed(entry)
        return entry

    def _merge_unnamed(self, entry: _Entry) -> None:
        """Merge the record without an executable into *entry*, the first one with an executable and the same other names."""
        unnamed = entry.caller._replace(exe=None)
        if entry.caller.exe is None or unnamed not in self._entries:
            return
        if sum(caller._replace(exe=None) == unnamed for caller in self._owned[entry.owner]) > 2:
            return
        before = self._entries[unnamed]
        self._remove(before)
        before.exe_attributed_by = Counter(same_name=sum(before.exe_attributed_by.values()))
        self._absorb(entry, before)
        entry.parents.update(dict(list(before.parents.items())[: _MAXIMUM_PARENTS - len(entry.parents)]))

    def _row(self, entry: _Entry, key: _Key, now: int) -> Row:
        row = entry.rows.get(key)
        if row is None:
            mode, path, noise, address = key
            row = entry.rows[key] = {"mode": mode, "path": path, "count": 0, "first": now, "last": now}
            if noise:
                row["noise"] = noise
            size = _ROW_BYTES
            if address == ADDRESS_IPV6:
                row["address"] = address
                size += _ADDRESS_BYTES
            entry.size += size
            self._grow(entry, size)
        return row

    def _grow(self, entry: _Entry, size: int) -> None:
        self._size += size
        if entry is not self._other:
            self._sizes[entry.owner] = self._sizes.get(entry.owner, 0) + size

    def _remove(self, entry: _Entry) -> None:
        del self._entries[entry.caller], self._owned[entry.owner][entry.caller]
        self._grow(entry, -entry.size)
        if not self._owned[entry.owner]:
            del self._owned[entry.owner], self._sizes[entry.owner]

    def _evict(self) -> None:
        """Evict a fifth of the callers of the user with the largest records, at least one."""
        largest = max(self._sizes, key=self._sizes.__getitem__)
        entries = sorted(self._owned[largest].values(), key=_Entry.priority)
        for entry in entries[: max(1, len(entries) // 5)]:
            self._remove(entry)
            self._absorb(self._other, entry)

    def _absorb(self, entry: _Entry, former: _Entry) -> None:
        """Add the counts of *former*, a caller whose record was removed."""
        for key, row in former.rows.items():
            mine = self._row(entry, key, row["first"])
            entry.count(mine, row["count"], row["first"], row["last"])
        entry.attributed_by.update(former.attributed_by)
        entry.exe_attributed_by.update(former.exe_attributed_by)


def _owner(caller: Caller) -> t.Hashable:
    """Return who determines the names of a caller: a user, or one in a container, or another host."""
    return caller.uid, caller.container, caller.source if caller.uid is None else None


def _caller(content: t.Any) -> Caller:
    names = {name: content[name] for name in Caller._fields}
    texts = [names[name] for name in _LONGEST]
    if not all(text is None or isinstance(text, str) for text in texts):
        raise ValueError("a name must be text")
    if not (names["uid"] is None or isinstance(names["uid"], int)):
        raise ValueError("a uid must be a number")
    return Caller(**names)
