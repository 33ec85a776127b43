# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inspect a process: user, executable, unit, container, parent.

A process may live for milliseconds, so the values that disappear first are read first. If the executable can no longer be read, the
executable of an earlier process with the same user, command name and unit is used, and marked ``same_name``. Where the kernel reports
started programs (`remember`), a process that has ended is known from its start; that is marked ``exec``.
"""

import os
import time
import typing as t

from .._common._bounded import BoundedMap
from .._common._text import from_bytes
from ._cgroups import Groups
from ._proc import identity, namespace
from ._records import Caller, Sighting
from ._units import Place, best
from ._units import place as place_of

_REMEMBERED = 4096
_AMBIGUOUS = ""  # several executables have the same user, command name and unit
_REMOVED = " (deleted)"  # after the path of a removed file, or group of version 2
_NOWHERE = Place(None, None)
_FRESH_SECONDS = 2.0  # a process that connects repeatedly is read once in this time
_STARTED_SECONDS = 60.0  # after this time, another process may have the same PID

Trusted = t.Callable[[str, str], str]  # see `_cgroups.Ownership.trusted`


class _Stat(t.NamedTuple):
    """Fields of /proc/PID/stat."""

    comm: str
    parent: int
    threads: int


class _Inspected(t.NamedTuple):
    """The result of an inspection, its arguments, and its monotonic time."""

    arguments: t.Tuple[str, int, t.Optional[str], int]
    when: float
    exe: t.Optional[str]
    sighting: Sighting


class Started(t.NamedTuple):
    """A process when it started a program: its network namespace, and the monotonic time."""

    sighting: Sighting
    network: int
    when: float


class Processes:
    """Inspect processes, with a memory of those that have ended.

    *proc* is the mount point of a proc file system. *trusted* removes the names of control groups that users choose. *passwd*
    replaces the system's file in tests.
    """

    def __init__(
        self,
        groups: t.Optional[Groups] = None,
        proc: str = "/proc",
        passwd: str = "/etc/passwd",
        trusted: Trusted = lambda hierarchy, path: path,
    ) -> None:
        self._trusted = trusted
        self._proc = proc
        self._groups = groups
        self._users = _Users(passwd)
        self._executables: "BoundedMap[t.Tuple[t.Any, ...], str]" = BoundedMap(_REMEMBERED)
        self._inspected: "BoundedMap[int, _Inspected]" = BoundedMap(_REMEMBERED)
        self._places: "BoundedMap[int, Place]" = BoundedMap(_REMEMBERED)
        self._started: "BoundedMap[int, Started]" = BoundedMap(_REMEMBERED)

    def inspect(
        self, pid: int, attributed_by: str, uid: int, comm: t.Optional[str] = None, cgroup: int = 0
    ) -> Sighting:
        """Return the caller that is this process (0: unknown), as far as it can be determined.

        *comm* and *cgroup* (an inode) are what the kernel reported when the process connected.
        """
        arguments, now = (attributed_by, uid, comm, cgroup), time.monotonic()
        known = self._inspected.get(pid)
        exe = self._link(pid, "exe") if pid else None
        if known is not None and known.arguments == arguments and now - known.when < _FRESH_SECONDS:
            # The process may have started another program, with another executable or another name.
            same_name = comm is not None or self._comm(pid) == known.sighting.caller.comm
            if exe == known.exe and same_name:
                return known.sighting
        sighting = self._read_all(pid, attributed_by, uid, comm, cgroup, exe)
        if sighting.exe_attributed_by == "proc":
            self._inspected.put(pid, _Inspected(arguments, now, exe, sighting))
        return sighting

    def remember(self, pid: int) -> None:
        """Inspect a process that has just started a program, because it may end before it is inspected again."""
        found = identity(self._proc, pid)
        if found is None:
            return
        sighting = self._read_all(pid, "none", found[1], None, 0, self._link(pid, "exe"))
        if sighting.exe_attributed_by == "proc":
            sighting = sighting._replace(exe_attributed_by="exec")
            self._started.put(pid, Started(sighting, namespace(self._proc, pid, "net"), time.monotonic()))

    def recall(self, pid: int, uid: t.Optional[int]) -> t.Optional[Started]:
        """Return what is known from the start of a process with this PID and, if it is not None, this user."""
        started = self._started.get(pid)
        if started is None or time.monotonic() - started.when > _STARTED_SECONDS:
            return None
        return started if uid is None or uid == started.sighting.caller.uid else None

    def _read_all(
        self, pid: int, attributed_by: str, uid: int, comm: t.Optional[str], cgroup: int, exe: t.Optional[str]
    ) -> Sighting:
        stat = self._stat(pid) if pid else None
        if stat is not None and (comm is None or stat.threads > 1):
            comm = stat.comm  # the name of the process, not of one of its threads
        if stat is None or stat.comm != comm:
            exe = None  # the process has ended, or its PID was reused
        place = self._place(pid, cgroup)
        key = (uid, comm, place)
        exe, exe_attributed_by = self._executable(key, exe)
        parent = self._stat(stat.parent) if stat and stat.parent else None
        user = None if place.container else self._users.name(uid)
        caller = Caller(uid, user, comm, exe, place.unit, place.container)
        return Sighting(caller, attributed_by, exe_attributed_by, parent.comm if parent else None)

    def _executable(self, key: t.Tuple[t.Any, ...], exe: t.Optional[str]) -> t.Tuple[t.Optional[str], str]:
        known = self._executables.get(key)
        if exe is None:
            return (known, "same_name") if known else (None, "none")
        if known != exe:
            self._executables.put(key, exe if known is None else _AMBIGUOUS)
        return exe, "proc"

    def _place(self, pid: int, cgroup: int) -> Place:
        known = self._places.get(cgroup) if cgroup else None
        if known is not None:
            return known
        lines = from_bytes(self._read(pid, "cgroup")).split("\n") if pid else []
        # Systemd may remove the group of a process that has ended, and whose parent has not waited for it yet.
        lines = [line[: -len(_REMOVED)] if line.endswith(_REMOVED) else line for line in lines]
        groups = [line.split(":", 2)[1:] for line in lines if line.count(":") >= 2]
        paths = [self._trusted(controllers.partition(",")[0], path) for controllers, path in groups]
        found = best(paths)
        if found == _NOWHERE:  # the process has ended or is ending, and was already moved to the root group
            path = self._groups.path(cgroup) if cgroup and self._groups else None
            return _NOWHERE if path is None else place_of(self._trusted("", path))
        if cgroup and len(paths) == 1:  # one hierarchy: the group determines the place
            self._places.put(cgroup, found)
        return found

    def _comm(self, pid: int) -> t.Optional[str]:
        stat = self._stat(pid)
        return None if stat is None else stat.comm

    def _stat(self, pid: int) -> t.Optional[_Stat]:
        line = self._read(pid, "stat")
        start, end = line.find(b"("), line.rfind(b")")
        fields = line[end + 2 :].split()
        if start < 0 or end < start or len(fields) < 18:
            return None
        return _Stat(from_bytes(line[start + 1 : end]), int(fields[1]), int(fields[17]))

    def _link(self, pid: int, name: str) -> t.Optional[str]:
        try:
            target = os.readlink("%s/%d/%s" % (self._proc, pid, name))
        except OSError:
            return None
        target = target[: -len(_REMOVED)] if target.endswith(_REMOVED) else target
        return from_bytes(os.fsencode(target))

    def _read(self, pid: int, name: str) -> bytes:
        try:
            with open("%s/%d/%s" % (self._proc, pid, name), "rb", 0) as stream:
                return stream.read(65536)
        except OSError:
            return b""


class _Users:
    """Names of local users. Directory services are not queried: they may be slow, or read metadata themselves."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._names: t.Dict[int, str] = {}
        self._changed: t.Optional[int] = None

    def name(self, uid: int) -> t.Optional[str]:
        try:
            changed = os.stat(self._path).st_mtime_ns
            if changed != self._changed:
                with open(self._path, "rb") as stream:
                    lines = [line.split(b":") for line in stream.read(1 << 20).splitlines()]
                known = [line for line in lines if len(line) > 3 and line[2].isdigit()]
                self._names = {int(line[2]): from_bytes(line[0]) for line in reversed(known)}
                self._changed = changed
        except OSError:
            pass
        return self._names.get(uid)
